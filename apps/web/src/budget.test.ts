import { Price } from "@tabcast/market";
import { expect, test } from "vitest";
import { atMost, MAX_PRICE, parseHours, sentence } from "./budget.ts";
import { coin } from "@tabcast/tab/money";

const rungs = [
  { width: 1280, height: 720 },
  { width: 640, height: 360 },
];
const plan = { rungs, frameRate: 30, hours: 2, maxPrice: MAX_PRICE };

test("the deposit covers every segment of the plan at the highest price, and hardly more", () => {
  const perSegment = Price.ofSegment(MAX_PRICE, rungs, 60);
  const spent = perSegment * 3_600n; // two hours of two-second segments
  expect(atMost(plan)).toBeGreaterThanOrEqual(spent);
  expect(atMost(plan) - spent).toBeLessThan(10n ** 14n);
  expect(atMost(plan) % 10n ** 14n).toBe(0n);
});

test("a plan is priced by its pixels: no rungs cost nothing, twice the hours twice as much", () => {
  expect(atMost({ ...plan, rungs: [] })).toBe(0n);
  const double = atMost({ ...plan, hours: 4 });
  expect(2n * atMost(plan) - double).toBeLessThanOrEqual(10n ** 14n);
  expect(double).toBeGreaterThan(atMost(plan));
});

test("hours and frame rates out of bounds are refused", () => {
  for (const hours of [0, -1, 25, Number.NaN])
    expect(() => atMost({ ...plan, hours })).toThrow(RangeError);
  expect(() => atMost({ ...plan, frameRate: 0 })).toThrow(RangeError);
  for (const text of ["", "0", "25", "-1", "1e2", "two", "1.234"])
    expect(parseHours(text)).toBeUndefined();
  expect(parseHours("0.5")).toBe(0.5);
});

test("the sentence says how long, for whom, how much, and that the rest comes back", () => {
  // 1280x720 + 640x360 at 30 frames/s for 2 h: 248,832 Mpixel at a gwei.
  expect(sentence(plan, 10, coin())).toBe(
    "2 hours at 2 rungs for 10 workers is at most 0.0003 ETH, refundable: what is not spent comes back.",
  );
});
