import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { measureRate, perSecond, slotAt, slotFrom } from "./rate.ts";

const { SEED, RUNS = "200" } = process.env;
const replay = { seed: Number(SEED ?? 1), numRuns: Number(RUNS) };

/** Times of `count` frames as a container with `resolution` ticks per second rounds them. */
const rounded = (count: number, rate: number, resolution: number, from = 0) =>
  Array.from({ length: count }, (_, k) => Math.round((from + k / rate) * resolution) / resolution);

describe("the grid of a file", () => {
  for (const [name, rate] of [
    ["24000/1001", 24_000 / 1001],
    ["24", 24],
    ["25", 25],
    ["30000/1001", 30_000 / 1001],
    ["30", 30],
    ["50", 50],
    ["60000/1001", 60_000 / 1001],
    ["60", 60],
    ["12.5", 12.5],
    ["15", 15],
  ] as const)
    test(`${name} is found from milliseconds, MPEG-TS ticks and exact ticks alike`, () => {
      for (const resolution of [1000, 90_000, 30_000, 1_000_000])
        for (const from of [0, 0.0213]) {
          const measured = measureRate(rounded(200, rate, resolution, from), resolution, 0);
          expect(perSecond(measured.rate), `${resolution}`).toBeCloseTo(
            rate,
            resolution === 1000 ? 9 : 3,
          );
          expect(measured.constant).toBe(true);
        }
    });

  test("holes leave the rate as it is, and say that it is not constant", () => {
    const times = rounded(200, 30_000 / 1001, 1000).filter((_, k) => k < 50 || k % 3 > 0);
    const { rate, constant } = measureRate(times, 1000, 0);
    expect([rate.timescale / rate.ticks, constant]).toEqual([30_000 / 1001, false]);
  });

  test("more than sixty per second are halved; less than one is multiplied", () => {
    expect(measureRate(rounded(240, 120, 15_360), 15_360, 0)).toMatchObject({ constant: false });
    expect(perSecond(measureRate(rounded(240, 120, 15_360), 15_360, 0).rate)).toBe(60);
    expect(perSecond(measureRate(rounded(240, 240_000 / 1001, 90_000), 90_000, 0).rate)).toBe(
      60_000 / 1001,
    );
    expect(perSecond(measureRate(rounded(9, 0.2, 1000), 1000, 0).rate)).toBe(1);
  });

  test("one frame has its own length, or a twenty-fifth of a second", () => {
    expect(perSecond(measureRate([1.4], 90_000, 0.04).rate)).toBe(25);
    expect(perSecond(measureRate([0], 1000, 0).rate)).toBe(25);
    expect(perSecond(measureRate([], 1000, 0).rate)).toBe(25);
  });

  test(`never drifts: any constant file of two hours stays on it (SEED=${replay.seed})`, () => {
    const rates = fc.constantFrom(24_000 / 1001, 24, 25, 30_000 / 1001, 30, 50, 60_000 / 1001, 60);
    const resolutions = fc.constantFrom(1000, 12_800, 30_000, 90_000);
    const phase = fc.double({ min: 0, max: 1, noNaN: true });
    const stays = fc.property(rates, resolutions, phase, (rate, resolution, from) => {
      const times = rounded(500, rate, resolution, from);
      const measured = measureRate(times, resolution, 0).rate;
      const last = Math.floor(7200 * rate);
      const time =
        Math.round((from + last / rate) * resolution) / resolution - (times[0] as number);
      expect(slotAt(measured, time)).toBe(last);
      expect(slotFrom(measured, time)).toBe(last);
    });
    fc.assert(stays, replay);
  });

  test(`any times at all give a grid of 1 to 60 per second (SEED=${replay.seed})`, () => {
    const gaps = fc.array(fc.double({ min: 0, max: 20, noNaN: true }), { maxLength: 60 });
    const bounded = fc.property(
      gaps,
      fc.integer({ min: 1, max: 10_000_000 }),
      (list, resolution) => {
        let at = 0;
        const times = list.map((gap) => {
          at += gap;
          return Math.round(at * resolution) / resolution;
        });
        const { rate } = measureRate(times, resolution, 0);
        expect(perSecond(rate)).toBeGreaterThanOrEqual(1);
        expect(perSecond(rate)).toBeLessThanOrEqual(60.0001);
        expect([rate.timescale, rate.ticks].every(Number.isInteger)).toBe(true);
        expect(rate.timescale).toBeLessThan(2 ** 32);
      },
    );
    fc.assert(bounded, replay);
  });
});
