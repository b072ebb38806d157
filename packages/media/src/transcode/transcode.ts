import { Frames } from "@tabcast/runtime";
import { isKeyPacket } from "../bitstream.ts";
import { MAX_FRAME_RATE, MAX_FRAMES, MAX_PIXELS, MAX_SEGMENT_BYTES } from "../bounds.ts";
import { chunkBytes, completeColour } from "../codecs.ts";
import { MediaError, tooLarge, unexpected } from "../errors.ts";
import { MAX_LADDER } from "../ladder.ts";
import { readInit } from "../mp4/read.ts";
import type { Media, SegmentBounds } from "../mp4/segment.ts";
import { microsOf, type Sample, type VideoTrack } from "../mp4/track.ts";
import { writeInit, writeMedia } from "../mp4/write.ts";
import type {
  CodecName,
  Made,
  SourceLimits,
  Transcoded,
  TranscodeRequest,
  TranscodeResult,
} from "../types.ts";
import { SegmentInput } from "./input.ts";
import { hardwareOf, type Lane, mayBeHardware, videoTrackOf } from "./lane.ts";
import { runPass } from "./pass.ts";
import { reporter, Stopwatch } from "./progress.ts";
import { Rates } from "./rate.ts";
import { lastWord, nextTry } from "./recovery.ts";
import { type Turn, Turns } from "./turns.ts";

/** Longest name of a stream, in characters. */
const MAX_STREAM_NAME = 128;

/** Refuses what would take unbounded work, before any byte is parsed. Throws MEDIA_TOO_LARGE or MEDIA_OPTION. */
export function checkRequest(request: TranscodeRequest): void {
  const { init, media, rungs, codec, frameRate, stream } = request;
  const bytes = init.byteLength + (media instanceof Uint8Array ? media.byteLength : 0);
  if (bytes > MAX_SEGMENT_BYTES) throw tooLarge("source segment", bytes, MAX_SEGMENT_BYTES);
  if (rungs.length > MAX_LADDER) throw tooLarge("number of rungs", rungs.length, MAX_LADDER);
  if (rungs.length === 0) throw badOption("rungs", 0, "at least one rung");
  if (!["avc", "vp9", "av1"].includes(codec)) throw badOption("codec", codec, "avc, vp9 or av1");
  if (frameRate !== undefined && !(frameRate > 0 && frameRate <= MAX_FRAME_RATE))
    throw badOption("frameRate", frameRate, `above 0, at most ${MAX_FRAME_RATE}`);
  if (stream !== undefined && !(stream.length >= 1 && stream.length <= MAX_STREAM_NAME))
    throw badOption("stream", stream, `a name of 1 to ${MAX_STREAM_NAME} characters`);
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
  /** Called with every encoded frame, in the order of the file. */
  readonly made?: ((made: Made) => void) | undefined;
  /** Held while there is work, given up while the input has to be waited for. Default: nobody else works. */
  readonly turn?: Turn;
  /** What earlier segments of all streams taught of the encoders; used where the request names its stream. Default: nothing. */
  readonly rates?: Rates;
}

/**
 * Decodes a segment once and encodes it at every rung at once; the encoders scale. It begins with the first bytes of a
 * stream. As many frames come out as went in, at the same times, or it throws: MEDIA_CORRUPT, MEDIA_INCOMPLETE,
 * MEDIA_INPUT, MEDIA_CODEC, MEDIA_ENCODER, MEDIA_RECLAIMED, MEDIA_RESIZED, MEDIA_MALFORMED, MEDIA_TOO_LARGE,
 * MEDIA_UNEXPECTED, MEDIA_OPTION. Where hardware failed, it begins again with software and what it has read so far. An abort rejects with
 * the signal's reason. A stream that was not read to its end is cancelled.
 */
export async function transcodeSegment(
  request: TranscodeRequest,
  { signal, progress, made, turn = new Turns().claim(), rates: all = new Rates() }: SegmentOptions,
): Promise<TranscodeResult> {
  checkRequest(request);
  const { codec, rungs, stream } = request;
  const rates = stream === undefined ? new Rates() : all.of(stream);
  const input = new SegmentInput(request.media, {
    maxBytes: MAX_SEGMENT_BYTES - request.init.byteLength,
    maxSamples: MAX_FRAMES,
    said: saidOf(request),
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
    if (request.limits !== undefined) holdTrack(track, request.limits);
    const decoder = await decoderConfigOf(track);
    let acceleration = request.acceleration ?? "no-preference";
    const pass = async () => {
      const coders = { track, decoder, acceleration, rates, signal, turn, watch, report, made };
      const lanes = await runPass(input, { ...request, ...coders });
      const media = await input.whole();
      const renditions = lanes.map((lane) => pack(lane, codec, track, media));
      const ticks = media.samples.reduce((sum, { duration }) => sum + duration, 0);
      for (const lane of lanes)
        if (lane.hardware === "sw")
          rates.learn(codec, lane.rung, madeBy(lane, ticks / track.timescale));
      report.last(media.samples.length);
      return {
        renditions,
        encodeMs: watch.workMs,
        tailMs: performance.now() - (input.endedAt ?? 0),
        hardware: hardwareOf(lanes),
      };
    };
    for (let tries = 1; ; tries++)
      try {
        return await pass();
      } catch (error) {
        const how = {
          tries,
          acceleration,
          mayBeHardware: () => mayBeHardware(codec, rungs, decoder),
        };
        const next = await nextTry(error, how);
        if (next === undefined) throw lastWord(error, codec, tries);
        acceleration = next;
      }
  } catch (error) {
    input.cancel(error);
    throw error;
  } finally {
    turn.give();
    report.close();
  }
}

/** What was said of a segment's samples, in ticks of its track; nothing where its init cannot be read, which is told when it is. */
function saidOf({ init, limits }: TranscodeRequest): SegmentBounds["said"] {
  if (limits === undefined) return undefined;
  try {
    const { timescale } = readInit(init);
    return { samples: limits.frames, ticks: (limits.duration * timescale) / 1e6 };
  } catch {
    return undefined;
  }
}

/** Throws MEDIA_UNEXPECTED unless a track is as was said. */
export function holdTrack(track: VideoTrack, { codec, pixels }: SourceLimits): void {
  if (track.codec !== codec) throw unexpected("codec", track.codec, codec);
  const size = track.width * track.height;
  if (size > pixels) throw unexpected("pixels", size, pixels);
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

const madeBy = ({ chunks }: Lane, seconds: number) => ({
  bytes: chunks.reduce((sum, { byteLength }) => sum + byteLength, 0),
  seconds,
});

function pack(
  { rung, chunks, config }: Lane,
  codec: CodecName,
  source: VideoTrack,
  { samples, sequence }: Media,
): Transcoded {
  const inTime = samples.toSorted((a, b) => a.time - b.time);
  const shown = Frames.shown(rung, inTime);
  const byMicros = new Map(shown.map((s) => [microsOf(s.time, source.timescale), s]));
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
  if (coded.length !== shown.length || chunks.length !== coded.length || !coded[0]?.key)
    throw new MediaError(
      { code: "MEDIA_INCOMPLETE", frames: coded.length, expected: shown.length },
      `rung ${rung.name} has ${coded.length} of ${shown.length} frames`,
    );
  const track = videoTrackOf(codec, rung, source.timescale, config, coded[0].data);
  if (!isKeyPacket(codec, coded[0].data, track.description))
    throw new MediaError(
      { code: "MEDIA_ENCODER", codec: track.codecs },
      `the encoder's first frame of rung ${rung.name} is no key frame`,
    );
  const init = writeInit(track);
  const media = writeMedia(track, coded, sequence);
  return {
    rung: rung.name,
    init,
    media,
    headLen: media.byteLength - coded.reduce((sum, { data }) => sum + data.byteLength, 0),
    codecs: readInit(init).codecs,
    frames: coded.length,
  };
}
