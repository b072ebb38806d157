import { seededRandom } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { pickFrames } from "./pick.ts";

test("three frames, ascending, one of them in the last quarter, whatever the chance", () => {
  const random = seededRandom(Number(process.env.SEED ?? 1), "pick");
  for (let count = 4; count <= 600; count++) {
    const frames = pickFrames(count, random);
    expect(frames).toHaveLength(3);
    expect(new Set(frames).size).toBe(3);
    expect(frames.toSorted((a, b) => a - b)).toEqual(frames);
    expect(frames[2]).toBeGreaterThanOrEqual(Math.floor((count * 3) / 4));
    expect(frames[2]).toBeLessThan(count);
  }
});

test("a segment of three frames or fewer is checked whole", () => {
  const random = seededRandom(1);
  expect([1, 2, 3].map((count) => pickFrames(count, random))).toEqual([[0], [0, 1], [0, 1, 2]]);
});
