import type { BitsPerSecond } from "@tabcast/runtime";
import { codecString } from "./codecs.ts";
import { MediaError } from "./errors.ts";
import { Feed, lengthOf, sourceOf, within } from "./source.ts";
import type { SourcePlan } from "./source.worker.ts";
import type { Source, SourceInfo, SourceOptions } from "./types.ts";

/** A camera, a screen or a tab. */
export interface CaptureOptions extends SourceOptions {
  /** For the report: "camera", "screen", "tab". Default: from the track's settings. */
  readonly kind?: string;
  /** Frames per second of the constant grid, 1 to 60. Default: the track's own rate, at most 30. */
  readonly frameRate?: number;
  /** Bits per second of its video. Default 0.1 for each pixel of each frame, at least 400 kbit/s. */
  readonly bitrate?: BitsPerSecond;
}

/** Chromium's; not in TypeScript's DOM types. */
declare class MediaStreamTrackProcessor<T> {
  constructor(init: { track: MediaStreamTrack; maxBufferSize?: number });
  readonly readable: ReadableStream<T>;
}

/**
 * Live segments of a stream's first video track and, if it has one, its first audio track. Frames are put on a constant
 * grid. Ends when the video track ends; `close` stops the stream's tracks. Throws MEDIA_NO_VIDEO or MEDIA_OPTION.
 */
export function openCapture(stream: MediaStream, options: CaptureOptions = {}): Source {
  const segment = lengthOf(options);
  const [track] = stream.getVideoTracks();
  if (!track || track.readyState === "ended")
    throw new MediaError({ code: "MEDIA_NO_VIDEO" }, "the captured stream has no live video track");
  const [sound] = stream.getAudioTracks();
  const settings = track.getSettings();
  const heard = sound?.getSettings();
  const frameRate =
    options.frameRate ?? Math.min(30, Math.max(1, Math.round(settings.frameRate || 30)));
  within("frameRate", frameRate, 1, 60, 1);
  const width = even(settings.width ?? 1280);
  const height = even(settings.height ?? 720);
  const bitrate =
    options.bitrate ?? Math.max(400_000, Math.round(0.1 * width * height * frameRate));
  // A few frames of buffer bridge a stall of the worker; more would only be latency.
  const video = new MediaStreamTrackProcessor<VideoFrame>({ track, maxBufferSize: 8 }).readable;
  const audio = sound
    ? new MediaStreamTrackProcessor<AudioData>({ track: sound, maxBufferSize: 100 }).readable
    : undefined;
  const plan: SourcePlan = {
    kind: "capture",
    width,
    height,
    frameRate,
    bitrate,
    segment,
    video,
    sampleRate: heard?.sampleRate ?? 48_000,
    channels: Math.min(2, heard?.channelCount ?? 1),
    ...(audio ? { audio } : {}),
  };
  const feed = new Feed(plan, [video, ...(audio ? [audio] : [])]);
  const info: SourceInfo = {
    kind: options.kind ?? (settings.displaySurface ? "screen" : "camera"),
    codec: codecString("avc", { width, height, bitrate }, frameRate),
    width,
    height,
    frameRate,
    bitrate: bitrate as BitsPerSecond,
    passthrough: false,
    ...(sound ? { audioCodec: "opus" } : {}),
    input: { videoCodec: "raw", ...(sound ? { audioCodec: "pcm" } : {}) },
  };
  const end = () => {
    for (const each of stream.getTracks()) each.stop();
  };
  return sourceOf(feed, info, end, stream);
}

const even = (side: number) => Math.max(64, side - (side % 2));
