import { bytesOf } from "../codecs.ts";
import type { AudioTrack } from "../mp4/track.ts";

/** Opus always counts in these, whatever the input's rate. */
export const OPUS_RATE = 48_000;

/** Length of an Opus packet in samples at 48 kHz, from its first bytes (RFC 6716 section 3.1). */
export function opusDuration(packet: Uint8Array): number {
  const toc = packet[0] ?? 0;
  const config = toc >> 3;
  const frame =
    config < 12
      ? [480, 960, 1920, 2880][config & 3]
      : config < 16
        ? [480, 960][config & 1]
        : [120, 240, 480, 960][config & 3];
  const code = toc & 3;
  const count = code === 0 ? 1 : code < 3 ? 2 : (packet[1] ?? 0) & 63;
  return (frame ?? 960) * count;
}

/** The track of an Opus decoder configuration; its description is an OpusHead, made here if it is missing. */
export function opusTrack(config: AudioDecoderConfig | undefined, channels: number): AudioTrack {
  const given = config?.description ? bytesOf(config.description) : undefined;
  const count = config?.numberOfChannels ?? channels;
  const head = Uint8Array.from([
    ...[0x4f, 0x70, 0x75, 0x73, 0x48, 0x65, 0x61, 0x64, 1, count],
    ...[0x38, 1, 0x80, 0xbb, 0, 0, 0, 0, 0], // 312 samples of pre-skip, 48 kHz, no gain, family 0
  ]);
  return {
    kind: "audio",
    codec: "opus",
    codecs: "opus",
    timescale: OPUS_RATE,
    sampleRate: OPUS_RATE,
    channels: count,
    description: given && given.length >= 19 ? given : head,
  };
}

/** A packet of 20 ms of silence (RFC 6716: CELT, full band, its silence flag set). */
export const silentOpus = (channels: number): Uint8Array<ArrayBuffer> =>
  Uint8Array.of(channels === 1 ? 0xf8 : 0xfc, 0xff, 0xfe);

/** Samples that a decoder drops at its start, from an OpusHead (RFC 7845 section 5.1). */
export const opusDelay = (head: Uint8Array): number => (head[10] ?? 0) | ((head[11] ?? 0) << 8);
