import { FAST, LIVE } from "@tabcast/market";
import { expect, test } from "vitest";
import { paceOf } from "./pace.ts";

test("a live segment is given up after two lengths, and never before 4 s", () => {
  expect(paceOf("live", 2_000).limits(1_000, 0)?.deadline).toBe(5_000);
  expect(paceOf("live", 500).limits(1_000, 0)?.deadline).toBe(5_000);
  expect(paceOf("live", 5_000).limits(1_000, 0)?.deadline).toBe(11_000);
});

test("this tab's own encode begins early enough to be in time, and not before the segment's end", () => {
  const pace = paceOf("live", 2_000);
  expect(pace.limits(1_000, 1_000)?.localAt).toBe(1_000 + 4_000 - LIVE.margin * 1_000);
  expect(pace.limits(1_000, 60_000)?.localAt).toBe(1_000);
});

test("a live segment counts as late from a quarter of its time on, a file's never", () => {
  const live = paceOf("live", 2_000);
  expect(live.late(0, 1_000)).toBe(false);
  expect(live.late(0, 1_001)).toBe(true);
  const fast = paceOf("fast", 2_000);
  expect(fast.late(0, 1e9)).toBe(false);
  expect(fast.limits(0, 0)).toBeUndefined();
});

test("a file runs ahead by what its crew can take, a live stream by a fixed number of segments", () => {
  const fast = paceOf("fast", 2_000);
  expect(fast.ahead(3)).toBe(3 * FAST.perWorker + 1);
  expect(paceOf("live", 2_000).ahead(0)).toBe(paceOf("live", 2_000).ahead(8));
});

test("numbers that a broadcast is given replace the market's own", () => {
  expect(paceOf("live", 2_000).config).toBe(LIVE);
  expect(paceOf("fast", 2_000).config).toBe(FAST);
  expect(paceOf("fast", 2_000, LIVE).config).toBe(LIVE);
});
