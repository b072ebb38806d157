import type { Config } from "./config.ts";

/** What this broadcaster has measured of a worker. */
export interface Measured {
  /** Segments measured. */
  readonly samples: number;
  /** Output pixels per second. */
  readonly pixelsPerS: number;
  /** Bits per second towards it; undefined until something was sent to it at full speed. */
  readonly uplink: number | undefined;
  /** Receipt and pull, in milliseconds. */
  readonly pullMs: number;
}

/** One verified segment, timed apart; times in milliseconds. */
export interface Sample {
  readonly pixels: number;
  /** Source bytes sent, and how long that took; undefined where they were sent as they were made, which says nothing. */
  readonly upload: { readonly bytes: number; readonly ms: number } | undefined;
  /** At work: without waiting for input. */
  readonly encodeMs: number;
  readonly pullMs: number;
}

const average = (before: number | undefined, now: number, alpha: number) =>
  before === undefined ? now : (1 - alpha) * before + alpha * now;

/** The averages with one more sample. Times under a millisecond count as one. */
export function measure(before: Measured | undefined, sample: Sample, { alpha }: Config): Measured {
  const { upload } = sample;
  const uplink = upload && (upload.bytes * 8_000) / Math.max(1, upload.ms);
  return {
    samples: (before?.samples ?? 0) + 1,
    pixelsPerS: average(
      before?.pixelsPerS,
      (sample.pixels * 1_000) / Math.max(1, sample.encodeMs),
      alpha,
    ),
    uplink: uplink === undefined ? before?.uplink : average(before?.uplink, uplink, alpha),
    pullMs: average(before?.pullMs, sample.pullMs, alpha),
  };
}

/** What to reckon with: own measurements after three segments, 0.7 of the claim before. */
export function believe(
  claimed: number,
  measured: Measured | undefined,
  config: Config,
): { readonly pixelsPerS: number; readonly uplink: number; readonly pullMs: number } {
  const enough = measured !== undefined && measured.samples >= config.measuredAfter;
  return {
    pixelsPerS: enough ? measured.pixelsPerS : claimed * config.claimTrust,
    uplink: measured?.uplink ?? config.assumedUplink,
    pullMs: measured?.pullMs ?? config.assumedPullMs,
  };
}
