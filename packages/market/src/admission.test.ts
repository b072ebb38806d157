import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as Admission from "./admission.ts";

const { SEED, FC_PATH = "", RUNS = "200" } = process.env;
const replay = { seed: Number(SEED ?? Date.now() | 0), path: FC_PATH, numRuns: Number(RUNS) };
const ladder = [
  { name: "720p", width: 1280, height: 720 },
  { name: "480p", width: 854, height: 480 },
  { name: "360p", width: 640, height: 360 },
  { name: "240p", width: 426, height: 240 },
];

describe("a network", () => {
  test("that is large enough carries the whole ladder, and says nothing", () => {
    const plan = Admission.plan(ladder, { speeds: [40e6, 40e6], frameRate: 30 });
    expect(plan).toEqual({ fits: ladder.map(({ name }) => name) });
  });

  test("that is too small is told what it lacks, and what it can carry", () => {
    const plan = Admission.plan(ladder, { speeds: [30e6], frameRate: 30 });
    expect(plan.fits).toEqual(["480p", "360p", "240p"]);
    expect(plan.message).toBe(
      "the network is too small for this ladder: it needs 49.9 Mpx/s at 0.8 of real time, " +
        "1 worker brings 30.0 Mpx/s; enough for 480p, 360p, 240p",
    );
  });

  test("without workers is still asked for the lowest rung", () => {
    expect(Admission.plan(ladder, { speeds: [], frameRate: 30 }).fits).toEqual(["240p"]);
  });
});

describe("what workers are asked for", () => {
  const all = ladder;
  const low = ladder.slice(1);
  const pixels = (rungs: typeof ladder) =>
    rungs.reduce((sum, { width, height }) => sum + width * height, 0) * 60;
  const unknown = { hired: false, slow: 0, reach: 0 };
  test.each<[string, typeof ladder, Partial<Admission.Supply>, typeof ladder]>([
    ["is the whole ladder while nobody has come", all, {}, all],
    ["is what the quickest of those makes that are too slow", all, { slow: pixels(low) }, low],
    ["is the lowest rung at least", all, { slow: pixels(ladder.slice(3)) }, ladder.slice(3)],
    ["is not changed by who makes not even that", all, { slow: pixels(ladder.slice(3)) - 1 }, all],
    ["does not change while somebody is hired", all, { hired: true, slow: 1 }, all],
    ["does not grow for who is too slow even for less", low, { slow: pixels(all) }, low],
    [
      "grows once somebody is seen to have room",
      low,
      { hired: true, reach: 1.2 * pixels(all) },
      all,
    ],
    ["as far as that goes", ladder.slice(2), { hired: true, reach: 1.2 * pixels(low) }, low],
    ["but not before", low, { hired: true, reach: 1.19 * pixels(all) }, low],
  ])("%s", (_, asked, supply, expected) => {
    expect(Admission.ask(all, asked, 60, { ...unknown, ...supply })).toEqual(expected);
  });
});

describe("a tab beside a worker", () => {
  const unasked = ladder.slice(0, 3);
  const of = (timeMs: number | undefined, pixelsPerS = 20e6) =>
    Admission.beside(unasked, { pixelsPerS, frames: 60, timeMs }).map(({ name }) => name);

  test.each<[number | undefined, string[]]>([
    [undefined, ["720p", "480p", "360p"]],
    [4_690, ["720p", "480p", "360p"]],
    [4_680, ["480p", "360p"]],
    [700, ["360p"]],
    [690, []],
    [0, []],
    [-5, []],
  ])(
    "makes within %s ms the smallest of the rungs that nobody was asked for: %j",
    (timeMs, made) => {
      expect(of(timeMs)).toEqual(made);
    },
  );

  test("makes none that it is too slow for, however small", () => {
    expect(of(1_600, 1e6)).toEqual([]);
  });

  test("spares at most 0.8 of the time between two segments", () => {
    const spare = (of: Partial<Admission.Busy>) =>
      Admission.spareMs({ segmentMs: 2_000, lagMs: 0, leftMs: undefined, ...of });
    expect(spare({})).toBe(1_600);
    expect(spare({ leftMs: 9_000 })).toBe(1_600);
    expect(spare({ leftMs: 300 })).toBe(300);
    expect(spare({ leftMs: -300 })).toBe(0);
  });

  test("spares less the more its capture lags, and nothing where it lags by a segment", () => {
    const spare = (lagMs: number) =>
      Admission.spareMs({ segmentMs: 2_000, lagMs, leftMs: undefined });
    expect(spare(-50)).toBe(1_600);
    expect(spare(600)).toBe(1_000);
    expect(spare(2_000)).toBe(0);
  });
});

describe(`a tab alone (SEED=${replay.seed})`, () => {
  test("makes the lowest rungs that its time allows, at least one, in the ladder's order", () => {
    const of = (timeMs: number | undefined) =>
      Admission.alone(ladder, { pixelsPerS: 20e6, frames: 60, timeMs }).map(({ name }) => name);
    expect(of(undefined)).toEqual(["720p", "480p", "360p", "240p"]);
    expect(of(10_000)).toEqual(["720p", "480p", "360p", "240p"]);
    expect(of(1_000)).toEqual(["360p", "240p"]);
    expect(of(0)).toEqual(["240p"]);
    expect(of(-5)).toEqual(["240p"]);
  });

  test("never takes more than its time, but for the one it always tries, and more time never means less", () => {
    const property = fc.property(fc.nat(20_000), fc.nat(20_000), (one, two) => {
      const [less, more] = [Math.min(one, two), Math.max(one, two)];
      const of = (timeMs: number) =>
        Admission.alone(ladder, { pixelsPerS: 2e7, frames: 60, timeMs });
      const pixels = of(less).reduce((sum, { width, height }) => sum + width * height, 0) * 60;
      if (of(less).length > 1) expect(pixels).toBeLessThanOrEqual((2e7 * less) / 1_000);
      expect(of(more).length).toBeGreaterThanOrEqual(of(less).length);
    });
    fc.assert(property, replay);
  });
});
