import { expect, test } from "vitest";
import * as Trace from "./trace.ts";

const line = (at: number, what = "sent"): Trace.Line => ({ at, what });
const full = (seq: number, count: number) =>
  Array.from({ length: count }, (_, i) => line(i)).reduce(Trace.add, Trace.open(seq));

test("a trace is bounded, and keeps its beginning and its end", () => {
  const trace = full(3, 500);
  expect(trace.lines).toHaveLength(Trace.MOST_LINES);
  expect(trace.left).toBe(500 - Trace.MOST_LINES);
  expect(trace.lines[0]?.at).toBe(0);
  expect(trace.lines.at(-1)?.at).toBe(499);
});

test("a trace reads as text, with times from its first line and short names", () => {
  const trace: Trace.Trace = {
    seq: 17,
    left: 2,
    lines: [
      { at: 34_000, what: "picked", who: "12D3KooWabcdefgh", why: "first: done in 620 ms" },
      { at: 34_012.4, what: "sent", who: "local" },
      { at: 36_050, what: "published" },
    ],
  };
  expect(Trace.format([trace], 17)).toBe(
    [
      "segment 17, from 34.000 s on air",
      "   0.000 s  picked     …abcdefgh first: done in 620 ms",
      "   0.012 s  sent       local",
      "   2.050 s  published",
      "  (2 lines in the middle were left out)",
    ].join("\n"),
  );
});

test("a segment that is not there is said so, with what there is", () => {
  expect(() => Trace.format([full(4, 1), full(9, 1)], 17)).toThrow("the report has 4 to 9");
  expect(() => Trace.format([], 17)).toThrow("no traces");
});

test("traces of a report survive JSON, and rubbish is refused", () => {
  const traces = [full(3, 60), full(4, 1)];
  expect(Trace.read(JSON.parse(JSON.stringify(traces)))).toEqual(traces);
  const bad: unknown[] = [
    undefined,
    {},
    [1],
    [{ seq: 1 }],
    [{ ...full(1, 1), lines: [{ at: "x" }] }],
  ];
  for (const value of bad) expect(() => Trace.read(value)).toThrow(RangeError);
});
