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
