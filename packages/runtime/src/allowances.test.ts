import { expect, test } from "vitest";
import { Allowances } from "./allowances.ts";

test("an allowance is a burst and then its rate, for each alone", () => {
  const allowances = new Allowances({ perSecond: 2, burst: 3 }, 8);
  const granted = (who: string, from: number, to: number) => {
    let count = 0;
    for (let now = from; now < to; now += 10) count += Number(allowances.take(who, now));
    return count;
  };
  expect(granted("a", 0, 10_000)).toBe(22);
  expect(granted("b", 10_000, 10_010)).toBe(1);
  expect(granted("a", 60_000, 60_100)).toBe(3);
});

test("of those that have allowances no more than so many are remembered", () => {
  const allowances = new Allowances({ perSecond: 0, burst: 1 }, 2);
  for (const who of ["a", "b", "c"]) expect(allowances.take(who, 0)).toBe(true);
  expect(allowances.take("c", 0)).toBe(false);
  expect(allowances.take("a", 0)).toBe(true);
});

test("a clock that goes back grants nothing, and not twice when it comes again", () => {
  const allowances = new Allowances({ perSecond: 1, burst: 1 }, 2);
  expect(allowances.take("a", 5_000)).toBe(true);
  expect(allowances.take("a", 0)).toBe(false);
  expect(allowances.take("a", 5_500)).toBe(false);
  expect(allowances.take("a", 6_000)).toBe(true);
});
