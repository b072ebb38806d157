import { BitsPerSecond, Micros } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { all, decoded, never, stored } from "../../test/clip.ts";
import { numberIn } from "../../test/matrix.ts";
import { near, play } from "../../test/player.ts";
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

/** When each of `count` frames is shown, in seconds. */
const timesAt = (rate: number, count: number) => Array.from({ length: count }, (_, i) => i / rate);

for (const codec of ["avc", "vp9", "av1"] as const)
  test(`the scene with Opus, as ${codec}, plays to its end through a change of rung, every frame at its time, in step`, async () => {
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
    const times = timesAt(25, total);
    const played = await play(mixed, audio, times);
    expect(played).toMatchObject({ totalVideoFrames: total, error: null });
    expect(played.shown.map(({ time }) => time)).toEqual(
      times.map((time) => Math.round(time * 1e6)),
    );
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
    const times = timesAt(rate, total);
    for (const videos of [own, mixed]) {
      const played = await play(videos, audio, times);
      expect(played).toMatchObject({ totalVideoFrames: total, error: null });
      expect(played.shown.map(({ number }) => number)).toEqual(numbers);
      expect(played.shown.filter(({ time }, i) => !near(time, times[i] as number))).toEqual([]);
    }
  });
