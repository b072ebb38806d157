import { type Clock, systemClock, toError } from "@tabcast/runtime";
import { persistentStorage } from "./persistence.ts";
import { newSealKey, seal, unseal } from "./seal.ts";
import { type Json, type Store, StoreError } from "./store.ts";

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(toError(request.error));
  });
}

function committed(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(toError(transaction.error));
    transaction.onerror = () => reject(toError(transaction.error));
  });
}

function unavailable(cause: unknown): StoreError {
  return new StoreError(
    { code: "STORE_UNAVAILABLE" },
    "this browser gives Tabcast no storage: leave private mode, or free some disk space",
    { cause },
  );
}

/**
 * A store that survives crashes and closed tabs, shared by the tabs of an origin. Writes are on disk when they resolve.
 * Throws STORE_UNAVAILABLE.
 */
export async function indexedDb(
  name = "tabcast-channel",
  clock: Clock = systemClock,
): Promise<Store> {
  let db: IDBDatabase;
  let key: CryptoKey;
  try {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("records");
      request.result.createObjectStore("keys");
    };
    db = await done(request);
    key = await sealKey(db);
  } catch (cause) {
    throw unavailable(cause);
  }
  // Asks that the browser not clear our books when the disk fills; nothing waits for the answer.
  void persistentStorage();
  let closed = false;
  // Another tab wants a newer version: holding on would block it for ever.
  db.onversionchange = () => {
    closed = true;
    db.close();
  };

  const transaction = (mode: "readonly" | "readwrite"): IDBTransaction => {
    if (closed) throw new StoreError({ code: "STORE_CLOSED" }, "the store was closed");
    // Chrome's default since version 121 is relaxed: it answers before the disk has the bytes.
    return db.transaction("records", mode, { durability: "strict" });
  };

  return {
    async get(record) {
      return done(transaction("readonly").objectStore("records").get(record));
    },
    async list(prefix) {
      const records = transaction("readonly").objectStore("records");
      const range = IDBKeyRange.bound(prefix, `${prefix}\uffff`);
      const [keys, values] = await Promise.all([
        done(records.getAllKeys(range)),
        done(records.getAll(range)),
      ]);
      return keys.map((record, i) => [String(record), values[i] as Json] as const);
    },
    async write(changes) {
      const writing = transaction("readwrite");
      const records = writing.objectStore("records");
      const end = committed(writing);
      try {
        for (const [record, value] of changes)
          if (value === undefined) records.delete(record);
          else records.put(value, record);
      } catch (error) {
        writing.abort();
        await end.catch(() => undefined);
        throw error;
      }
      await end;
    },
    seal: (secret, about) => seal(key, secret, about),
    unseal: (sealed, about) => unseal(key, sealed, about),
    async lock(what, { signal, patience = 2000 }) {
      const taken = Promise.withResolvers<() => void>();
      const end = AbortSignal.any([signal, clock.timeout(patience)]);
      navigator.locks
        .request(`${name}:${what}`, { signal: end }, () => {
          const { promise, resolve } = Promise.withResolvers<void>();
          taken.resolve(resolve);
          return promise;
        })
        .catch((cause) => {
          const locked = new StoreError(
            { code: "STORE_LOCKED", name: what },
            `${what} is open in another tab`,
            { cause },
          );
          taken.reject(signal.aborted ? signal.reason : locked);
        });
      return taken.promise;
    },
    async close() {
      if (closed) return;
      closed = true;
      db.close();
    },
  };
}

async function sealKey(db: IDBDatabase): Promise<CryptoKey> {
  const held = await done(db.transaction("keys").objectStore("keys").get("seal"));
  if (held) return held as CryptoKey;
  const fresh = await newSealKey();
  // Two tabs may come here at once: the one transaction that adds first wins, and both use its key.
  const writing = db.transaction("keys", "readwrite", { durability: "strict" });
  const keys = writing.objectStore("keys");
  const end = committed(writing);
  const other: unknown = await done(keys.get("seal"));
  if (other === undefined) keys.put(fresh, "seal");
  await end;
  return (other as CryptoKey | undefined) ?? fresh;
}
