import { seededRandom } from "@tabcast/runtime";
import { describe, expect, test } from "vitest";
import * as Remeasure from "./remeasure.ts";

/** A device that measures itself whenever a trial is due, on a clock of its own; `speed` in megapixels per second. */
function trials(until: number, expected: number, speed: (now: number) => readonly number[]) {
  let watch = Remeasure.begin(0);
  const at: number[] = [];
  while (watch.dueAt < until) {
    const runs = speed(watch.dueAt);
    const tookMs = runs.reduce((sum, one) => sum + 8_000 / one, 0);
    const now = watch.dueAt + tookMs;
    const found = Math.max(...runs);
    const spread = found / Math.min(...runs);
    at.push(now);
    const next = Remeasure.tried(watch, { now, tookMs, found, expected, spread });
    if (next.quicker) return { at, foundAt: now };
    watch = next.watch;
  }
  return { at, foundAt: undefined };
}

describe("an idle device whose figure was taken beside other work", () => {
  test.each([0, 20_000, 60_000, 110_000])(
    "finds out within 10 s of quiet, %d ms after it joined",
    (quietAt) => {
      const { foundAt } = trials(600_000, 30, (now) => (now < quietAt ? [30, 30] : [146, 140]));
      expect((foundAt ?? 0) - quietAt).toBeLessThan(10_000);
      expect(foundAt).toBeGreaterThan(quietAt);
    },
  );

  test("finds out within 10 s of quiet after half an hour of work that comes and goes", () => {
    const random = seededRandom(1, "busy");
    const quietAt = 1_800_000;
    const busy = () => [20 + 8 * random.fraction(), 32];
    const { foundAt } = trials(2_000_000, 30, (now) => (now < quietAt ? busy() : [146, 140]));
    expect((foundAt ?? 0) - quietAt).toBeLessThan(10_000);
  });

  test("finds out within a minute of quiet after half an hour of even work", () => {
    const quietAt = 1_800_000;
    const { foundAt } = trials(2_000_000, 30, (now) => (now < quietAt ? [30, 30] : [146, 140]));
    expect((foundAt ?? 0) - quietAt).toBeLessThan(Remeasure.MOST_MS + 10_000);
  });
});

describe("an idle device whose figure is right", () => {
  test("tries ever more seldom, and never more than once a minute in the end", () => {
    const { at, foundAt } = trials(1_800_000, 146, () => [146, 140]);
    expect(foundAt).toBeUndefined();
    const waits = at.slice(1).map((now, i) => now - (at[i] ?? 0));
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(Remeasure.EVERY_MS);
    expect(waits.at(-1)).toBeGreaterThanOrEqual(Remeasure.MOST_MS);
    expect(at.length).toBeLessThan(50);
  });

  test.each([146, 30, 5, 1])(
    "spends no more than a twenty-fifth of its time on it at %d Mpixel/s",
    (speed) => {
      const { at } = trials(600_000, speed, () => [speed, 0.5 * speed]);
      const spent = at.length * (8_000 / speed + 16_000 / speed);
      expect(spent / 600_000).toBeLessThanOrEqual(Remeasure.SHARE);
    },
  );

  test("is not lowered by a trial that was disturbed", () => {
    expect(trials(600_000, 146, () => [20, 30]).foundAt).toBeUndefined();
  });
});

test("a trial that a job ended is due again as long after it", () => {
  const watch = Remeasure.begin(0);
  expect(Remeasure.put(watch, 100_000).dueAt).toBe(100_000 + Remeasure.EVERY_MS);
});
