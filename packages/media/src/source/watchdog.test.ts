import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Watchdog } from "./watchdog.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function watched(answers: boolean) {
  const stuck: number[] = [];
  const dog = new Watchdog({
    ask: () => {
      if (answers) dog.heard();
    },
    stuck: (seconds) => stuck.push(seconds),
  });
  return { dog, stuck };
}

test("a worker that answers is left alone for as long as it plays", () => {
  const { dog, stuck } = watched(true);
  dog.opened();
  vi.advanceTimersByTime(3_600_000);
  expect(stuck).toEqual([]);
  dog.close();
});

test("a worker that does not answer for ten seconds is stuck, and said to be so once", () => {
  const { dog, stuck } = watched(false);
  dog.opened();
  vi.advanceTimersByTime(60_000);
  expect(stuck).toEqual([10]);
});

test("a worker that answers and never opens its file is stuck after a minute", () => {
  const { stuck } = watched(true);
  vi.advanceTimersByTime(61_000);
  expect(stuck).toEqual([]);
  vi.advanceTimersByTime(60_000);
  expect(stuck).toEqual([60]);
});

test("a closed watchdog leaves no timer", () => {
  const { dog } = watched(false);
  dog.close();
  dog.close();
  expect(vi.getTimerCount()).toBe(0);
});
