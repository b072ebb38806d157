import type { Bytes } from "@tabcast/runtime";
import { isKeyPacket } from "./bitstream.ts";
import { chunkBytes, completeColour } from "./codecs.ts";
import { MediaError, tooLarge } from "./errors.ts";
import { SegmentInput } from "./input.ts";
import { hardwareOf, type Lane, videoTrackOf } from "./lane.ts";
import { readInit } from "./mp4/read.ts";
import type { Media } from "./mp4/segment.ts";
import { microsOf, type Sample, type VideoTrack } from "./mp4/track.ts";
import { writeInit, writeMedia } from "./mp4/write.ts";
import { MAX_FRAME_RATE, runPass } from "./pass.ts";
import { reporter, Stopwatch } from "./progress.ts";
import { type Turn, Turns } from "./turns.ts";
import type { CodecName, Rendition, TranscodeRequest, TranscodeResult } from "./types.ts";

export { microsOf } from "./mp4/track.ts";

/** Largest source segment accepted, init and media together, in bytes: 130 Mbit/s for two seconds. */
export const MAX_SEGMENT_BYTES = (32 * 1024 * 1024) as Bytes;
/** Most rungs in one request. */
export const MAX_RUNGS = 8;
/** Largest picture accepted or made, in pixels, either way up. */
export const MAX_PIXELS = 3840 * 2160;
/** Most frames in one segment: ten seconds at 60 per second. */
export const MAX_FRAMES = 600;

/** Refuses what would take unbounded work, before any byte is parsed. Throws MEDIA_TOO_LARGE or MEDIA_OPTION. */
export function checkRequest({ init, media, rungs, codec, frameRate }: TranscodeRequest): void {
  const bytes = init.byteLength + (media instanceof Uint8Array ? media.byteLength : 0);
  if (bytes > MAX_SEGMENT_BYTES) throw tooLarge("source segment", bytes, MAX_SEGMENT_BYTES);
  if (rungs.length > MAX_RUNGS) throw tooLarge("number of rungs", rungs.length, MAX_RUNGS);
  if (rungs.length === 0) throw badOption("rungs", 0, "at least one rung");
  if (!["avc", "vp9", "av1"].includes(codec)) throw badOption("codec", codec, "avc, vp9 or av1");
  if (frameRate !== undefined && !(frameRate > 0 && frameRate <= MAX_FRAME_RATE))
    throw badOption("frameRate", frameRate, `above 0, at most ${MAX_FRAME_RATE}`);
  if (media instanceof ReadableStream && media.locked)
    throw badOption("media", "a locked stream", "a stream that nobody reads");
  for (const { name, width, height, bitrate } of rungs) {
    if (width * height > MAX_PIXELS) throw tooLarge(`rung ${name}`, width * height, MAX_PIXELS);
    if (![width, height].every((side) => Number.isInteger(side) && side >= 16 && side % 2 === 0))
      throw badOption("rung", `${width}x${height}`, "even sides of at least 16 pixels");
    if (!(bitrate >= 10_000 && bitrate <= 200_000_000))
      throw badOption("bitrate", bitrate, "10 kbit/s to 200 Mbit/s");
  }
}

function badOption(option: string, value: unknown, allowed: string): MediaError {
  return new MediaError(
    { code: "MEDIA_OPTION", option, value },
    `${option} is ${String(value)}; it must be ${allowed}`,
  );
}

/** What `transcodeSegment` is given beside the request. */
export interface SegmentOptions {
  readonly signal: AbortSignal;
  /** Called with the number of source frames done so far, at most every 100 ms. */
  readonly progress?: (frames: number) => void;
  /** Held while there is work, given up while the input has to be waited for. Default: nobody else works. */
  readonly turn?: Turn;
}

/**
 * Decodes a segment once and encodes it at every rung at once; the encoders scale. It begins with the first bytes of a
 * stream. As many frames come out as went in, at the same times, or it throws: MEDIA_CORRUPT, MEDIA_INCOMPLETE,
 * MEDIA_INPUT, MEDIA_CODEC, MEDIA_ENCODER, MEDIA_MALFORMED, MEDIA_TOO_LARGE, MEDIA_OPTION. An abort rejects with the
 * signal's reason. A stream that was not read to its end is cancelled.
 */
export async function transcodeSegment(
  request: TranscodeRequest,
  { signal, progress, turn = new Turns().claim() }: SegmentOptions,
): Promise<TranscodeResult> {
  checkRequest(request);
  const { codec, rungs } = request;
  const input = new SegmentInput(request.media, {
    maxBytes: MAX_SEGMENT_BYTES - request.init.byteLength,
    maxSamples: MAX_FRAMES,
  });
  const report = reporter(progress);
  const watch = new Stopwatch();
  try {
    signal.throwIfAborted();
    const track = readInit(request.init);
    if (track.kind !== "video")
      throw new MediaError({ code: "MEDIA_NO_VIDEO" }, "the source segment has no video track");
    if (track.width * track.height > MAX_PIXELS)
      throw tooLarge("source picture", track.width * track.height, MAX_PIXELS);
    const decoder = await decoderConfigOf(track);
    const { lanes, frameRate } = await runPass(input, {
      ...request,
      track,
      decoder,
      signal,
      turn,
      watch,
      report,
    });
    const media = await input.whole();
    const renditions = lanes.map((lane) => pack(lane, codec, track, media));
    report.last(media.samples.length);
    const hardware = await hardwareOf(codec, rungs, frameRate);
    return {
      renditions,
      encodeMs: watch.workMs,
      tailMs: performance.now() - (input.endedAt ?? 0),
      hardware,
    };
  } catch (error) {
    input.cancel(error);
    throw error;
  } finally {
    turn.give();
    report.close();
  }
}

/** What the decoder is told of a track, colour complete. Throws MEDIA_CODEC if this browser cannot decode it. */
export async function decoderConfigOf(track: VideoTrack): Promise<VideoDecoderConfig> {
  const config: VideoDecoderConfig = {
    codec: track.codecs,
    codedWidth: track.width,
    codedHeight: track.height,
    colorSpace: completeColour(track.colour, track.height),
    ...(track.codec === "avc" && track.description
      ? { description: track.description as Uint8Array<ArrayBuffer> }
      : {}),
  };
  const support = await VideoDecoder.isConfigSupported(config).catch(() => ({ supported: false }));
  if (!support.supported)
    throw new MediaError(
      { code: "MEDIA_CODEC", codec: track.codecs, track: "video" },
      `this browser cannot decode the video codec ${track.codecs}`,
    );
  return config;
}

function pack(
  { rung, chunks, config }: Lane,
  codec: CodecName,
  source: VideoTrack,
  { samples, sequence }: Media,
): Rendition {
  const byMicros = new Map(samples.map((s) => [microsOf(s.time, source.timescale), s]));
  const coded: Sample[] = [];
  for (const chunk of chunks) {
    const original = byMicros.get(chunk.timestamp);
    if (original)
      coded.push({
        data: chunkBytes(chunk),
        time: original.time,
        duration: original.duration,
        key: chunk.type === "key",
      });
  }
  if (coded.length !== samples.length || chunks.length !== coded.length || !coded[0]?.key)
    throw new MediaError(
      { code: "MEDIA_INCOMPLETE", frames: coded.length, expected: samples.length },
      `rung ${rung.name} has ${coded.length} of ${samples.length} frames`,
    );
  const track = videoTrackOf(codec, rung, source.timescale, config);
  if (!isKeyPacket(codec, coded[0].data, track.description))
    throw new MediaError(
      { code: "MEDIA_ENCODER", codec: track.codecs },
      `the encoder's first frame of rung ${rung.name} is no key frame`,
    );
  const init = writeInit(track);
  return {
    rung: rung.name,
    init,
    media: writeMedia(track, coded, sequence),
    codecs: readInit(init).codecs,
    frames: coded.length,
  };
}
