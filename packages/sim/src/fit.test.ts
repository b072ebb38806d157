import { seededRandom } from "@tabcast/runtime";
import { describe, expect, test } from "vitest";
import { draw, factors, fit, gapOf, type RealRun } from "./fit.ts";
import { deliver } from "./virtual/codec.ts";

const facts = {
  date: "2026-11-27",
  machine: "a test",
  transfer: { dialMs: 300, deliverMs: 0, deliverSigma: 0 },
  lostAfterMs: 6_100,
};
const truth = { sigma: 0.2, stallShare: 0.05, stallFactor: 4 };
const handed = { deliverMs: 80, deliverSigma: 0.3 };

/** A report of two workers of different speed whose times follow a known law. */
function report(jobs: number, name: string): RealRun {
  const random = seededRandom(5, name);
  return {
    segmentSeconds: 2,
    trace: [],
    segments: Array.from({ length: jobs }, (_, seq) => {
      const encodeMs = (seq % 2 ? 400 : 900) * draw(truth, random);
      const roundTripMs = encodeMs / 8 + deliver(handed, random);
      const worker = seq % 2 ? "fast" : "slow";
      return ["720p", "240p"].map(() => ({ seq, worker, encodeMs, roundTripMs, attempts: 1 }));
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
    expect(fitted.transfer.deliverMs).toBeCloseTo(handed.deliverMs, -1);
    expect(fitted.transfer.deliverSigma).toBeCloseTo(handed.deliverSigma, 1);
    expect(fitted.gap?.roundTrip.ks).toBeLessThan(0.05);
    expect([fitted.fittedOn, fitted.judgedOn]).toEqual([2_000, 2_000]);
  });

  test("counts a job once, whatever number of rungs it has, and no gap, copy, local encode or spot-checked segment", () => {
    const line = { roundTripMs: 50, attempts: 1 };
    const segments = [
      { seq: 0, worker: "a", encodeMs: 100, ...line },
      { seq: 0, worker: "a", encodeMs: 100, ...line },
      { seq: 1, worker: null, encodeMs: 0, ...line },
      { seq: 2, worker: "local", encodeMs: 900, ...line },
      { seq: 3, worker: "a", encodeMs: 700, ...line, attempts: 2 },
      { seq: 4, worker: "a", encodeMs: 700, ...line },
    ];
    const trace = [
      { seq: 0, lines: [{ what: "published" }] },
      { seq: 4, lines: [{ what: "check" }, { what: "published" }] },
    ];
    expect(factors([{ segmentSeconds: 2, segments, trace }])).toEqual([1]);
  });

  test("tells a model that is twice as slow from one that fits", () => {
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
