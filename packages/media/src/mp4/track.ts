import type { CodecName } from "../types.ts";

/** How samples are to be shown. Fields are those of WebCodecs; all four are known. */
export interface Colour {
  readonly primaries: VideoColorPrimaries;
  readonly transfer: VideoTransferCharacteristics;
  readonly matrix: VideoMatrixCoefficients;
  readonly fullRange: boolean;
}

/** What an init segment says of a video track. Sizes in pixels; `description` is avcC or av1C. */
export interface VideoTrack {
  readonly kind: "video";
  readonly codec: CodecName;
  /** RFC 6381. */
  readonly codecs: string;
  /** Ticks per second. */
  readonly timescale: number;
  readonly width: number;
  readonly height: number;
  readonly description?: Uint8Array;
  readonly colour?: Colour;
}

/** What an init segment says of an audio track. `description` is the AudioSpecificConfig, or an OpusHead. */
export interface AudioTrack {
  readonly kind: "audio";
  readonly codec: "aac" | "opus";
  readonly codecs: string;
  readonly timescale: number;
  readonly sampleRate: number;
  readonly channels: number;
  readonly description: Uint8Array;
}

export type Track = VideoTrack | AudioTrack;

/** One coded frame or audio packet, in decode order. Times in ticks of its track. */
export interface Sample {
  readonly data: Uint8Array;
  /** Presentation time. */
  readonly time: number;
  readonly duration: number;
  readonly key: boolean;
}

/** WebCodecs' colour names beside the numbers of ISO/IEC 23091-2 (H.273) that files carry. */
export const PRIMARIES: Readonly<Record<string, number>> = {
  bt709: 1,
  bt470bg: 5,
  smpte170m: 6,
  bt2020: 9,
  smpte432: 12,
};
export const TRANSFERS: Readonly<Record<string, number>> = {
  bt709: 1,
  smpte170m: 6,
  linear: 8,
  "iec61966-2-1": 13,
  pq: 16,
  hlg: 18,
};
export const MATRICES: Readonly<Record<string, number>> = {
  rgb: 0,
  bt709: 1,
  bt470bg: 5,
  smpte170m: 6,
  "bt2020-ncl": 9,
};

/** Microseconds of `ticks`; WebCodecs counts in these. */
export const microsOf = (ticks: number, timescale: number): number =>
  Math.round((ticks * 1e6) / timescale);

/** Frames per second of samples, in any order, whose durations may be lacking; 30 where nothing tells. */
export function frameRateOf(
  samples: readonly Pick<Sample, "time" | "duration">[],
  timescale: number,
): number {
  const start = samples.reduce(
    (least, { time }) => Math.min(least, time),
    Number.POSITIVE_INFINITY,
  );
  const shown = samples.reduce((most, s) => Math.max(most, s.time), start);
  const end = samples.reduce((most, s) => Math.max(most, s.time + s.duration), start);
  const ticks = end - start;
  const count = end > shown ? samples.length : samples.length - 1;
  return ticks > 0 ? (count * timescale) / ticks : 30;
}
