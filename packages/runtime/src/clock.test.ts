import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Millis, risingTime, steadyTime, systemClock } from "./index.ts";

describe("sleeping", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test("ends after its time, and leaves no listener on the signal", async () => {
    const { signal } = new AbortController();
    const removed = vi.spyOn(signal, "removeEventListener");
    const sleeping = systemClock.sleep(1_000, { signal });
    await vi.advanceTimersByTimeAsync(1_000);
    await expect(sleeping).resolves.toBeUndefined();
    expect(removed).toHaveBeenCalledOnce();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("ends at once with the signal's reason, and leaves no timer", async () => {
    const owner = new AbortController();
    const sleeping = systemClock.sleep(1_000, { signal: owner.signal });
    const reason = new Error("over");
    owner.abort(reason);
    await expect(sleeping).rejects.toBe(reason);
    expect(vi.getTimerCount()).toBe(0);
    await expect(systemClock.sleep(1, { signal: owner.signal })).rejects.toBe(reason);
  });
});

test("a machine's clock that is set moves no steady time, and a rising time only forward", () => {
  let [now, unix] = [10, 1_000_000];
  const clock = { now: () => Millis.of(now), unix: () => Millis.of(unix) };
  const [steady, rising] = [steadyTime(clock), risingTime(clock)];
  const pass = (ms: number, set = 0) => {
    now += ms;
    unix += ms + set;
    return [steady() - 1_000_000, rising() - 1_000_000];
  };
  expect(pass(5)).toEqual([5, 5]);
  expect(pass(10, -3_600_000)).toEqual([15, 15]);
  expect(pass(10)).toEqual([25, 25]);
  expect(pass(0, 3_600_000 + 7_000)).toEqual([25, 7_025]);
  expect(pass(10, -7_000)).toEqual([35, 7_035]);
});
