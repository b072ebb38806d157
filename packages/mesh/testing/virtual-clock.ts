import { type Clock, Millis } from "@tabcast/runtime";

/** Time that moves when told. */
export function virtualClock(): { readonly clock: Clock; pass(ms: number): Promise<void> } {
  let now = 0;
  const sleepers: { at: number; wake: () => void }[] = [];
  const clock: Clock = {
    now: () => Millis.of(now),
    unix: () => Millis.of(now),
    timeout: () => new AbortController().signal,
    sleep: (ms, { signal } = {}) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const sleeper = { at: now + ms, wake: resolve };
        sleepers.push(sleeper);
        signal?.addEventListener(
          "abort",
          () => {
            const at = sleepers.indexOf(sleeper);
            if (at >= 0) sleepers.splice(at, 1);
            reject(signal.reason);
          },
          { once: true },
        );
      }),
  };
  const settle = async () => {
    for (let i = 0; i < 50; i++) await Promise.resolve();
  };
  return {
    clock,
    async pass(ms) {
      const end = now + ms;
      await settle();
      while (true) {
        sleepers.sort((a, b) => a.at - b.at);
        if ((sleepers[0]?.at ?? Number.POSITIVE_INFINITY) > end) break;
        const next = sleepers.shift();
        now = Math.max(now, next?.at ?? 0);
        next?.wake();
        await settle();
      }
      now = end;
    },
  };
}
