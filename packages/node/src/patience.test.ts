import { expect, test } from "vitest";
import { asked, look, MOST_AT_ONCE, makesRoom, type Verdict } from "./patience.ts";

const SIZE = 1_000_000;

/** What is said of a holder that has brought so many bytes at each look. */
function looks(...bytes: number[]): Verdict[] {
  let one = asked;
  return bytes.map((now) => {
    const [after, verdict] = look(one, now, SIZE);
    one = after;
    return verdict;
  });
}

test("a holder that brings a quarter each second is waited for, and nobody else asked", () => {
  expect(looks(250_000, 500_000, 750_000)).toEqual(["wait", "wait", "wait"]);
});

test("a holder that is silent, trickles, or stops, has one other asked for it, once", () => {
  expect(looks(0, 0, 0)).toEqual(["more", "wait", "wait"]);
  expect(looks(100, 200, 300)).toEqual(["more", "wait", "wait"]);
  expect(looks(500_000, 500_000, 500_000)).toEqual(["wait", "more", "wait"]);
});

test("a holder that brings next to nothing for ten seconds is given up, one that is merely slow is not", () => {
  const trickle = looks(...Array.from({ length: 10 }, (_, i) => 100 * i));
  expect(trickle.at(-1)).toBe("end");
  expect(trickle.slice(0, -1)).not.toContain("end");
  expect(looks(...Array.from({ length: 30 }, (_, i) => 30_000 * (i + 1)))).not.toContain("end");
});

test("the slow holder that brought least makes room for a fourth", () => {
  const holder = (bytes: number, slow: boolean) => ({ bytes, slow, idle: 0 });
  const all = [holder(10, false), holder(300, true), holder(20, true)];
  expect(all).toHaveLength(MOST_AT_ONCE);
  expect(makesRoom(all)).toBe(all[2]);
  expect(makesRoom(all.slice(1))).toBeUndefined();
});
