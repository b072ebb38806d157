import { BitsPerSecond, Micros } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { all, decoded, never, stored } from "../../test/clip.ts";
import { numberIn } from "../../test/matrix.ts";
import { play } from "../../test/player.ts";
import { inspect } from "../inspect/inspect.ts";
import { createTranscoder } from "../transcode/transcoder.ts";
import type { CodecName, Fragment, Rung, Source } from "../types.ts";
import { openFile, openScene } from "./source.ts";

const rungs: Rung[] = [
  { name: "a", width: 320, height: 180, bitrate: BitsPerSecond.of(400_000) },
  { name: "b", width: 160, height: 90, bitrate: BitsPerSecond.of(150_000) },
];

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

for (const codec of ["avc", "vp9", "av1"] as const)
  test(`the scene with Opus, as ${codec}, plays to its end through a change of rung, no frame dropped, in step`, async () => {
    const scene = await openScene({
      width: 640,
      height: 360,
      pace: "fast",
      duration: Micros.of(2_400_000),
      segment: Micros.of(1_000_000),
      signal: never,
    });
    const { segments, made } = await ladderOf(scene, codec);
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

/** Files that carry frame numbers, with the rate at which they come out. */
const numbered = [
  ["avc.mp4", 25],
  ["vfr-holes.mp4", 25],
  // Its own packets at first, encoded again from the change on: another init in mid-stream.
  ["size-change.mpegts", 25],
] as const;

for (const [name, rate] of numbered)
  test(`${name} and its rungs show each frame once, at its time, across all borders`, async () => {
    const source = await openFile(await stored(name), name, {
      segment: Micros.of(1_000_000),
      signal: never,
    });
    const { segments, made } = await ladderOf(source, "avc");
    const audio = segments.flatMap((segment) => segment.audio ?? []);
    const own = segments.map(({ video }) => video);
    const total = own.reduce((sum, { frames }) => sum + frames, 0);
    const numbers = (await Promise.all(own.map((video) => decoded(video))))
      .flat()
      .map((picture) => numberIn(picture));
    // Each segment from another rung: another encoder, another init.
    const mixed = made.map((renditions, i) => renditions[i % 2] as Fragment);
    for (const videos of [own, mixed]) {
      const played = await play(videos, audio);
      expect(played).toMatchObject({ droppedVideoFrames: 0, presented: total, error: null });
      expect(played.seen.length).toBeGreaterThan(total / 4);
      for (const { time, before, number } of played.seen) {
        expect(number).toBe(numbers[before]);
        expect(Math.abs(time - before / rate)).toBeLessThan(1e-3);
      }
    }
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
