import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { systemClock } from "./index.ts";

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
