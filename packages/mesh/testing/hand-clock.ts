import { type Clock, Millis } from "@tabcast/runtime";

/** A clock that a test moves. */
export interface HandClock {
  readonly clock: Clock;
  /** Wakes, in their order, all that sleep for no longer than so many milliseconds, and what they begin. */
  pass(ms: number): Promise<void>;
}

export function handClock(): HandClock {
  let now = 0;
  const sleepers: { readonly at: number; readonly wake: () => void }[] = [];
  const at = (ms: number, wake: () => void) => void sleepers.push({ at: now + ms, wake });
  const clock: Clock = {
    now: () => Millis.of(now),
    unix: () => Millis.of(now),
    timeout(ms) {
      const late = new AbortController();
      at(ms, () => late.abort(new DOMException("too late", "TimeoutError")));
      return late.signal;
    },
    sleep: (ms, { signal } = {}) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        at(ms, resolve);
        signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
      }),
  };
  const settle = async () => {
    for (let turn = 0; turn < 50; turn++) await Promise.resolve();
  };
  return {
    clock,
    async pass(ms) {
      const end = now + ms;
      await settle();
      for (;;) {
        sleepers.sort((a, b) => a.at - b.at);
        const next = sleepers[0];
        if (next === undefined || next.at > end) break;
        sleepers.shift();
        now = Math.max(now, next.at);
        next.wake();
        await settle();
      }
      now = end;
    },
  };
}
