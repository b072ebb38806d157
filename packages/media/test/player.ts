import { expect } from "vitest";
import type { Fragment } from "../src/types.ts";
import { numberIn } from "./matrix.ts";

const once = (target: EventTarget, type: string) =>
  new Promise<void>((resolve, reject) => {
    target.addEventListener(type, () => resolve(), { once: true });
    target.addEventListener("error", () => reject(new Error(`${type} never came`)), { once: true });
  });

/**
 * Plays fragments to the end, again and slower if frames were dropped: a busy machine drops some at full speed, while a
 * frame that cannot be shown is dropped at every speed.
 */
export async function play(videos: readonly Fragment[], audios: readonly Fragment[]) {
  let played = await playAt(1, videos, audios);
  for (const rate of [0.5, 0.25])
    if (played.droppedVideoFrames > 0 || played.presented < played.totalVideoFrames)
      played = await playAt(rate, videos, audios);
  return played;
}

/** A frame as the page saw it. */
interface Seen {
  /** When it is shown in the media, in seconds. */
  readonly time: number;
  /** How many were presented before it. Under load the page looks away; the count goes on. */
  readonly before: number;
  /** The number that `clips/picture.mjs` gave it. */
  readonly number: number;
}

function watched(element: HTMLVideoElement): Seen[] {
  const seen: Seen[] = [];
  const [width, height] = [160, 96];
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("no 2D canvas");
  const look = (_: number, { mediaTime: time, presentedFrames }: VideoFrameCallbackMetadata) => {
    context.drawImage(element, 0, 0, width, height);
    const rgba = new Uint8Array(context.getImageData(0, 0, width, height).data.buffer);
    const number = numberIn({ width, height, timestamp: time * 1e6, rgba });
    seen.push({ time, before: presentedFrames - 1, number });
    element.requestVideoFrameCallback(look);
  };
  element.requestVideoFrameCallback(look);
  return seen;
}

/** Plays fragments in a real video element; the page's own player is MSE too. */
async function playAt(rate: number, videos: readonly Fragment[], audios: readonly Fragment[]) {
  const media = new MediaSource();
  const element = document.createElement("video");
  element.muted = true;
  element.src = URL.createObjectURL(media);
  document.body.append(element);
  try {
    await once(media, "sourceopen");
    // All buffers before any bytes: Chromium takes no new one once the media is known.
    const tracks = [
      ["video", videos],
      ["audio", audios],
    ] as const;
    const buffers = tracks.flatMap(([kind, fragments]) => {
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
    const ended = once(element, "ended");
    const seen = watched(element);
    element.playbackRate = rate;
    await element.play();
    await ended;
    const { totalVideoFrames, droppedVideoFrames } = element.getVideoPlaybackQuality();
    const presented = (seen.at(-1)?.before ?? -1) + 1;
    return { spans, totalVideoFrames, droppedVideoFrames, presented, error: element.error, seen };
  } finally {
    URL.revokeObjectURL(element.src);
    element.remove();
  }
}
