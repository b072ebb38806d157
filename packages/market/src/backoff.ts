/** How long a worker that was dropped stays out of a stream, and what is thought of its speed when it comes back. */
import type { Config } from "./config.ts";
import type { Fault } from "./job.ts";
import { believe, type Measured } from "./speed.ts";

export interface Dropped {
  readonly fault: Fault | "unserved";
  /** Nobody else is hired or has bid: while it is out this tab encodes by itself. */
  readonly alone: boolean;
  /** How often running it was dropped while alone, without a segment in time between. */
  readonly tries: number;
  /** Results of its that failed a check, or were not served. */
  readonly invalid: number;
}

/** Faults of a device or of links, not of an owner: they pass. */
const slow = (fault: Dropped["fault"]) =>
  fault === "late" || fault === "failed" || fault === "dead";

/** True where a dropped worker is tried again soon, with fewer rungs, because nobody but this tab makes the stream meanwhile. */
export const soon = ({ fault, alone }: Pick<Dropped, "fault" | "alone">): boolean =>
  alone && slow(fault);

/** Late segments after which a worker is dropped. */
export const mostLate = (alone: boolean, { late, alone: lone }: Config): number =>
  alone ? lone.late : late.most;

/** How long a dropped worker stays out, in milliseconds; Infinity: for the rest of the stream. */
export function awayMs(dropped: Dropped, config: Config): number {
  const { fault, tries, invalid } = dropped;
  if (invalid >= config.mostInvalid) return Number.POSITIVE_INFINITY;
  if (fault === "left") return 0;
  if (!soon(dropped)) return config.returnMs;
  return Math.min(config.alone.mostMs, config.alone.awayMs * 2 ** tries);
}

/** One segment of a stream, and the time that there is for it in milliseconds. */
export interface Want {
  /** Output pixels of all rungs and frames. */
  readonly pixels: number;
  /** The same of the lowest rung, which is the least that is ever asked. Default 0: not known. */
  readonly least?: number;
  /** Source bytes. */
  readonly bytes: number;
  readonly slackMs: number;
}

/** Output pixels of one segment that a worker makes in time, by the rule that says who is feasible. */
export function makes(
  want: Want,
  claimed: number,
  measured: Measured | undefined,
  config: Config,
): number {
  const { pixelsPerS } = believe(claimed, measured, config);
  return Math.max(0, (pixelsPerS * leftMs(want, claimed, measured, config)) / 1_000);
}

/** What is left of the time for the work itself, in milliseconds; negative where the links alone take more. */
function leftMs(
  want: Want,
  claimed: number,
  measured: Measured | undefined,
  config: Config,
): number {
  const { uplink, pullMs } = believe(claimed, measured, config);
  return want.slackMs / config.margin - (want.bytes * 8_000) / uplink - pullMs;
}

/** So that who makes just the lowest rung is feasible for it. */
const MORE = 1.05;

/**
 * What is held of a worker's speed once it was too slow for what was asked: it makes `config.alone.makes` of those pixels in time, or
 * less where less was measured. What it makes of fewer rungs then corrects the figure, up as well as down. Unchanged where its links
 * alone take all the time, since fewer rungs would not help.
 */
export function slower(
  want: Want,
  claimed: number,
  measured: Measured | undefined,
  config: Config,
): Measured | undefined {
  const left = leftMs(want, claimed, measured, config);
  if (left <= 0) return measured;
  const { pixelsPerS } = believe(claimed, measured, config);
  // The lowest rung is tried whatever was seen: below it there is nothing to ask for, and nothing to learn from.
  const pixels = Math.max(config.alone.makes * want.pixels, MORE * (want.least ?? 0));
  const most = (pixels * 1_000) / left;
  return {
    samples: Math.max(config.measuredAfter, measured?.samples ?? 0),
    pixelsPerS: Math.min(pixelsPerS, most),
    uplink: measured?.uplink,
    pullMs: measured?.pullMs ?? config.assumedPullMs,
  };
}
