import { BoundedMap } from "@tabcast/runtime";
import type { Context } from "../context.ts";

/** Streams that are remembered; the one that was left alone first makes room. */
const MOST_BACKED_OFF = 128;

/** Streams that a worker leaves alone for a while, longer each time running. */
export interface BackOff {
  has(stream: string): boolean;
  /** How often running it was left alone. */
  times(stream: string): number;
  /** Leaves it alone from now on, for so many milliseconds. */
  add(stream: string, awayMs: number): void;
  /** The next time counts as the first. */
  forgive(stream: string): void;
}

export function openBackOff({ clock }: Pick<Context, "clock">): BackOff {
  const streams = new BoundedMap<string, { readonly until: number; readonly times: number }>(
    MOST_BACKED_OFF,
  );
  const times = (stream: string) => streams.get(stream)?.times ?? 0;
  return {
    has: (stream) => (streams.get(stream)?.until ?? 0) > clock.now(),
    times,
    add(stream, awayMs) {
      streams.set(stream, { until: clock.now() + awayMs, times: times(stream) + 1 });
    },
    forgive: (stream) => void streams.delete(stream),
  };
}
