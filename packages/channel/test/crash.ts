import type { MemoryStore } from "../src/store/memory.ts";
import type { Store } from "../src/store/store.ts";

/** The tab died here. */
export class Crash extends Error {}

/** A use of `store` in which the tab dies before its write number `at`, counted from 0: nothing is written from then on. */
export function dying(store: Store, at: number): Store {
  let writes = 0;
  return {
    ...store,
    write: async (changes) => {
      if (writes++ >= at) throw new Crash(`the tab died before write ${at}`);
      await store.write(changes);
    },
  };
}

/** A use of `store` that dies at its operation `at`: before it, or after it was done and before anybody knew. */
export function mortal(store: MemoryStore, fuse: Fuse): MemoryStore {
  const guard = async <T>(work: () => Promise<T>): Promise<T> => {
    if (fuse.left < 0) throw new Crash("the tab is dead");
    if (fuse.left-- > 0) return work();
    if (fuse.after) await work();
    throw new Crash("the tab died");
  };
  return {
    ...store,
    get: (key) => guard(() => store.get(key)),
    list: (prefix) => guard(() => store.list(prefix)),
    write: (changes) => guard(() => store.write(changes)),
    seal: (...secret) => guard(() => store.seal(...secret)),
    unseal: (...sealed) => guard(() => store.unseal(...sealed)),
  };
}

/** How many operations a store still does, and whether the last is done before the tab dies. */
export interface Fuse {
  left: number;
  after: boolean;
}
