/** Ends a request whose asker does not bring it on: it sends what it announced, or takes what it is sent, too slowly or not at all. */
import type { Clock } from "@tabcast/runtime";

/** How often it is looked at, in milliseconds: who does nothing is out after twice as long at most. */
export const SPAN_MS = 10_000;
/** What has to come or go in that time, in bytes: 13 kbit/s, far below any link that video passes. */
export const LEAST_BYTES = 16 * 1024;

/** What an asker has done for one request. */
export interface Progress {
  /** Bytes that it sent of what it announced, or took of what it was sent. */
  bytes: number;
  /** We wait for it now: for its request, for it to take what we send. */
  waiting: boolean;
  /** How often we had nothing more to wait for. */
  rests: number;
}

export const noProgress = (): Progress => ({ bytes: 0, waiting: true, rests: 0 });

/** Whether an asker that was waited for all the time between two looks did too little. */
export const isIdle = (before: Readonly<Progress>, now: Readonly<Progress>): boolean =>
  before.waiting &&
  now.waiting &&
  now.rests === before.rests &&
  now.bytes - before.bytes < LEAST_BYTES;

/** Calls `idle` once the asker was idle between two looks. Ends with `signal`. */
export async function watchIdle(
  progress: Progress,
  { clock, signal, idle }: { clock: Clock; signal: AbortSignal; idle: () => void },
): Promise<void> {
  for (;;) {
    const before = { ...progress };
    await clock.sleep(SPAN_MS, { signal });
    if (isIdle(before, progress)) return idle();
  }
}
