import { LIVE } from "@tabcast/market";
import { expect, test } from "vitest";
import { mostChecked } from "./checks.ts";

const { floor, share } = LIVE.check;
const most = (everyMs: number | undefined, usualMs: number | undefined, first = false) =>
  mostChecked({ everyMs, usualMs, first }, LIVE);

test("a file's broadcaster promises to spot-check every segment, whatever that takes", () => {
  expect(most(undefined, undefined)).toBe(1);
  expect(most(undefined, 60_000)).toBe(1);
});

test("a live stream's broadcaster promises no more spot checks than fit into their share of its time", () => {
  expect(most(2_000, 2_000)).toBeCloseTo(Math.max(floor, share));
  expect(most(2_000, 500)).toBeCloseTo(4 * share);
});

test("a broadcaster never promises less than the floor, however long a spot check takes", () => {
  expect(most(2_000, 1e9)).toBe(floor);
});

test("a live stream's first segment is sure to be spot-checked, and the next at the floor until it has shown what that takes", () => {
  expect(most(2_000, undefined, true)).toBe(1);
  expect(most(2_000, undefined)).toBe(floor);
});
