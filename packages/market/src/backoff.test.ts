import { describe, expect, test } from "vitest";
import * as Backoff from "./backoff.ts";
import { LIVE } from "./config.ts";

const FOREVER = Number.POSITIVE_INFINITY;
const { returnMs, alone } = LIVE;
const want: Backoff.Want = { pixels: 100e6, bytes: 750_000, slackMs: 4_000 };
const quick = { samples: 9, pixelsPerS: 146e6, uplink: 10e6, pullMs: 100 };

describe("a worker that was dropped", () => {
  /** Fault, whether it was alone, tries before, invalid results; milliseconds that it stays out. */
  const table = [
    ["late", false, 0, 0, returnMs],
    ["late", true, 0, 0, alone.awayMs],
    ["failed", true, 0, 0, alone.awayMs],
    ["dead", true, 0, 0, alone.awayMs],
    ["late", true, 1, 0, 2 * alone.awayMs],
    ["late", true, 2, 0, alone.mostMs],
    ["late", true, 1_000, 0, alone.mostMs],
    ["failed", false, 5, 0, returnMs],
    ["invalid", true, 0, 1, returnMs],
    ["unserved", true, 0, 1, returnMs],
    ["invalid", true, 0, 2, FOREVER],
    ["late", true, 0, 2, FOREVER],
    ["left", true, 0, 0, 0],
    ["left", false, 0, 0, 0],
  ] as const;
  test.each(table)(
    "for being %s (alone: %s, %i tries, %i invalid) stays out for %d ms",
    (...row) => {
      const [fault, lone, tries, invalid, ms] = row;
      expect(Backoff.awayMs({ fault, alone: lone, tries, invalid }, LIVE)).toBe(ms);
    },
  );

  test("is believed to make half of what it was late with, whatever it made before", () => {
    const slower = Backoff.slower(want, 146e6, quick, LIVE);
    expect(Backoff.makes(want, 146e6, quick, LIVE)).toBeGreaterThan(2 * want.pixels);
    expect(Backoff.makes(want, 146e6, slower, LIVE)).toBeCloseTo(want.pixels / 2, 0);
    // Also one that was never measured: it is not asked to prove the same again.
    const unknown = Backoff.slower(want, 146e6, undefined, LIVE);
    expect(Backoff.makes(want, 146e6, unknown, LIVE)).toBeCloseTo(want.pixels / 2, 0);
  });

  test("is still believed to make the lowest rung, below which there is nothing to ask for", () => {
    const lowest = { ...want, pixels: 10e6, least: 10e6 };
    const slower = Backoff.slower(lowest, 146e6, quick, LIVE);
    expect(Backoff.makes(lowest, 146e6, slower, LIVE)).toBeGreaterThan(lowest.least);
  });

  test("is not believed to be quicker for having been late", () => {
    const snail = { ...quick, pixelsPerS: 1e6 };
    expect(Backoff.slower(want, 146e6, snail, LIVE)?.pixelsPerS).toBe(1e6);
  });

  test("is believed as before where its links alone take all the time", () => {
    const thin = { ...quick, uplink: 1e6 };
    expect(Backoff.slower(want, 146e6, thin, LIVE)).toBe(thin);
  });
});
