import { expect } from "vitest";
import type { Fragment } from "../src/types.ts";
import { numberIn } from "./matrix.ts";

const once = (target: EventTarget, type: string) =>
  new Promise<void>((resolve, reject) => {
    target.addEventListener(type, () => resolve(), { once: true });
    target.addEventListener("error", () => reject(new Error(`${type} never came`)), { once: true });
  });

/** A picture that the element showed. */
export interface Shown {
  /** When it is shown in the media, in microseconds. */
  readonly time: number;
  /** The number that `clips/picture.mjs` gave it; chance in a clip of anything else. */
  readonly number: number;
}

/** Speeds at which what was missed is played again; Chromium goes no slower than the last. */
const SLOWER = [1 / 4, 1 / 16, 1 / 16] as const;
/** How long before a picture playing begins again to come to it, in seconds: across a border, if it is the first after one. */
const RUN_UP = 0.1;

/**
 * Plays fragments to the end, and slowly again where a picture of `times` (in seconds) was not seen: a busy machine skips
 * some at full speed, while one that cannot be shown is missed at every speed. Gives all that were seen, each once, in
 * order of time.
 */
export async function play(
  videos: readonly Fragment[],
  audios: readonly Fragment[],
  times: readonly number[],
) {
  const media = new MediaSource();
  const element = document.createElement("video");
  element.muted = true;
  element.src = URL.createObjectURL(media);
  document.body.append(element);
  try {
    await once(media, "sourceopen");
    const spans = await filled(media, { video: videos, audio: audios });
    const ended = once(element, "ended");
    const seen = watched(element);
    await element.play();
    await ended;
    const { totalVideoFrames } = element.getVideoPlaybackQuality();
    for (const rate of SLOWER)
      for (const time of times) if (!seen.has(time)) await playPast(element, time, rate);
    const shown = seen.all().sort((a, b) => a.time - b.time);
    return { spans, totalVideoFrames, error: element.error, shown };
  } finally {
    URL.revokeObjectURL(element.src);
    element.remove();
  }
}

/** Gives all fragments to the element, and says from when to when each kind reaches, in seconds. */
async function filled(
  media: MediaSource,
  tracks: Readonly<Record<"video" | "audio", readonly Fragment[]>>,
): Promise<[number, number][]> {
  // All buffers before any bytes: Chromium takes no new one once the media is known.
  const buffers = (["video", "audio"] as const).flatMap((kind) => {
    const fragments = tracks[kind];
    if (fragments.length === 0) return [];
    const type = `${kind}/mp4; codecs="${fragments[0]?.codecs}"`;
    expect(MediaSource.isTypeSupported(type), type).toBe(true);
    return { kind, fragments, buffer: media.addSourceBuffer(type) };
  });
  const spans: [number, number][] = [];
  for (const { kind, fragments, buffer } of buffers) {
    let init: Uint8Array | undefined;
    for (const fragment of fragments) {
      const same = init?.every((byte, i) => byte === fragment.init[i]);
      for (const bytes of same ? [fragment.media] : [fragment.init, fragment.media]) {
        buffer.appendBuffer(bytes);
        await once(buffer, "updateend");
      }
      init = fragment.init;
    }
    expect(buffer.buffered.length, `${kind} ranges`).toBe(1);
    spans.push([buffer.buffered.start(0), buffer.buffered.end(0)]);
  }
  media.endOfStream();
  return spans;
}

/** The picture that an element shows now: its time goes with it, as that of a callback's metadata does not. */
function pictureOf(element: HTMLVideoElement, context: OffscreenCanvasRenderingContext2D): Shown {
  const { width, height } = context.canvas;
  const frame = new VideoFrame(element);
  const time = frame.timestamp;
  context.drawImage(frame, 0, 0, width, height);
  frame.close();
  const rgba = new Uint8Array(context.getImageData(0, 0, width, height).data.buffer);
  return { time, number: numberIn({ width, height, timestamp: time, rgba }) };
}

function watched(element: HTMLVideoElement) {
  const context = new OffscreenCanvas(160, 96).getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("no 2D canvas");
  const seen = new Map<string, Shown>();
  const look = () => {
    const shown = pictureOf(element, context);
    // Two pictures of one time are two: a test that expects one of them fails.
    seen.set(`${shown.time} ${shown.number}`, shown);
    element.requestVideoFrameCallback(look);
  };
  element.requestVideoFrameCallback(look);
  const all = () => [...seen.values()];
  return { all, has: (time: number) => all().some((each) => near(each.time, time)) };
}

/** Whether microseconds are these seconds, within a millisecond. */
export const near = (micros: number, seconds: number) => Math.abs(micros / 1e6 - seconds) < 1e-3;

/** Plays from shortly before a picture until one of its time or later came. */
async function playPast(element: HTMLVideoElement, time: number, rate: number) {
  const seeked = once(element, "seeked");
  element.pause();
  element.currentTime = Math.max(0, time - RUN_UP);
  await seeked;
  const ended = once(element, "ended");
  const past = new Promise<void>((resolve) => {
    const look = (_: number, { mediaTime }: VideoFrameCallbackMetadata) =>
      mediaTime > time + 1e-3 ? resolve() : element.requestVideoFrameCallback(look);
    element.requestVideoFrameCallback(look);
  });
  element.playbackRate = rate;
  await element.play();
  await Promise.race([past, ended]);
  element.pause();
}
