import { SerialQueue } from "@tabcast/runtime";
import { describe, expect, test } from "vitest";
import { openCondition } from "./queue.ts";

describe("a serial queue", () => {
  test("runs one task at a time, in order, also after one has failed", async () => {
    const queue = new SerialQueue();
    const log: string[] = [];
    const task = (name: string, fails = false) =>
      queue.run(async () => {
        log.push(`${name} starts`);
        await Promise.resolve();
        log.push(`${name} ends`);
        if (fails) throw new Error(name);
        return name;
      });
    const [a, b, c] = [task("a"), task("b", true), task("c")];
    await expect(b).rejects.toThrow("b");
    expect(await Promise.all([a, c])).toEqual(["a", "c"]);
    expect(log).toEqual(["a starts", "a ends", "b starts", "b ends", "c starts", "c ends"]);
  });
});

describe("a condition", () => {
  test("wakes every waiter that finds what it waits for, and leaves the others", async () => {
    const condition = openCondition();
    const { signal } = new AbortController();
    let value = 0;
    const at = (least: number) =>
      condition.until(() => (value >= least ? value : undefined), { signal });
    const [one, two] = [at(1), at(2)];
    value = 1;
    condition.wake();
    expect(await one).toBe(1);
    value = 2;
    condition.wake();
    expect(await two).toBe(2);
    expect(await at(0)).toBe(2); // true already
  });

  test("rejects with the signal's reason", async () => {
    const stop = new AbortController();
    const waiting = openCondition().until(() => undefined, { signal: stop.signal });
    stop.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
  });
});
