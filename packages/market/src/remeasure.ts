/**
 * When an idle device measures itself again. A figure that was taken beside other work is too low, never too high: so a trial only ever
 * raises it, and who lowers it are the jobs. A trial is short; what it takes of the device's time is bounded, and what changes nothing
 * is repeated ever more seldom.
 *
 *   eager ──two minutes without a change──▶ patient: twice as long each time, a minute at most
 *     ▲                                        │ its runs differ, or it was quicker
 *     └────────────────────────────────────────┘
 */

/** How often an eager device tries, in milliseconds: it is to find out within ten seconds of quiet, and a whole measurement takes two. */
export const EVERY_MS = 7_000;
/** Most of a device's time that trials take; a slow device tries less often. */
export const SHARE = 0.04;
/** How long after a change, or after it joined, a device is eager, in milliseconds. */
export const EAGER_MS = 120_000;
/** A patient device tries at least this often, in milliseconds. */
export const MOST_MS = 60_000;
/** Runs of one device that differ by more than this factor were disturbed; a figure that is off by more is wrong. */
export const STEADY = 1.25;

export interface Watch {
  /** When the next trial is due, in milliseconds. */
  readonly dueAt: number;
  /** The wait that led there. */
  readonly waitMs: number;
  /** When something was last found that differed, in milliseconds. */
  readonly changedAt: number;
}

/** One trial: a short measurement, in output pixels per second. */
export interface Trial {
  readonly now: number;
  /** What it took, in milliseconds. */
  readonly tookMs: number;
  readonly found: number;
  /** What it would find if the figure that is advertised were right. */
  readonly expected: number;
  /** The slowest of its runs by the fastest, at least 1; undefined for a single run. */
  readonly spread?: number | undefined;
}

/** A device that has just measured itself. */
export const begin = (now: number): Watch => ({
  dueAt: now + EVERY_MS,
  waitMs: EVERY_MS,
  changedAt: now,
});

/** A job came, or the device was not idle: the same trial is due as long after it. */
export const put = (watch: Watch, now: number): Watch => ({ ...watch, dueAt: now + watch.waitMs });

/** A trial failed, as it will again: it counts as one that changed nothing, and is repeated ever more seldom. */
export function failed(watch: Watch, { now, tookMs }: Pick<Trial, "now" | "tookMs">): Watch {
  const waitMs = Math.max(EVERY_MS, tookMs / SHARE, Math.min(MOST_MS, 2 * watch.waitMs));
  return { ...watch, dueAt: now + waitMs, waitMs };
}

/** What a trial makes of a watch, and whether the device is to be measured as a whole, since it is quicker than it says. */
export function tried(
  watch: Watch,
  of: Trial,
): { readonly watch: Watch; readonly quicker: boolean } {
  const { now, tookMs, found, expected, spread = 1 } = of;
  const quicker = found > STEADY * expected;
  const changedAt = quicker || spread > STEADY ? now : watch.changedAt;
  const least = Math.max(EVERY_MS, tookMs / SHARE);
  const eager = now - changedAt < EAGER_MS;
  const waitMs = eager ? least : Math.max(least, Math.min(MOST_MS, 2 * watch.waitMs));
  return { watch: { dueAt: now + waitMs, waitMs, changedAt }, quicker };
}
