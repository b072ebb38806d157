import { describe, expect, test } from "vitest";
import { FAST, FailureDetector, LIVE } from "./index.ts";

/** The history of gaps in a row, from time zero on. */
function of(...gaps: readonly number[]): FailureDetector.History {
  let now = 0;
  let history = FailureDetector.noHistory;
  for (const gap of gaps) {
    now += gap;
    history = FailureDetector.beat(history, gap, now, LIVE);
  }
  return history;
}

const steady = (count: number) => new Array<number>(count).fill(100);

describe("a worker", () => {
  test.each<[string, readonly number[], number]>([
    ["of unknown history may be silent as long as anybody", [], 1_200],
    ["that was heard of a few times only may be silent as long as anybody", steady(19), 1_200],
    ["that is heard of all the time may be silent for three heartbeats", steady(20), 300],
    [
      "that was once silent for long may be so for twice as long",
      [...steady(20), 500, ...steady(20)],
      1_000,
    ],
    ["that comes in gusts may never be silent longer than anybody", [...steady(20), 1_100], 1_200],
    ["whose gust is 15 to 30 s old is still given time for one", [400, ...steady(200)], 800],
    ["whose gust is longer ago is given no more time for one", [400, ...steady(320)], 300],
    [
      "that came back after a minute may be silent as long as anybody",
      [...steady(30), 60_000, 100],
      1_200,
    ],
  ])("%s", (_, gaps, expected) => {
    expect(FailureDetector.patience(of(...gaps), LIVE)).toBe(expected);
  });

  test("may be silent for a fixed time where the stream is a file, whatever its heartbeats", () => {
    expect(FailureDetector.patience(of(...steady(20)), FAST)).toBe(FAST.suspectMs);
  });
});
