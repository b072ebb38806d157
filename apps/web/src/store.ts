import type { Store } from "@tabcast/tab";
import { useSyncExternalStore } from "react";

export { type Cell, cell, type Store } from "@tabcast/tab";

/** The store's value, and a new render whenever it changes. */
export function useStore<T>(store: Store<T>): T {
  return useSyncExternalStore(store.subscribe, store.get);
}
