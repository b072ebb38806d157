import type { Bytes, Micros } from "@tabcast/runtime";
import { isKeyPacket } from "../bitstream.ts";
import { MAX_SEGMENT_BYTES } from "../bounds.ts";
import { tooLarge } from "../errors.ts";
import { readInit, readMedia } from "../mp4/read.ts";
import { microsOf } from "../mp4/track.ts";
import type { Structure } from "../types.ts";

/**
 * What the bytes of a video fragment say of themselves, without decoding. For audio, sizes are 0 and every packet is a
 * key. Throws MEDIA_TOO_LARGE, MEDIA_MALFORMED or MEDIA_CODEC.
 */
export function structureOf(init: Uint8Array, media: Uint8Array): Structure {
  const bytes = init.byteLength + media.byteLength;
  if (bytes > MAX_SEGMENT_BYTES) throw tooLarge("segment", bytes, MAX_SEGMENT_BYTES);
  const track = readInit(init);
  const { samples, boxes } = readMedia(media);
  const [first] = samples;
  const times = samples.map(({ time }) => time).sort((a, b) => a - b);
  const start = times[0] ?? 0;
  const end = samples.reduce((most, { time, duration }) => Math.max(most, time + duration), start);
  return {
    codecs: track.codecs,
    width: track.kind === "video" ? track.width : 0,
    height: track.kind === "video" ? track.height : 0,
    frames: samples.length,
    timestamps: times.map((time) => microsOf(time, track.timescale) as Micros),
    duration: microsOf(end - start, track.timescale) as Micros,
    startsWithKey:
      first?.key === true &&
      (track.kind === "audio" || isKeyPacket(track.codec, first.data, track.description)),
    bytes: media.byteLength as Bytes,
    boxes,
  };
}
