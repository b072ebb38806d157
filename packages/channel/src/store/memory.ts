import { type Clock, systemClock } from "@tabcast/runtime";
import { newSealKey, seal, unseal } from "./seal.ts";
import { type Json, type Store, StoreError } from "./store.ts";

/** A store that lasts as long as the process: tests, Node.js tools and pages that need to remember nothing. */
export function memory(clock: Clock = systemClock): MemoryStore {
  return use({ records: new Map(), held: new Map(), key: newSealKey() }, clock);
}

/** A memory store that stands in for one used by several tabs. */
export interface MemoryStore extends Store {
  /** Another use of the same records, with its own end: a second tab, or the next start. */
  share(): MemoryStore;
}

/** Where records are while their process lives. */
export interface Place {
  /** JSON by key. */
  readonly records: Map<string, string>;
  /** Makes the records as they are to become survive a crash; they change only once it resolves. Default: nothing does. */
  readonly persist?: (records: ReadonlyMap<string, string>) => Promise<void>;
  readonly held: Map<string, Promise<void>>;
  readonly key: Promise<CryptoKey>;
}

/** A use of a place. */
export function use(place: Place, clock: Clock): MemoryStore {
  const { records, held, key, persist } = place;
  let closed = false;
  const open = () => {
    if (closed) throw new StoreError({ code: "STORE_CLOSED" }, "the store was closed");
  };

  return {
    share: () => use(place, clock),
    async get(name) {
      open();
      const text = records.get(name);
      return text === undefined ? undefined : (JSON.parse(text) as Json);
    },
    async list(prefix) {
      open();
      return [...records]
        .filter(([name]) => name.startsWith(prefix))
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, text]) => [name, JSON.parse(text) as Json] as const);
    },
    async write(changes) {
      open();
      // Serialised before the first change, so that one bad value changes nothing.
      const texts = changes.map(
        ([name, value]) => [name, value === undefined ? undefined : JSON.stringify(value)] as const,
      );
      const apply = (to: Map<string, string>) => {
        for (const [name, text] of texts)
          if (text === undefined) to.delete(name);
          else to.set(name, text);
        return to;
      };
      if (persist !== undefined) await persist(apply(new Map(records)));
      apply(records);
    },
    seal: async (secret, about) => {
      open();
      return seal(await key, secret, about);
    },
    unseal: async (sealed, about) => {
      open();
      return unseal(await key, sealed, about);
    },
    async lock(name, { signal, patience = 2000 }) {
      open();
      const end = AbortSignal.any([signal, clock.timeout(patience)]);
      for (let holder = held.get(name); holder; holder = held.get(name)) {
        const given = await Promise.race([
          holder.then(() => true),
          new Promise<false>((resolve) => {
            if (end.aborted) resolve(false);
            end.addEventListener("abort", () => resolve(false), { once: true });
          }),
        ]);
        signal.throwIfAborted();
        if (!given)
          throw new StoreError({ code: "STORE_LOCKED", name }, `${name} is open elsewhere`);
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      held.set(name, promise);
      return () => {
        if (held.get(name) !== promise) return;
        held.delete(name);
        resolve();
      };
    },
    async close() {
      closed = true;
    },
  };
}
