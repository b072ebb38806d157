import { expect, test } from "vitest";
import { virtualClock } from "../testing/virtual-clock.ts";
import { type Attempt, race } from "./race.ts";

/** Attempts by name, each ended by the test, and a record of what began and what was called off. */
function field(names: readonly string[]) {
  const { clock, pass } = virtualClock();
  const own = new AbortController();
  const left = [...names];
  const began: string[] = [];
  const off: string[] = [];
  const spare: string[] = [];
  const ends = new Map<string, PromiseWithResolvers<string>>();
  const next = (): Attempt<string> | undefined => {
    const name = left.shift();
    if (name === undefined) return undefined;
    return (signal) => {
      began.push(name);
      signal.addEventListener("abort", () => off.push(name));
      const end = Promise.withResolvers<string>();
      ends.set(name, end);
      return end.promise;
    };
  };
  const result = race(next, {
    clock,
    stagger: 300,
    signal: own.signal,
    spare: (value) => spare.push(value),
  });
  result.catch(() => {});
  return { pass, own, left, began, off, spare, ends, result };
}

test("attempts begin one stagger apart, and the first to succeed calls the others off", async () => {
  const { pass, began, off, ends, result } = field(["a", "b", "c"]);
  await pass(299);
  expect(began).toEqual(["a"]);
  await pass(1);
  expect(began).toEqual(["a", "b"]);
  ends.get("b")?.resolve("b");
  expect(await result).toBe("b");
  expect(off).toContain("a");
  await pass(5_000);
  expect(began).toEqual(["a", "b"]);
});

test("an attempt that fails lets the next begin at once", async () => {
  const { pass, began, ends } = field(["a", "b"]);
  await pass(10);
  ends.get("a")?.reject(new Error("refused"));
  await pass(0);
  expect(began).toEqual(["a", "b"]);
});

test("what an attempt brings too late is handed back", async () => {
  const { pass, spare, ends, result } = field(["a", "b"]);
  await pass(300);
  ends.get("b")?.resolve("b");
  await result;
  ends.get("a")?.resolve("a");
  await pass(0);
  expect(spare).toEqual(["a"]);
});

test("a race fails when all have failed, and goes on for one that is added in the meantime", async () => {
  const { pass, left, began, ends, result } = field(["a"]);
  await pass(1_000);
  left.push("b");
  await pass(300);
  expect(began).toEqual(["a", "b"]);
  ends.get("a")?.reject(new Error("one"));
  ends.get("b")?.reject(new Error("two"));
  await expect(result).rejects.toMatchObject({
    errors: [{ message: "one" }, { message: "two" }],
  });
});

test("a race that is called off rejects with the signal's reason and ends what runs", async () => {
  const { pass, own, off, result } = field(["a"]);
  await pass(10);
  const reason = new Error("changed my mind");
  own.abort(reason);
  await expect(result).rejects.toBe(reason);
  expect(off).toEqual(["a"]);
});
