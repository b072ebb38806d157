import { expect, test } from "vitest";
import * as Score from "./score.ts";

const record = (roundTripMs: number, delivered = 10) => ({
  asked: 10,
  delivered,
  roundTripsMs: [roundTripMs],
  segmentSeconds: 2,
});

test.each([
  [2_000, 0.632],
  [1_000, 0.865],
  [2_000 / 3, 0.95],
  [400, 0.993],
])("a round trip of %d ms scores %d, as on Livepeer's leaderboard", (ms, expected) => {
  expect(Score.score(record(ms))).toBeCloseTo(expected, 3);
});

test("what was not delivered counts in full, and nothing scores nothing", () => {
  expect(Score.score(record(1_000, 5))).toBeCloseTo(0.865 / 2, 3);
  expect(Score.score({ asked: 0, delivered: 0, roundTripsMs: [], segmentSeconds: 2 })).toBe(0);
});

test("percentiles are values that occurred", () => {
  const values = [5, 1, 4, 2, 3];
  expect(Score.percentile(values, 0.5)).toBe(3);
  expect(Score.percentile(values, 0.95)).toBe(5);
  expect(Score.percentile(values, 0)).toBe(1);
  expect(Score.percentile([], 0.5)).toBeUndefined();
});
