import fc from "fast-check";
import { expect, test } from "vitest";
import * as Price from "./price.ts";

const { SEED, FC_PATH = "", RUNS = "300" } = process.env;
const replay = { seed: Number(SEED ?? Date.now() | 0), path: FC_PATH, numRuns: Number(RUNS) };

const ladder = [
  { width: 426, height: 240 },
  { width: 640, height: 360 },
  { width: 854, height: 480 },
  { width: 1280, height: 720 },
];

test("two seconds of Livepeer's ladder at 1,000 gwei per gigapixel cost what the pixels say", () => {
  // 1,664,160 pixels per frame, 60 frames: 99.8496 megapixels.
  expect(Price.pixels(ladder, 60)).toBe(99_849_600n);
  expect(Price.ofSegment(1_000_000_000_000n, ladder, 60)).toBe(99_849_600_000n);
  expect(Price.ofPixels(1_000_000_000_000n, 99_849_600n)).toBe(99_849_600_000n);
});

test("a fraction of the smallest part is rounded up, so that no work is free by its price being small", () => {
  expect(Price.ofSegment(1n, [{ width: 2, height: 2 }], 1)).toBe(1n);
  expect(Price.ofSegment(1_000n, ladder, 60)).toBe(100n);
  expect(Price.ofSegment(0n, ladder, 60)).toBe(0n);
});

test(`the price is within one smallest part of the exact one, and never below it (SEED=${replay.seed})`, () => {
  const side = fc.integer({ min: 2, max: 3_840 });
  const rungs = fc.array(fc.record({ width: side, height: side }), { maxLength: 8 });
  const property = fc.property(
    fc.bigInt(0n, 2n ** 64n - 1n),
    rungs,
    fc.nat(10_000),
    (price, r, f) => {
      const paid = Price.ofSegment(price, r, f) * 1_000_000_000n;
      const exact = price * Price.pixels(r, f);
      expect(paid >= exact && paid - exact < 1_000_000_000n).toBe(true);
    },
  );
  fc.assert(property, replay);
});
