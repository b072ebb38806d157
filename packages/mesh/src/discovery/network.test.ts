import { describe, expect, test } from "vitest";
import { estimate, isSplit, population, type Said } from "./network.ts";

const said = (links: Readonly<Record<string, readonly string[]>>): Said =>
  new Map(
    Object.entries(links).map(([relay, relays]) => [relay, { relays, populations: new Map() }]),
  );
const counted = (...counts: readonly number[]): Said =>
  new Map(
    counts.map((count, n) => [
      `r${n}`,
      { relays: [], populations: new Map([["offers", { here: 0, all: count }]]) },
    ]),
  );

describe("a network", () => {
  test.each([
    ["no relay has said anything", {}, false],
    ["there is one relay", { a: [] }, false],
    ["two relays know each other", { a: ["b"], b: ["a"] }, false],
    ["one of two tells of the other", { a: [], b: ["a"] }, false],
    ["two relays meet at a third that is not ours", { a: ["x"], b: ["x"] }, false],
    ["two relays do not know each other", { a: [], b: [] }, true],
    ["one of three is alone", { a: ["b"], b: ["a"], c: ["x"] }, true],
  ])("where %s", (_, links, split) => {
    expect(isSplit(said(links as Record<string, string[]>))).toBe(split);
  });
});

describe("the number of a topic's peers", () => {
  test("is the lower median of what the relays say, so one that exaggerates moves nothing", () => {
    expect(population(counted(100, 1_000_000), "offers")).toBe(100);
    expect(population(counted(90, 100, 1_000_000), "offers")).toBe(100);
    expect(population(counted(100), "offers")).toBe(100);
  });

  test("is not known before a relay has said it", () => {
    expect(population(counted(), "offers")).toBeUndefined();
    expect(population(counted(5), "live")).toBeUndefined();
  });

  test("counts who is at two relays once, and no fewer than one relay has", () => {
    expect(estimate(100, [])).toBe(100);
    expect(estimate(100, [100])).toBe(100);
    expect(estimate(40, [40, 40, 40, 40])).toBe(100);
    expect(estimate(3, [90])).toBe(90);
  });

  test("is not half as much again where one relay of ten exaggerates, and no more than twice as much where three do", () => {
    const nine = Array.from({ length: 8 }, () => 40);
    expect(estimate(40, [...nine, 100_000])).toBe(220);
    expect(estimate(40, [...nine.slice(2), 1e5, 1e5, 1e5])).toBeLessThanOrEqual(2 * 200);
    expect(estimate(40, [0, 0])).toBe(40);
    // One that has just come back does not take the others for liars.
    expect(estimate(3, [90, 90])).toBe(92);
  });

  test("is that of the relays that count anybody: one that has just come up takes the one with all workers for no liar", () => {
    expect(estimate(0, [1_000, 0])).toBe(1_000);
    expect(estimate(0, [1_000, 0, 0, 0])).toBe(1_000);
    expect(estimate(0, [40, 100_000, 0])).toBe(80);
    expect(estimate(0, [0, 0])).toBe(0);
    // With one worker of its own it knows what is usual, and believes one that exaggerates twice that.
    expect(estimate(1, [1_000, 0])).toBe(2);
  });
});
