import type { Bytes, Micros } from "@tabcast/runtime";
import { MAX_FRAMES, MAX_PIXELS } from "../bounds.ts";
import { MediaError } from "../errors.ts";
import { readInit, readMedia } from "../mp4/read.ts";
import { microsOf, type Sample, type VideoTrack } from "../mp4/track.ts";
import type { Fragment } from "../types.ts";
import type { Sizes } from "./types.ts";

/** A video fragment, read but not decoded. */
export interface VideoFragment {
  readonly track: VideoTrack;
  readonly samples: readonly Sample[];
  /** Top-level box types of the media segment, in order. */
  readonly boxes: readonly string[];
  /** Presentation times in ascending order. */
  readonly timestamps: readonly Micros[];
  readonly duration: Micros;
}

/** Reads a video fragment. Throws MEDIA_MALFORMED, MEDIA_CODEC, MEDIA_NO_VIDEO or MEDIA_TOO_LARGE. */
export function readVideo({ init, media }: Pick<Fragment, "init" | "media">): VideoFragment {
  const track = readInit(init);
  if (track.kind !== "video")
    throw new MediaError({ code: "MEDIA_NO_VIDEO" }, "the segment has no video track");
  const { samples, boxes } = readMedia(media);
  const bounds = [
    ["picture", track.width * track.height, MAX_PIXELS],
    ["number of frames", samples.length, MAX_FRAMES],
  ] as const;
  for (const [what, value, limit] of bounds)
    if (value > limit)
      throw new MediaError(
        { code: "MEDIA_TOO_LARGE", what, value, limit },
        `${what} is too large: ${value}, at most ${limit}`,
      );
  const times = samples.map(({ time }) => time).sort((a, b) => a - b);
  const start = times[0] as number;
  const end = samples.reduce((most, { time, duration }) => Math.max(most, time + duration), start);
  return {
    track,
    samples,
    boxes,
    timestamps: times.map((time) => microsOf(time, track.timescale) as Micros),
    duration: microsOf(end - start, track.timescale) as Micros,
  };
}

/** How a segment's coded bytes are spread. */
export function sizesOf(
  { width, height }: Pick<VideoTrack, "width" | "height">,
  samples: readonly Sample[],
): Sizes {
  return {
    key: (samples[0]?.data.byteLength ?? 0) as Bytes,
    coded: samples.reduce((sum, { data }) => sum + data.byteLength, 0) as Bytes,
    pixels: width * height,
  };
}
