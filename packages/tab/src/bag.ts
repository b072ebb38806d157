import type { Outside } from "./outside.ts";

/** What every part of a tab needs. */
export interface Bag {
  readonly outside: Outside;
  /** Fires when the tab is over. */
  readonly signal: AbortSignal;
}

/** `make` once, and once more after it failed. */
export function lazy<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    if (made === undefined) {
      const now = make();
      made = now;
      now.catch(() => {
        if (made === now) made = undefined;
      });
    }
    return made;
  };
}
