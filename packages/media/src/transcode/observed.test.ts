import { describe, expect, test } from "vitest";
import { measured, type Observed, observe } from "./observed.ts";

/**
 * Jobs of a megapixel at these speeds, in megapixels per second, after a measurement of 100. Measuring again finds the
 * speed of the moment.
 */
function after(speeds: readonly number[]) {
  let state: Observed = measured(100e6);
  const again: number[] = [];
  for (const [i, speed] of speeds.entries()) {
    const step = observe(state, { pixels: 1e6, ms: 1000 / speed });
    state = step.state;
    if (!step.measureAgain) continue;
    again.push(i);
    state = measured(speed * 1e6);
  }
  return { figure: state.pixelsPerSecond / 1e6, jobs: state.jobs, again };
}
const times = (count: number, speed: number) => Array.from({ length: count }, () => speed);

describe("what the jobs say of a speed", () => {
  test("the measurement stands while the jobs are near it", () => {
    expect(after([100, 120, 80, 130, 75, 100, 110])).toEqual({ figure: 100, jobs: 7, again: [] });
  });

  test("a few slow jobs change nothing", () => {
    expect(after(times(4, 10))).toEqual({ figure: 100, jobs: 4, again: [] });
    expect(after([...times(6, 100), 60])).toMatchObject({ figure: 100, again: [] });
  });

  test("jobs that stay slower, or faster, become the figure", () => {
    expect(after(times(5, 60))).toEqual({ figure: 60, jobs: 0, again: [] });
    expect(after(times(5, 180))).toEqual({ figure: 180, jobs: 0, again: [] });
  });

  test("a device that changed is measured again, once, and again if it changes back", () => {
    expect(after(times(5, 20))).toMatchObject({ figure: 20, again: [4] });
    expect(after(times(40, 20))).toMatchObject({ figure: 20, again: [4] });
    expect(after([...times(10, 20), ...times(20, 100)])).toMatchObject({
      figure: 100,
      again: [4, 10],
    });
  });

  test("a slow change is followed without measuring", () => {
    const falling = Array.from({ length: 200 }, (_, i) => 100 - i / 4);
    const { figure, again } = after(falling);
    expect(again).toEqual([]);
    expect(figure).toBeLessThan(50 * 1.5);
  });

  test("a job of nothing, or of no time, breaks nothing", () => {
    expect(observe(measured(5), { pixels: 0, ms: 10 }).state).toEqual(measured(5));
    expect(observe(measured(5e6), { pixels: 1e6, ms: 0 }).state.average).toBe(1e9);
  });
});
