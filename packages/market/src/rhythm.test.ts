import { describe, expect, test } from "vitest";
import { FAST, LIVE, Rhythm } from "./index.ts";

/** The rhythm of gaps in a row, from time zero on. */
function of(...gaps: readonly number[]): Rhythm.Rhythm {
  let now = 0;
  let rhythm = Rhythm.newRhythm;
  for (const gap of gaps) {
    now += gap;
    rhythm = Rhythm.beat(rhythm, gap, now, LIVE);
  }
  return rhythm;
}

const steady = (count: number) => new Array<number>(count).fill(100);

describe("how long a worker may be silent", () => {
  test.each<[string, readonly number[], number]>([
    ["of unknown rhythm: as long as anybody", [], 1_200],
    ["that was heard of a few times only: as long as anybody", steady(19), 1_200],
    ["that is heard of all the time: three heartbeats", steady(20), 300],
    ["that was once silent for long: twice as long", [...steady(20), 500, ...steady(20)], 1_000],
    ["that comes in gusts: never longer than anybody", [...steady(20), 1_100], 1_200],
    ["whose gust is 15 to 30 s old: it still counts", [400, ...steady(200)], 800],
    ["whose gust is longer ago: it is forgotten", [400, ...steady(320)], 300],
    ["that came back after a minute: as long as anybody", [...steady(30), 60_000, 100], 1_200],
  ])("%s", (_, gaps, expected) => {
    expect(Rhythm.patience(of(...gaps), LIVE)).toBe(expected);
  });

  test("for a file is what it always was", () => {
    expect(Rhythm.patience(of(...steady(20)), FAST)).toBe(FAST.suspectMs);
  });
});
