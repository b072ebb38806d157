import { seededRandom } from "@tabcast/runtime";
import { describe, expect, test } from "vitest";
import { draw, factors, fit, gapOf, type RealRun } from "./fit.ts";

const facts = {
  date: "2026-11-27",
  machine: "a test",
  transfer: { dialMs: 300 },
  lostAfterMs: 6_100,
};
const truth = { sigma: 0.2, stallShare: 0.05, stallFactor: 4 };

/** A report of two workers of different speed whose times follow a known law. */
function report(jobs: number, name: string): RealRun {
  const random = seededRandom(5, name);
  return {
    segments: Array.from({ length: jobs }, (_, seq) => {
      const encodeMs = (seq % 2 ? 400 : 900) * draw(truth, random);
      return ["720p", "240p"].map(() => ({ seq, worker: seq % 2 ? "fast" : "slow", encodeMs }));
    }).flat(),
  };
}

describe("fitting times to real runs", () => {
  test("finds the law that the times follow, and a small gap on runs it did not see", () => {
    const fitted = fit([report(2_000, "a"), report(2_000, "b")], facts);
    expect(fitted.encode.sigma).toBeCloseTo(truth.sigma, 1);
    expect(fitted.encode.stallShare).toBeCloseTo(truth.stallShare, 1);
    expect(fitted.encode.stallFactor).toBeCloseTo(truth.stallFactor, 0);
    expect(fitted.gap?.encode.ks).toBeLessThan(0.05);
    expect([fitted.fittedOn, fitted.judgedOn]).toEqual([2_000, 2_000]);
  });

  test("counts a job once, whatever number of rungs it has, and no gap or local encode", () => {
    const segments = [
      { seq: 0, worker: "a", encodeMs: 100 },
      { seq: 0, worker: "a", encodeMs: 100 },
      { seq: 1, worker: null, encodeMs: 0 },
      { seq: 2, worker: "local", encodeMs: 900 },
    ];
    expect(factors([{ segments }])).toEqual([1]);
  });

  test("tells a model that is twice as slow", () => {
    const real = Array.from({ length: 100 }, (_, i) => 1 + i / 100);
    expect(
      gapOf(
        real.map((value) => 2 * value),
        real,
      ),
    ).toEqual({ p50: 2, p95: 2, ks: 1 });
  });

  test("refuses to say anything of a few jobs", () => {
    expect(() => fit([report(10, "a")], facts)).toThrow(RangeError);
  });
});
