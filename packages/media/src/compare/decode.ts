import { MediaError, messageOf } from "../errors.ts";
import { microsOf, type Sample, type VideoTrack } from "../mp4/track.ts";
import { losesRange } from "../range.ts";
import { isRgb, pictureOfRgb, restoreRange } from "../rgb.ts";
import { decoderConfigOf } from "../transcode/transcode.ts";
import type { Picture } from "./planes.ts";

/** Frames that may be in the decoder or wait to be taken. */
const QUEUE = 6;

/** A decoded frame with its place in order of presentation. Whoever takes it closes it. */
export interface Decoded {
  readonly index: number;
  readonly frame: VideoFrame;
}

/**
 * Decodes a segment frame by frame, as fast as its reader takes them. Throws MEDIA_CORRUPT where the decoder refuses it
 * and MEDIA_CODEC where there is none; an abort throws the signal's reason. Leaving the loop ends the decoder.
 */
export async function* framesOf(
  track: VideoTrack,
  samples: readonly Sample[],
  signal: AbortSignal,
): AsyncGenerator<Decoded> {
  const config = await decoderConfigOf(track);
  const micros = samples.map(({ time }) => microsOf(time, track.timescale));
  const indexAt = new Map([...micros].sort((a, b) => a - b).map((time, index) => [time, index]));
  const ready: VideoFrame[] = [];
  let failure: unknown;
  let ended = false;
  let wake = () => {};
  const fail = (error: unknown) => {
    failure ??= new MediaError(
      { code: "MEDIA_CORRUPT", at: (micros[Math.max(0, next - 1)] ?? 0) as CorruptAt },
      `corrupt video: ${messageOf(error)}`,
      { cause: error },
    );
    wake();
  };
  const decoder = new VideoDecoder({
    output: (frame) => {
      ready.push(frame);
      wake();
    },
    error: fail,
  });
  const stop = () => wake();
  decoder.addEventListener("dequeue", stop);
  signal.addEventListener("abort", stop);
  let next = 0;
  try {
    decoder.configure(config);
    for (;;) {
      signal.throwIfAborted();
      const frame = ready.shift();
      if (frame) {
        const index = indexAt.get(frame.timestamp);
        if (index === undefined) frame.close();
        else yield { index, frame };
        continue;
      }
      if (failure !== undefined) throw failure;
      if (ended) return;
      while (next < samples.length && decoder.decodeQueueSize < QUEUE) {
        const { data, key } = samples[next] as Sample;
        decoder.decode(
          new EncodedVideoChunk({
            type: key ? "key" : "delta",
            timestamp: micros[next] as number,
            data: data as Uint8Array<ArrayBuffer>,
          }),
        );
        if (++next === samples.length)
          decoder.flush().then(() => {
            ended = true;
            wake();
          }, fail);
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } catch (error) {
    // A decoder that has failed throws its own DOMException at the next call; the failure says why.
    throw failure ?? error;
  } finally {
    decoder.removeEventListener("dequeue", stop);
    signal.removeEventListener("abort", stop);
    if (decoder.state !== "closed") decoder.close();
    for (const frame of ready) frame.close();
  }
}

type CorruptAt = Extract<MediaError["reason"], { code: "MEDIA_CORRUPT" }>["at"];

/** True if the samples that `pictureOf` gives of a frame are of full range. */
export const isFullRange = (frame: VideoFrame): boolean =>
  !isRgb(frame.format) && frame.colorSpace.fullRange === true;

/**
 * A frame's samples. Planes come as they are: the range is the caller's to normalise. Colours come as limited range. Throws
 * MEDIA_CODEC for other than 8-bit 4:2:0 and 8-bit RGB.
 */
export async function pictureOf(frame: VideoFrame): Promise<Picture> {
  const { visibleRect: rect, format } = frame;
  if (rect && isRgb(format)) {
    const width = rect.width - (rect.width % 2);
    const height = rect.height - (rect.height % 2);
    const pixels = new Uint8Array(4 * width * height);
    await frame.copyTo(pixels, {
      rect: { x: rect.x, y: rect.y, width, height },
      layout: [{ offset: 0, stride: 4 * width }],
    });
    const picture = pictureOfRgb(pixels, format, { width, height });
    if (frame.colorSpace.fullRange && (await losesRange())) restoreRange(picture);
    return picture;
  }
  if (!rect || (format !== "I420" && format !== "NV12"))
    throw new MediaError(
      { code: "MEDIA_CODEC", codec: String(format), track: "video" },
      `frames of format ${format} cannot be compared, only 8-bit 4:2:0 and RGB`,
    );
  const width = rect.width - (rect.width % 2);
  const height = rect.height - (rect.height % 2);
  const [luma, quarter] = [width * height, (width * height) / 4];
  const bytes = new Uint8Array(luma + 2 * quarter);
  const half = { width: width / 2, height: height / 2 };
  const planar = format === "I420";
  await frame.copyTo(bytes, {
    rect: { x: rect.x, y: rect.y, width, height },
    layout: planar
      ? [
          { offset: 0, stride: width },
          { offset: luma, stride: half.width },
          { offset: luma + quarter, stride: half.width },
        ]
      : [
          { offset: 0, stride: width },
          { offset: luma, stride: width },
        ],
  });
  const pair = bytes.subarray(luma);
  return {
    luma: { width, height, data: bytes.subarray(0, luma) },
    u: { ...half, data: planar ? pair.subarray(0, quarter) : everySecond(pair, 0) },
    v: { ...half, data: planar ? pair.subarray(quarter) : everySecond(pair, 1) },
  };
}

const everySecond = (pairs: Uint8Array, from: number) =>
  Uint8Array.from({ length: pairs.length / 2 }, (_, i) => pairs[2 * i + from] as number);
