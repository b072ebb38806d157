import { avcConfiguration, avcLengthSize, lengthUnits } from "../bitstream.ts";
import { bytesOf, chunkBytes, codecString, completeColour } from "../codecs.ts";
import { MediaError, messageOf } from "../errors.ts";
import type { VideoTrack } from "../mp4/track.ts";
import type { CodecName, Rung, TranscodeResult } from "../types.ts";
import type { StreamRates } from "./rate.ts";

/** One rung's encoder and what it has given. */
export interface Lane {
  readonly rung: Rung;
  readonly encoder: VideoEncoder;
  readonly chunks: EncodedVideoChunk[];
  readonly hardware: Hardware;
  config?: VideoDecoderConfig;
}

/** What codes: known to be hardware, known to be software, or either, since browsers fall back in silence. */
export type Hardware = TranscodeResult["hardware"];

/** Whether this browser takes the configuration; iOS Safari 26 may throw where others answer (Vanilagy/mediabunny#456). */
const supports = async (config: VideoEncoderConfig) =>
  (await VideoEncoder.isConfigSupported(config).catch(() => undefined))?.supported === true;

/**
 * What Chromium's software encoders do better with than with the defaults; hardware and other browsers may refuse it.
 * Temporal layers make frames that others do not refer to coarser and those that they do finer, in the order shown:
 * nothing is dropped or moved. Mean luma SSIM over four rungs of a cartoon and of a noisy camera pan: H.264 +0.004 and
 * -0.001 at the same bitrate. AV1 spends 0.25 to 0.9 of its target in VBR, and at 360p has +0.011 and +0.010 this way.
 * VP9 is best as it is. November 2026, Chromium 156 with OpenH264 2.3.1.
 */
const SOFTWARE: Readonly<Record<CodecName, Partial<VideoEncoderConfig>>> = {
  avc: { scalabilityMode: "L1T2" },
  vp9: {},
  av1: { scalabilityMode: "L1T3", bitrateMode: "constant" },
};

/** What an encoder is told for one rung. Shared by renditions and by sources that are encoded again. */
export function encoderConfigOf(
  codec: CodecName,
  rung: { readonly width: number; readonly height: number; readonly bitrate: number },
  frameRate: number,
): VideoEncoderConfig {
  return {
    codec: codecString(codec, rung, frameRate),
    width: rung.width,
    height: rung.height,
    bitrate: rung.bitrate,
    bitrateMode: "variable",
    framerate: frameRate,
    // "realtime" allows dropped frames, and a dropped frame gives no callback.
    latencyMode: "quality",
    ...(codec === "avc" ? { avc: { format: "avc" } } : {}),
  };
}

export interface LaneOptions {
  /** What to ask software for. */
  readonly rates?: StreamRates;
  /** Told of each encoded frame, and how many bytes came before it. */
  readonly made?: ((at: number, bytes: Uint8Array<ArrayBuffer>) => void) | undefined;
}

/**
 * Opens the encoder of one rung. "prefer-hardware" gives way where hardware does not take this rung; Chromium answers
 * with support only where hardware will be used. Throws MEDIA_ENCODER if this browser has no encoder for it.
 */
export async function openLane(
  codec: CodecName,
  rung: Rung,
  frameRate: number,
  acceleration: HardwareAcceleration,
  own: (coder: VideoEncoder) => void,
  fail: (error: unknown) => void,
  { rates, made }: LaneOptions = {},
): Promise<Lane> {
  const plain = encoderConfigOf(codec, rung, frameRate);
  const refuse = (why: string, cause?: unknown) =>
    new MediaError(
      { code: "MEDIA_ENCODER", codec: plain.codec },
      `cannot encode ${plain.codec} at ${rung.width}x${rung.height}: ${why}`,
      { cause },
    );
  const byHardware =
    acceleration !== "prefer-software" &&
    (await supports({ ...plain, hardwareAcceleration: "prefer-hardware" }));
  const config: VideoEncoderConfig = {
    ...plain,
    hardwareAcceleration:
      acceleration === "prefer-hardware" && !byHardware ? "no-preference" : acceleration,
  };
  // The codec string stays that of the rung's own bitrate, so that the init segment does not change with the correction.
  const paced = { ...config, bitrate: rates?.ask(codec, rung) ?? rung.bitrate };
  const wishes = byHardware ? [config] : [{ ...paced, ...SOFTWARE[codec] }, paced, config];
  let chosen: VideoEncoderConfig | undefined;
  for (const wish of wishes) if (chosen === undefined && (await supports(wish))) chosen = wish;
  if (chosen === undefined) throw refuse("not supported by this browser");
  const chunks: EncodedVideoChunk[] = [];
  let at = 0;
  const lane: Lane = {
    rung,
    chunks,
    hardware: !byHardware ? "sw" : acceleration === "prefer-hardware" ? "hw" : "unknown",
    encoder: new VideoEncoder({
      error: (error) => fail(refuse(messageOf(error), error)),
      output: (chunk, meta) => {
        chunks.push(chunk);
        made?.(at, chunkBytes(chunk));
        at += chunk.byteLength;
        if (meta?.decoderConfig) lane.config ??= meta.decoderConfig;
      },
    }),
  };
  own(lane.encoder);
  lane.encoder.configure(chosen);
  return lane;
}

/** True if hardware takes any of the rungs, or decodes their source. Browsers do not say what they fell back to. */
export async function mayBeHardware(
  codec: CodecName,
  rungs: readonly Rung[],
  decoder: VideoDecoderConfig,
): Promise<boolean> {
  const hardwareAcceleration = "prefer-hardware";
  const answers = await Promise.all([
    ...rungs.map((rung) => supports({ ...encoderConfigOf(codec, rung, 30), hardwareAcceleration })),
    VideoDecoder.isConfigSupported({ ...decoder, hardwareAcceleration }).then(
      ({ supported }) => supported,
      () => false,
    ),
  ]);
  return answers.includes(true);
}

/** What codes a whole ladder: hardware if any rung is known to be coded so, software if all are. */
export function hardwareOf(lanes: readonly Lane[]): Hardware {
  const has = (kind: Hardware) => lanes.some(({ hardware }) => hardware === kind);
  return has("hw") ? "hw" : has("unknown") ? "unknown" : "sw";
}

/**
 * The track that an encoder's first chunk, the packet `first` with `config`, describes. Throws MEDIA_ENCODER if it described
 * nothing.
 */
export function videoTrackOf(
  codec: CodecName,
  size: { readonly width: number; readonly height: number },
  timescale: number,
  config: VideoDecoderConfig | undefined,
  first: Uint8Array,
): VideoTrack {
  if (!config)
    throw new MediaError(
      { code: "MEDIA_ENCODER", codec },
      `the ${codec} encoder described no output`,
    );
  const described = config.description ? bytesOf(config.description) : undefined;
  const description = codec === "avc" && described ? avcOf(described, first) : described;
  return {
    kind: "video",
    codec,
    codecs: config.codec,
    timescale,
    width: size.width,
    height: size.height,
    colour: completeColour(config.colorSpace, size.height),
    ...(description === undefined ? {} : { description }),
  };
}

/**
 * The avcC of the parameter sets that a key packet carries, else the encoder's own. Firefox 153 on Linux repeats the header
 * byte of each set in its avcC, which nobody can decode, and has them right in its key packets.
 */
function avcOf(described: Uint8Array<ArrayBuffer>, first: Uint8Array): Uint8Array<ArrayBuffer> {
  // What is made here declares lengths of four bytes.
  if (avcLengthSize(described) !== 4) return described;
  return avcConfiguration([...lengthUnits(first, 4)]) ?? described;
}
