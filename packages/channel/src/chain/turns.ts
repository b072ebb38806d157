import { SerialQueue } from "@tabcast/runtime";
import type { Waits } from "./types.ts";

/** Lets one at a time choose a nonce of a key: two that choose at once take the same, and one of their transactions is void. */
export interface Turns {
  /** Does `work` when nobody else's of that name is under way. Rejects with the signal's reason, or as `work` does. */
  run<T>(name: string, waits: Waits, work: () => Promise<T>): Promise<T>;
}

/** The part of `navigator.locks` that is used. */
export interface Locks {
  request<T>(name: string, options: Waits, work: () => Promise<T>): Promise<T>;
}

/** Turns among all that share this value, and among all tabs of the origin where `locks` are the browser's. */
export function openTurns(locks: Locks | undefined): Turns {
  const queues = new Map<string, { readonly queue: SerialQueue; waiting: number }>();

  return {
    async run(name, { signal }, work) {
      const place = queues.get(name) ?? { queue: new SerialQueue(), waiting: 0 };
      queues.set(name, place);
      place.waiting++;
      try {
        return await place.queue.run(async () => {
          signal.throwIfAborted();
          return locks ? locks.request(`tabcast-sender/${name}`, { signal }, work) : work();
        });
      } finally {
        if (--place.waiting === 0) queues.delete(name);
      }
    },
  };
}

/** The turns of this tab. */
export const tabTurns: Turns = openTurns(
  // Undefined where the page is not served securely.
  (globalThis.navigator as { locks?: Locks } | undefined)?.locks,
);
