import { bytesOf, codecString, completeColour } from "./codecs.ts";
import { MediaError, messageOf } from "./errors.ts";
import type { VideoTrack } from "./mp4/track.ts";
import type { CodecName, Rung } from "./types.ts";

/** One rung's encoder and what it has given. */
export interface Lane {
  readonly rung: Rung;
  readonly encoder: VideoEncoder;
  readonly chunks: EncodedVideoChunk[];
  config?: VideoDecoderConfig;
}

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

/** Opens the encoder of one rung. Throws MEDIA_ENCODER if this browser has none. */
export async function openLane(
  codec: CodecName,
  rung: Rung,
  frameRate: number,
  own: (coder: VideoEncoder) => void,
  fail: (error: unknown) => void,
): Promise<Lane> {
  const config = encoderConfigOf(codec, rung, frameRate);
  const refuse = (why: string, cause?: unknown) =>
    new MediaError(
      { code: "MEDIA_ENCODER", codec: config.codec },
      `cannot encode ${config.codec} at ${rung.width}x${rung.height}: ${why}`,
      { cause },
    );
  const support = await VideoEncoder.isConfigSupported(config).catch(() => ({ supported: false }));
  if (!support.supported) throw refuse("not supported by this browser");
  const chunks: EncodedVideoChunk[] = [];
  const lane: Lane = {
    rung,
    chunks,
    encoder: new VideoEncoder({
      error: (error) => fail(refuse(messageOf(error), error)),
      output: (chunk, meta) => {
        chunks.push(chunk);
        if (meta?.decoderConfig) lane.config ??= meta.decoderConfig;
      },
    }),
  };
  own(lane.encoder);
  lane.encoder.configure(config);
  return lane;
}

/** The track that an encoder's first chunk describes. Throws MEDIA_ENCODER if it described nothing. */
export function videoTrackOf(
  codec: CodecName,
  size: { readonly width: number; readonly height: number },
  timescale: number,
  config: VideoDecoderConfig | undefined,
): VideoTrack {
  if (!config)
    throw new MediaError(
      { code: "MEDIA_ENCODER", codec },
      `the ${codec} encoder described no output`,
    );
  return {
    kind: "video",
    codec,
    codecs: config.codec,
    timescale,
    width: size.width,
    height: size.height,
    colour: completeColour(config.colorSpace, size.height),
    ...(config.description ? { description: bytesOf(config.description) } : {}),
  };
}

/** "sw" if no hardware would take the largest rung; otherwise unknown, since browsers fall back in silence. */
export async function hardwareOf(
  codec: CodecName,
  rungs: readonly Rung[],
  frameRate: number,
): Promise<"hw" | "sw" | "unknown"> {
  const [largest] = [...rungs].sort((a, b) => b.width * b.height - a.width * a.height);
  if (!largest) return "unknown";
  const { supported } = await VideoEncoder.isConfigSupported({
    ...encoderConfigOf(codec, largest, frameRate),
    hardwareAcceleration: "prefer-hardware",
  }).catch(() => ({ supported: true }));
  return supported ? "unknown" : "sw";
}
