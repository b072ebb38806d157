import type { Millis } from "./units.ts";

/** Where time comes from. Decisions take it as an argument, so a simulator can bend it. */
export interface Clock {
  /** Milliseconds that never go back; the origin is arbitrary. */
  now(): Millis;
  /** Milliseconds since 1970, for what peers and people read. */
  unix(): Millis;
  /** Resolves after `ms`, or rejects with the signal's reason at once. */
  sleep(ms: number, options?: { signal?: AbortSignal }): Promise<void>;
  /** A signal that fires after `ms` with a TimeoutError, and keeps nothing alive until then. */
  timeout(ms: number): AbortSignal;
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => performance.now() as Millis,
  unix: () => Date.now() as Millis,
  sleep: (ms, { signal } = {}) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", stop);
        resolve();
      }, ms);
      const stop = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", stop, { once: true });
    }),
  timeout: (ms) => AbortSignal.timeout(ms),
};

/**
 * Unix milliseconds as a clock gives them now, and from then on counted by its monotonic time: whoever sets the machine's clock
 * meanwhile does not move it. For ages of what others send.
 */
export function steadyTime(clock: Pick<Clock, "now" | "unix">): () => Millis {
  const origin = clock.unix() - clock.now();
  return () => (origin + clock.now()) as Millis;
}

/**
 * Unix milliseconds that never go back, and never slower than monotonic time: a clock that is set back is not followed, one that
 * is ahead of it is, because some platforms' monotonic time stands still while a machine sleeps. For dating what one says.
 */
export function risingTime(clock: Pick<Clock, "now" | "unix">): () => Millis {
  let origin = clock.unix() - clock.now();
  return () => {
    origin = Math.max(origin, clock.unix() - clock.now());
    return (origin + clock.now()) as Millis;
  };
}
