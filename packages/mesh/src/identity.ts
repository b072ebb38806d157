import { MeshError } from "./error.ts";

/** Tabs of one origin and role that can be open at once. */
const SLOTS = 32;
const STORE = "identities";

export interface Identity {
  /** The Ed25519 seed of this tab's peer id, 32 bytes. It never holds money. */
  readonly seed: Uint8Array<ArrayBuffer>;
  /** Which of the origin's identities this is; a reopened tab takes the lowest free one. */
  readonly slot: number;
}

interface Sealed {
  readonly key: CryptoKey;
  readonly iv: Uint8Array<ArrayBuffer>;
  readonly seed: ArrayBuffer;
}

/**
 * This tab's own identity, made on first use and found again later. Two open tabs never share one: a relay would reach only
 * one of them. A Web Lock holds it for the tab's life, or until `signal` fires. `namespace` names the role. In IndexedDB the
 * seed is sealed with a key that scripts cannot read out. Throws MESH_NO_SLOT beyond 32 tabs and outside secure contexts.
 */
export async function loadIdentity(
  namespace: string,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<Identity> {
  if (!globalThis.isSecureContext)
    throw new MeshError(
      { code: "MESH_NO_SLOT", slots: 0 },
      "an identity needs a secure context: https, or a loopback address",
    );
  signal?.throwIfAborted();
  const slot = await claimSlot(namespace, signal);
  const db = await openStore(namespace);
  try {
    const held = await run(db, "readonly", (store) => store.get(slot));
    const seed = held === undefined ? undefined : await unseal(held as Sealed);
    if (seed !== undefined) return { seed, slot };
    // biome-ignore lint/plugin: a key must not be guessed, so no seed may give it.
    const made = crypto.getRandomValues(new Uint8Array(32));
    const sealed = await seal(made);
    await run(db, "readwrite", (store) => store.put(sealed, slot));
    return { seed: made, slot };
  } finally {
    db.close();
  }
}

async function seal(seed: Uint8Array<ArrayBuffer>): Promise<Sealed> {
  const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, [
    "encrypt",
    "decrypt",
  ]);
  // biome-ignore lint/plugin: a nonce must never repeat, so no seed may give it.
  const iv = crypto.getRandomValues(new Uint8Array(12));
  return { key, iv, seed: await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, seed) };
}

/** Undefined if the record was damaged: a new identity is better than a tab that cannot start. */
async function unseal({ key, iv, seed }: Sealed): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    const bytes = new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv }, key, seed));
    return bytes.byteLength === 32 ? bytes : undefined;
  } catch {
    return undefined;
  }
}

async function claimSlot(namespace: string, signal: AbortSignal | undefined): Promise<number> {
  for (let slot = 0; slot < SLOTS; slot++) {
    const mine = await new Promise<boolean>((resolve, reject) => {
      navigator.locks
        .request(`${namespace}-identity-${slot}`, { ifAvailable: true }, async (lock) => {
          resolve(lock !== null);
          // Held until the tab goes, however it goes.
          if (lock !== null)
            await new Promise<void>((release) =>
              signal?.addEventListener("abort", () => release(), { once: true }),
            );
        })
        .catch(reject);
    });
    if (mine) return slot;
  }
  throw new MeshError(
    { code: "MESH_NO_SLOT", slots: SLOTS },
    `${SLOTS} tabs of ${namespace} are open already`,
  );
}

function openStore(namespace: string): Promise<IDBDatabase> {
  const request = indexedDB.open(`${namespace}-identity`, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE);
  return result(request);
}

async function run<T>(
  db: IDBDatabase,
  mode: IDBTransactionMode,
  act: (store: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  // Strict: an identity that was used must survive a power cut.
  const transaction = db.transaction(STORE, mode, { durability: "strict" });
  const complete = new Promise<void>((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });
  const [value] = await Promise.all([result(act(transaction.objectStore(STORE))), complete]);
  return value;
}

function result<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
