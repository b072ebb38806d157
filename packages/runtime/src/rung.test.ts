import { expect, test } from "vitest";
import { Pixels } from "./rung.ts";

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

test("rungs in ascending order keep the order of those that are equal, and the given list", () => {
  const given = [...rungs];
  expect(Pixels.ascending(given)).toEqual([rungs[1], rungs[2], rungs[0]]);
  expect(given).toEqual(rungs);
});
