import { BitsPerSecond, Bytes, Micros } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { emptyBytes, fullness, mostBytes } from "./bytes.ts";

const sizes = (coded: number, pixels: number) => ({
  key: Bytes.of(0),
  coded: Bytes.of(coded),
  pixels,
});
const source = { sizes: sizes(1_000_000, 1920 * 1080), count: 50 };

test("a rung's bytes are bounded by its bitrate, its key frame and its container", () => {
  const rung = { name: "360p", width: 640, height: 360, bitrate: BitsPerSecond.of(800_000) };
  const timestamps = Array.from({ length: 50 }, (_, i) => Micros.of(i * 40_000));
  const most = mostBytes(rung, { duration: Micros.of(2_000_000), timestamps });
  expect(most).toBe(1.5 * 200_000 + 28_800 + 2_048 + 32 * 50);
});

// Black at 240p in 24 to 60 frames, as Chromium 156 encoded it: npm run bench -- attacks.
test.each([
  ["avc", 699, 24],
  ["avc", 1_264, 60],
  ["av1", 844, 25],
] as const)("black at 240p is empty in %s", (codec, coded, count) => {
  const black = { sizes: sizes(coded, 426 * 240), count };
  const full = fullness(codec, black, { ...source, count });
  expect(full).toBeGreaterThan(0.8);
  expect(full).toBeLessThan(1.2);
});

test("an honest rendition of a dark picture does not count as empty", () => {
  const night = { sizes: sizes(4_341, 426 * 240), count: 30 };
  expect(fullness("av1", night, { ...source, count: 30 })).toBeGreaterThan(3);
});

test("an empty source says nothing of its renditions", () => {
  const empty = { sizes: sizes(emptyBytes("avc", 1920 * 1080, 50), 1920 * 1080), count: 50 };
  expect(fullness("avc", { sizes: sizes(700, 426 * 240), count: 50 }, empty)).toBeUndefined();
});
