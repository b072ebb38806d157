import type { Config } from "./config.ts";

/** What this broadcaster has measured of a worker. */
export interface Measured {
  /** Segments measured. */
  readonly samples: number;
  /** Output pixels per second. */
  readonly pixelsPerS: number;
  /** Bits per second towards it. */
  readonly uplink: number;
  /** Receipt and pull, in milliseconds. */
  readonly pullMs: number;
}

/** One verified segment, timed apart. */
export interface Sample {
  readonly pixels: number;
  /** Source bytes sent. */
  readonly bytes: number;
  readonly uploadMs: number;
  readonly encodeMs: number;
  readonly pullMs: number;
}

const average = (before: number | undefined, now: number, alpha: number) =>
  before === undefined ? now : (1 - alpha) * before + alpha * now;

/** The averages with one more sample. Times under a millisecond count as one. */
export function measure(before: Measured | undefined, sample: Sample, { alpha }: Config): Measured {
  return {
    samples: (before?.samples ?? 0) + 1,
    pixelsPerS: average(
      before?.pixelsPerS,
      (sample.pixels * 1_000) / Math.max(1, sample.encodeMs),
      alpha,
    ),
    uplink: average(before?.uplink, (sample.bytes * 8_000) / Math.max(1, sample.uploadMs), alpha),
    pullMs: average(before?.pullMs, sample.pullMs, alpha),
  };
}

/** What to reckon with: own measurements after three segments, 0.7 of the claim before. */
export function believe(
  claimed: number,
  measured: Measured | undefined,
  config: Config,
): Omit<Measured, "samples"> {
  const enough = measured !== undefined && measured.samples >= config.measuredAfter;
  return {
    pixelsPerS: enough ? measured.pixelsPerS : claimed * config.claimTrust,
    uplink: measured?.uplink ?? config.assumedUplink,
    pullMs: measured?.pullMs ?? config.assumedPullMs,
  };
}
