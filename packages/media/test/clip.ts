import {
  AudioSample,
  AudioSampleSource,
  BufferTarget,
  type MkvOutputFormat,
  type Mp4OutputFormat,
  Output,
  Quality,
  type Rotation,
  VideoSample,
  VideoSampleSource,
  type WebMOutputFormat,
} from "mediabunny";
import { readInit, readMedia } from "../src/mp4/read.ts";
import { microsOf } from "../src/mp4/track.ts";
import { decoderConfigOf } from "../src/transcode/transcode.ts";
import type { Fragment, Source, SourceSegment } from "../src/types.ts";

/** A signal that never fires. */
export const never = new AbortController().signal;

/** One of the small files beside this module. */
export async function stored(name: string): Promise<Blob> {
  return (await fetch(new URL(`./clips/${name}`, import.meta.url))).blob();
}

export interface ClipOptions {
  readonly format: Mp4OutputFormat | WebMOutputFormat | MkvOutputFormat;
  readonly codec: "avc" | "vp8" | "vp9" | "av1";
  readonly width: number;
  readonly height: number;
  /** Start of each frame, and of the end, in seconds. */
  readonly times: readonly number[];
  /** Seconds between key frames. */
  readonly keys: number;
  readonly rotation?: Rotation;
  readonly audio?: "opus" | "pcm-s16" | "flac";
}

/** Times of `count` frames at `rate` per second, and their end. */
export const steady = (count: number, rate: number) =>
  Array.from({ length: count + 1 }, (_, i) => i / rate);

/** A file made here and now: a grey ramp that moves, and a tone. */
export async function made(options: ClipOptions): Promise<Blob> {
  const { format, codec, width, height, times, keys, rotation, audio } = options;
  const target = new BufferTarget();
  const output = new Output({ format, target });
  const video = new VideoSampleSource({
    codec,
    bitrate: new Quality({ bitrate: 400_000, bitrateMode: "variable" }),
    keyFrameInterval: keys,
    latencyMode: "quality",
  });
  output.addVideoTrack(video, rotation === undefined ? {} : { rotation });
  const sound = audio && new AudioSampleSource({ codec: audio, bitrate: 64_000 });
  if (sound) output.addAudioTrack(sound);
  await output.start();
  const end = times.at(-1) ?? 0;
  if (sound) {
    const rate = 48_000;
    const count = Math.round(end * rate);
    const data = Float32Array.from({ length: count }, (_, i) => 0.3 * Math.sin(i / 12));
    const sample = new AudioSample({
      data,
      format: "f32-planar",
      numberOfChannels: 1,
      sampleRate: rate,
      timestamp: 0,
    });
    await sound.add(sample);
    sample.close();
    sound.close();
  }
  for (let i = 0; i + 1 < times.length; i++) {
    const timestamp = times[i] as number;
    const sample = new VideoSample(ramp(width, height, i), {
      format: "I420",
      codedWidth: width,
      codedHeight: height,
      timestamp,
      duration: (times[i + 1] as number) - timestamp,
      colorSpace: { primaries: "bt709", transfer: "bt709", matrix: "bt709", fullRange: false },
    });
    await video.add(sample);
    sample.close();
  }
  await output.finalize();
  return new Blob([target.buffer as ArrayBuffer]);
}

/** I420 bytes: luma rises to the right and moves with `step`; chroma is neutral. */
export function ramp(width: number, height: number, step: number): Uint8Array<ArrayBuffer> {
  const chroma = Math.ceil(width / 2) * Math.ceil(height / 2);
  const bytes = new Uint8Array(width * height + 2 * chroma).fill(128);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) bytes[y * width + x] = 40 + ((x + y / 2 + 3 * step) % 170);
  return bytes;
}

/** Every segment of a source. */
export async function all(source: Source): Promise<SourceSegment[]> {
  const segments: SourceSegment[] = [];
  for await (const segment of source.segments({ signal: never })) segments.push(segment);
  return segments;
}

/** Frames that were decoded, as RGBA bytes with their sizes and times. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly timestamp: number;
  readonly rgba: Uint8Array;
}

/** Decodes a fragment and gives the frames that `wanted` picks, by index in order of time. */
export async function decoded(
  { init, media }: Pick<Fragment, "init" | "media">,
  wanted: (index: number) => boolean = () => true,
): Promise<Picture[]> {
  const track = readInit(init);
  if (track.kind !== "video") throw new Error("not video");
  const frames: VideoFrame[] = [];
  let failure: unknown;
  const decoder = new VideoDecoder({
    output: (frame) => frames.push(frame),
    error: (error) => {
      failure = error;
    },
  });
  decoder.configure(await decoderConfigOf(track));
  for (const { data, time, key } of readMedia(media).samples)
    decoder.decode(
      new EncodedVideoChunk({
        type: key ? "key" : "delta",
        timestamp: microsOf(time, track.timescale),
        data: data as Uint8Array<ArrayBuffer>,
      }),
    );
  await decoder.flush();
  decoder.close();
  if (failure) throw failure;
  const pictures: Picture[] = [];
  for (const [i, frame] of frames.entries()) {
    if (wanted(i)) pictures.push(await pictureOf(frame));
    frame.close();
  }
  return pictures;
}

/** Weights of red and blue in luma. */
const WEIGHTS: Readonly<Record<string, readonly [number, number]>> = {
  bt709: [0.2126, 0.0722],
  bt470bg: [0.299, 0.114],
  smpte170m: [0.299, 0.114],
};

/**
 * A frame's pixels by its own tag. Planes are read and converted here: Chromium's copyTo is up to 5 levels off for
 * limited-range bt709.
 */
async function pictureOf(frame: VideoFrame): Promise<Picture> {
  const { width, height } = frame.visibleRect as DOMRectReadOnly;
  const { timestamp, format, colorSpace } = frame;
  const weights = WEIGHTS[colorSpace.matrix ?? ""];
  if (format !== "I420" || !weights) throw new Error(`a frame of ${format}, ${colorSpace.matrix}`);
  const bytes = new Uint8Array(frame.allocationSize());
  const layout = await frame.copyTo(bytes);
  const sample = (plane: number, x: number, y: number) => {
    const { offset, stride } = layout[plane] as PlaneLayout;
    return bytes[offset + y * stride + x] as number;
  };
  const [black, luma, colour] = colorSpace.fullRange ? [0, 255, 255] : [16, 219, 224];
  const [kr, kb] = weights;
  const rgba = new Uint8ClampedArray(4 * width * height);
  for (let y = 0, at = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const grey = (255 * (sample(0, x, y) - black)) / luma;
      const [blue, red] = [1, 2].map(
        (plane) => (255 * 2 * (sample(plane, x >> 1, y >> 1) - 128)) / colour,
      ) as [number, number];
      const [r, b] = [grey + red * (1 - kr), grey + blue * (1 - kb)];
      rgba[at++] = r;
      rgba[at++] = (grey - kr * r - kb * b) / (1 - kr - kb);
      rgba[at++] = b;
      rgba[at++] = 255;
    }
  return { width, height, timestamp, rgba: new Uint8Array(rgba.buffer) };
}

/** Mean red, green and blue of a part of a picture; the part is in fractions of its sides. */
export function meanColour(
  { width, height, rgba }: Picture,
  [left, top, right, bottom]: readonly [number, number, number, number] = [0, 0, 1, 1],
): [number, number, number] {
  const sum: [number, number, number] = [0, 0, 0];
  let count = 0;
  for (let y = Math.floor(top * height); y < Math.floor(bottom * height); y++)
    for (let x = Math.floor(left * width); x < Math.floor(right * width); x++, count++)
      for (let c = 0; c < 3; c++) sum[c as 0] += rgba[4 * (y * width + x) + c] as number;
  return sum.map((value) => value / count) as [number, number, number];
}
