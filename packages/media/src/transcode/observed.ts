/** Weight of the newest job in the average. */
const ALPHA = 0.3;
/** Jobs seen before the average is believed. */
const ENOUGH = 5;
/** The average may differ from the figure by this factor, either way: ladders differ, and so do pictures. */
const USUAL = 1.5;
/** Beyond this factor the device itself has changed: throttled, busy with something else, its hardware lost or found. */
const CHANGED = 2;

/**
 * What a worker's own jobs say of one codec's speed. Authority: the jobs; the measurement at join is only where it begins.
 *
 * ```
 * few jobs --fifth--> usual <--within 1.5--> revised --off by 2--> measure again --> few jobs
 * ```
 */
export interface Observed {
  /** The figure to advertise, in output pixels per second. */
  readonly pixelsPerSecond: number;
  /** Moving average of the jobs since the figure was set, in output pixels per second. */
  readonly average: number | undefined;
  /** Jobs in the average. */
  readonly jobs: number;
}

/** One finished job: output pixels of all rungs and frames, and the milliseconds of work it took (`encodeMs`). */
export interface Worked {
  readonly pixels: number;
  readonly ms: number;
}

/** What is known before the first job: the measurement at join, or a repeated one. */
export const measured = (pixelsPerSecond: number): Observed => ({
  pixelsPerSecond,
  average: undefined,
  jobs: 0,
});

/**
 * Takes a job into account. Where the jobs of late differ from the figure, theirs is the figure from now on;
 * `measureAgain` is true if they differ so much that the sizes, the hardware and the encoder limit are in doubt too.
 */
export function observe(
  before: Observed,
  { pixels, ms }: Worked,
): { readonly state: Observed; readonly measureAgain: boolean } {
  if (!(pixels > 0)) return { state: before, measureAgain: false };
  const speed = (pixels * 1000) / Math.max(1, ms);
  const average =
    before.average === undefined ? speed : (1 - ALPHA) * before.average + ALPHA * speed;
  const jobs = before.jobs + 1;
  const factor = Math.max(average / before.pixelsPerSecond, before.pixelsPerSecond / average);
  if (jobs < ENOUGH || factor <= USUAL)
    return { state: { ...before, average, jobs }, measureAgain: false };
  return { state: measured(Math.round(average)), measureAgain: factor > CHANGED };
}
