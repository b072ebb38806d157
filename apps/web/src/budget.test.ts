import { Price } from "@tabcast/market";
import * as Money from "@tabcast/tab/money";
import { usualPrice } from "@tabcast/tab/settings";
import { expect, test } from "vitest";
import { atMost, parseHours, sentence } from "./budget.ts";

const rungs = [
  { width: 1280, height: 720 },
  { width: 640, height: 360 },
];
const eth = Money.coin();
const plan = { rungs, frameRate: 30, hours: 2, maxPrice: usualPrice() };

test("the deposit covers every segment of the plan at the highest price, and hardly more", () => {
  const perSegment = Price.ofSegment(usualPrice(), rungs, 60);
  const spent = perSegment * 3_600n; // two hours of two-second segments
  expect(atMost(plan, eth)).toBeGreaterThanOrEqual(spent);
  expect(atMost(plan, eth) - spent).toBeLessThan(10n ** 14n);
  expect(atMost(plan, eth) % 10n ** 14n).toBe(0n);
});

test("a plan is priced by its pixels: no rungs cost nothing, twice the hours twice as much", () => {
  expect(atMost({ ...plan, rungs: [] }, eth)).toBe(0n);
  const double = atMost({ ...plan, hours: 4 }, eth);
  expect(2n * atMost(plan, eth) - double).toBeLessThanOrEqual(10n ** 14n);
  expect(double).toBeGreaterThan(atMost(plan, eth));
});

test("hours and frame rates out of bounds are refused", () => {
  for (const hours of [0, -1, 25, Number.NaN])
    expect(() => atMost({ ...plan, hours }, eth)).toThrow(RangeError);
  expect(() => atMost({ ...plan, frameRate: 0 }, eth)).toThrow(RangeError);
  for (const text of ["", "0", "25", "-1", "1e2", "two", "1.234"])
    expect(parseHours(text)).toBeUndefined();
  expect(parseHours("0.5")).toBe(0.5);
});

test("the sentence says how long, for whom, how much, and that the rest comes back", () => {
  // 1280x720 + 640x360 at 30 frames/s for 2 h: 248.832 gigapixels at a millionth.
  expect(sentence(plan, 10, eth)).toBe(
    "2 hours at 2 rungs for 10 workers is at most 0.0003 ETH, refundable: what is not spent comes back.",
  );
});

test("in dollars a plan is rounded up to the cent, and said in dollars", () => {
  const usdc: Money.Unit = { kind: "token", symbol: "USDC", decimals: 6, dollars: true };
  const inDollars = { ...plan, maxPrice: usualPrice({ perCoin: "3000000000" }) };
  // 248.832 gigapixels at $0.003.
  expect(atMost(inDollars, usdc)).toBe(750_000n);
  expect(sentence(inDollars, 2, usdc)).toBe(
    "2 hours at 2 rungs for 2 workers is at most 75 ¢, refundable: what is not spent comes back.",
  );
});
