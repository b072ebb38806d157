import { type Bytes, CodedError } from "@tabcast/runtime";
import { isKeyPacket } from "./bitstream.ts";
import { chunkBytes, completeColour } from "./codecs.ts";
import { MediaError, messageOf } from "./errors.ts";
import { hardwareOf, type Lane, openLane, videoTrackOf } from "./lane.ts";
import { readInit, readMedia } from "./mp4/read.ts";
import type { Sample, VideoTrack } from "./mp4/track.ts";
import { writeInit, writeMedia } from "./mp4/write.ts";
import type { CodecName, Rendition, TranscodeRequest, TranscodeResult } from "./types.ts";

/** Largest source segment accepted, init and media together, in bytes: 130 Mbit/s for two seconds. */
export const MAX_SEGMENT_BYTES = (32 * 1024 * 1024) as Bytes;
/** Most rungs in one request. */
export const MAX_RUNGS = 8;
/** Largest picture accepted or made, in pixels, either way up. */
export const MAX_PIXELS = 3840 * 2160;
/** Most frames in one segment: ten seconds at 60 per second. */
export const MAX_FRAMES = 600;
/** Frames that may wait at the decoder, and at each encoder. */
const QUEUE = 4;
const PROGRESS_MS = 100;

const tooLarge = (what: string, value: number, limit: number) =>
  new MediaError(
    { code: "MEDIA_TOO_LARGE", what, value, limit },
    `${what} is too large: ${value}, at most ${limit}`,
  );

/** Microseconds of `ticks`; WebCodecs counts in these. */
export const microsOf = (ticks: number, timescale: number) => Math.round((ticks * 1e6) / timescale);

/** Refuses what would take unbounded work, before any byte is parsed. Throws MEDIA_TOO_LARGE or MEDIA_OPTION. */
export function checkRequest({ init, media, rungs, codec }: TranscodeRequest): void {
  const bytes = init.byteLength + media.byteLength;
  if (bytes > MAX_SEGMENT_BYTES) throw tooLarge("source segment", bytes, MAX_SEGMENT_BYTES);
  if (rungs.length > MAX_RUNGS) throw tooLarge("number of rungs", rungs.length, MAX_RUNGS);
  if (rungs.length === 0) throw badOption("rungs", 0, "at least one rung");
  if (!["avc", "vp9", "av1"].includes(codec)) throw badOption("codec", codec, "avc, vp9 or av1");
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

/**
 * Decodes a segment once and encodes it at every rung at once; the encoders scale. As many frames come out as went in,
 * at the same times, or it throws: MEDIA_CORRUPT, MEDIA_INCOMPLETE, MEDIA_CODEC, MEDIA_ENCODER, MEDIA_MALFORMED,
 * MEDIA_TOO_LARGE, MEDIA_OPTION. An abort rejects with the signal's reason.
 */
export async function transcodeSegment(
  request: TranscodeRequest,
  { signal, progress }: { signal: AbortSignal; progress?: (frames: number) => void },
): Promise<TranscodeResult> {
  signal.throwIfAborted();
  const began = performance.now();
  checkRequest(request);
  const { codec, rungs } = request;
  const track = readInit(request.init);
  if (track.kind !== "video")
    throw new MediaError({ code: "MEDIA_NO_VIDEO" }, "the source segment has no video track");
  if (track.width * track.height > MAX_PIXELS)
    throw tooLarge("source picture", track.width * track.height, MAX_PIXELS);
  const { samples, sequence } = readMedia(request.media);
  if (samples.length > MAX_FRAMES) throw tooLarge("number of frames", samples.length, MAX_FRAMES);
  const byMicros = new Map(samples.map((s) => [microsOf(s.time, track.timescale), s]));
  if (byMicros.size !== samples.length)
    throw new MediaError({ code: "MEDIA_MALFORMED", at: 0 }, "two frames have the same time");
  const times = samples.map(({ time }) => time);
  const start = Math.min(...times);
  const ticks = samples.reduce((most, s) => Math.max(most, s.time + s.duration), start) - start;
  const frameRate = Math.min(240, Math.max(1, (samples.length * track.timescale) / (ticks || 1)));
  const decoderConfig = await decoderConfigOf(track);

  let failure: unknown;
  let frames = 0;
  let last = 0;
  let reported = began;
  let wake = () => {};
  const coders: (VideoDecoder | VideoEncoder)[] = [];
  const close = () => {
    for (const coder of coders) if (coder.state !== "closed") coder.close();
  };
  const fail = (error: unknown) => {
    failure ??= error;
    close();
    wake();
  };
  const corrupt = (error: unknown) =>
    fail(
      new MediaError(
        { code: "MEDIA_CORRUPT", at: last as MicrosAt },
        `corrupt video at ${(last / 1e6).toFixed(3)} s: ${messageOf(error)}`,
        { cause: error },
      ),
    );
  const stop = () => fail(signal.reason);
  signal.addEventListener("abort", stop);
  try {
    const lanes = await Promise.all(
      rungs.map((rung) => openLane(codec, rung, frameRate, (coder) => coders.push(coder), fail)),
    );
    if (failure) throw failure;
    const decoder = new VideoDecoder({
      error: corrupt,
      output: (frame) => {
        // Only the first is asked to be a key; the encoder may add keys of its own.
        const keyFrame = frames++ === 0;
        try {
          for (const { encoder } of lanes) encoder.encode(frame, { keyFrame });
        } catch (error) {
          fail(error);
        } finally {
          frame.close();
        }
        const now = performance.now();
        if (progress && now - reported >= PROGRESS_MS) {
          reported = now;
          progress(frames);
        }
      },
    });
    coders.push(decoder);
    for (const coder of coders) coder.addEventListener("dequeue", () => wake());
    decoder.configure(decoderConfig);
    for (const sample of samples) {
      if (failure) throw failure;
      last = microsOf(sample.time, track.timescale);
      decoder.decode(
        new EncodedVideoChunk({
          type: sample.key ? "key" : "delta",
          timestamp: last,
          duration: microsOf(sample.duration, track.timescale),
          data: sample.data as Uint8Array<ArrayBuffer>,
        }),
      );
      while (
        !failure &&
        (decoder.decodeQueueSize > QUEUE ||
          lanes.some(({ encoder }) => encoder.encodeQueueSize > QUEUE))
      )
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
    await decoder.flush().catch(corrupt);
    if (failure) throw failure;
    decoder.close(); // its frames are memory that the encoders no longer need
    await Promise.all(lanes.map(({ encoder }) => encoder.flush()));
    if (failure) throw failure;
    const renditions = lanes.map((lane) => pack(lane, codec, track, samples, byMicros, sequence));
    progress?.(frames);
    return {
      renditions,
      encodeMs: performance.now() - began,
      hardware: await hardwareOf(codec, rungs, frameRate),
    };
  } catch (error) {
    // A closed coder throws its own DOMException; the failure that closed it says why.
    throw failure ?? asMediaError(error, codec);
  } finally {
    signal.removeEventListener("abort", stop);
    close();
  }
}

type MicrosAt = Extract<MediaError["reason"], { code: "MEDIA_CORRUPT" }>["at"];

const asMediaError = (error: unknown, codec: CodecName) =>
  error instanceof CodedError
    ? error
    : new MediaError(
        { code: "MEDIA_ENCODER", codec },
        `transcoding to ${codec} failed: ${messageOf(error)}`,
        { cause: error },
      );

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
  samples: readonly Sample[],
  byMicros: ReadonlyMap<number, Sample>,
  sequence: number,
): Rendition {
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
