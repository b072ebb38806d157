import { expect, test } from "vitest";
import { Frames, Pixels } from "./rung.ts";

const rungs = [
  { width: 640, height: 360 },
  { width: 320, height: 180 },
  { width: 180, height: 320 },
];

test("pixels of a ladder are those of all its rungs, for every frame", () => {
  expect(Pixels.perFrame(rungs)).toBe(640 * 360 + 2 * 320 * 180);
  expect(Pixels.ofFrames(rungs, 50)).toBe(50 * Pixels.perFrame(rungs));
  expect(Pixels.rate(rungs, 25)).toBe(25 * Pixels.perFrame(rungs));
  expect(Pixels.perFrame([])).toBe(0);
});

test("pixels of renditions are counted by the frames that each has, and those of a missing one not at all", () => {
  const made = rungs.map((rung) => ({ frames: Frames.of(rung, 50) }));
  expect(Pixels.made(rungs, made)).toBe(Pixels.ofFrames(rungs, 50));
  expect(Pixels.made(rungs, [{ frames: 2 }, { frames: 1 }])).toBe(2 * 640 * 360 + 320 * 180);
});

test("a rung shows as many frames as are counted for it, at the source's rate", () => {
  const [rung] = rungs as [(typeof rungs)[number]];
  const times = [0, 40, 80, 120, 160];
  expect(Frames.shown(rung, times)).toEqual(times);
  expect(Frames.of(rung, times.length)).toBe(Frames.shown(rung, times).length);
  expect(Frames.rate(rung, 25)).toBe(25);
});

test("rungs in ascending order keep the order of those that are equal, and the given list", () => {
  const given = [...rungs];
  expect(Pixels.ascending(given)).toEqual([rungs[1], rungs[2], rungs[0]]);
  expect(given).toEqual(rungs);
});
