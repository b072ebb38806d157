import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { reporter, Stopwatch } from "./progress.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

test("progress is told at most every 100 ms, and the last of a burst is not lost", () => {
  const told: number[] = [];
  const report = reporter((frames) => told.push(frames));
  report.done(1);
  report.done(2);
  expect(told).toEqual([]);
  vi.advanceTimersByTime(100);
  expect(told).toEqual([2]);
  for (let frames = 3; frames < 10; frames++) {
    report.done(frames);
    vi.advanceTimersByTime(30);
  }
  expect(told).toEqual([2, 6, 9]);
});

test("a pass that begins again takes nothing back, the end is told at once, and nothing after a close", () => {
  const told: number[] = [];
  const report = reporter((frames) => told.push(frames));
  report.done(5);
  vi.advanceTimersByTime(100);
  report.done(1);
  vi.advanceTimersByTime(500);
  expect(told).toEqual([5]);
  report.last(6);
  expect(told).toEqual([5, 6]);
  report.done(7);
  report.close();
  vi.advanceTimersByTime(500);
  expect(told).toEqual([5, 6]);
});

test("waiting is no work, except while coders still give something", async () => {
  const watch = new Stopwatch();
  vi.advanceTimersByTime(10);
  let go = () => {};
  const wait = watch.idle(
    new Promise<void>((resolve) => {
      go = resolve;
    }),
  );
  vi.advanceTimersByTime(20);
  watch.stir(); // what was in hand is done
  vi.advanceTimersByTime(500);
  go();
  await wait;
  vi.advanceTimersByTime(5);
  expect(watch.workMs).toBe(35);
});
