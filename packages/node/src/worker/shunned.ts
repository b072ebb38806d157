import type { Clock } from "@tabcast/runtime";

/** Streams that are remembered; the one shunned first makes room. */
const MOST_SHUNNED = 128;

/** Streams that get no bid for a while, longer each time running. */
export interface Shunned {
  has(stream: string): boolean;
  /** How often running it was shunned. */
  times(stream: string): number;
  /** From now on, for so many milliseconds. */
  add(stream: string, awayMs: number): void;
  forgive(stream: string): void;
}

export function openShunned(clock: Clock): Shunned {
  const streams = new Map<string, { readonly until: number; readonly times: number }>();
  const times = (stream: string) => streams.get(stream)?.times ?? 0;
  return {
    has: (stream) => (streams.get(stream)?.until ?? 0) > clock.now(),
    times,
    add(stream, awayMs) {
      const next = { until: clock.now() + awayMs, times: times(stream) + 1 };
      streams.delete(stream); // set again: it becomes the newest
      streams.set(stream, next);
      if (streams.size > MOST_SHUNNED) streams.delete(streams.keys().next().value as string);
    },
    forgive: (stream) => void streams.delete(stream),
  };
}
