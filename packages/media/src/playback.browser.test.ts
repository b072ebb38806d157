import { BitsPerSecond, Micros } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { all, never, stored } from "../test/clip.ts";
import { inspect } from "./inspect.ts";
import { openFile, openScene } from "./source.ts";
import { createTranscoder } from "./transcoder.ts";
import type { CodecName, Fragment, Rung, Source } from "./types.ts";

const rungs: Rung[] = [
  { name: "a", width: 320, height: 180, bitrate: BitsPerSecond.of(400_000) },
  { name: "b", width: 160, height: 90, bitrate: BitsPerSecond.of(150_000) },
];

const once = (target: EventTarget, type: string) =>
  new Promise<void>((resolve, reject) => {
    target.addEventListener(type, () => resolve(), { once: true });
    target.addEventListener("error", () => reject(new Error(`${type} never came`)), { once: true });
  });

/**
 * Plays fragments to the end, again and slower if frames were dropped: a busy machine drops some at full speed, while a
 * frame that cannot be shown is dropped at every speed.
 */
async function play(videos: readonly Fragment[], audios: readonly Fragment[]) {
  let played = await playAt(1, videos, audios);
  for (const rate of [0.5, 0.25])
    if (played.droppedVideoFrames > 0) played = await playAt(rate, videos, audios);
  return played;
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
    element.playbackRate = rate;
    await element.play();
    await ended;
    const { totalVideoFrames, droppedVideoFrames } = element.getVideoPlaybackQuality();
    return { spans, totalVideoFrames, droppedVideoFrames, error: element.error };
  } finally {
    URL.revokeObjectURL(element.src);
    element.remove();
  }
}

async function ladderOf(source: Source, codec: CodecName) {
  const segments = await all(source);
  const transcoder = createTranscoder();
  try {
    const made: Fragment[][] = [];
    for (const { video } of segments)
      made.push([
        ...(
          await transcoder.transcode(
            { init: video.init, media: video.media, codec, rungs },
            { signal: never },
          )
        ).renditions,
      ]);
    return { segments, made };
  } finally {
    transcoder.close();
  }
}

const opens: [string, CodecName, () => Promise<Source>][] = [
  ...(["avc", "vp9", "av1"] as const).map((codec): (typeof opens)[number] => [
    "the scene with Opus",
    codec,
    () =>
      openScene({
        width: 640,
        height: 360,
        pace: "fast",
        duration: Micros.of(2_400_000),
        segment: Micros.of(1_000_000),
        signal: never,
      }),
  ]),
  [
    "a file with B-frames and AAC",
    "avc",
    async () =>
      openFile(await stored("bframes.mp4"), "b", { segment: Micros.of(1_000_000), signal: never }),
  ],
];

for (const [name, codec, open] of opens)
  test(`${name}, as ${codec}, plays to its end through a change of rung, no frame dropped, in step`, async () => {
    const { segments, made } = await ladderOf(await open(), codec);
    const total = segments.reduce((sum, { video }) => sum + video.frames, 0);
    const audio = segments.flatMap((segment) => segment.audio ?? []);
    // Each segment from another rung: another encoder, another init.
    const mixed = made.map((renditions, i) => renditions[i % 2] as Fragment);
    const played = await play(mixed, audio);
    expect(played).toMatchObject({ droppedVideoFrames: 0, error: null });
    expect(played.totalVideoFrames).toBe(total);
    const [[videoStart, videoEnd], [audioStart]] = played.spans as [[number, number], [number]];
    expect(Math.abs(videoStart - audioStart)).toBeLessThan(0.02);
    const last = segments.at(-1);
    expect(videoEnd).toBeCloseTo(((last?.start ?? 0) + (last?.duration ?? 0)) / 1e6, 2);
  });

test("the source's own packets, B-frames and all, play as one unbroken range", async () => {
  const source = await openFile(await stored("bframes.mp4"), "b", {
    segment: Micros.of(1_000_000),
    signal: never,
  });
  const segments = await all(source);
  const played = await play(
    segments.map(({ video }) => video),
    segments.flatMap(({ audio }) => audio ?? []),
  );
  expect(played).toMatchObject({ droppedVideoFrames: 0, totalVideoFrames: 75, error: null });
});

test("a fragment is looked into in a few milliseconds", async () => {
  const source = await openFile(await stored("bframes.mp4"), "b", { signal: never });
  const [segment] = await all(source);
  if (!segment) throw new Error("no segment");
  await inspect(segment.video); // starts the worker
  let quickest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 30; i++) {
    const began = performance.now();
    await inspect(segment.video);
    quickest = Math.min(quickest, performance.now() - began);
  }
  expect(quickest).toBeLessThan(5);
});
