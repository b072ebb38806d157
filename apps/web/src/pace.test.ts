import * as Money from "@tabcast/tab/money";
import { expect, test } from "vitest";
import * as Pace from "./pace.ts";

const eth = Money.coin();
const T = 1_800_000_000_000;
const MINUTE = 60_000;
/** A payment of `amount` every two seconds from minute `from` to minute `to`. */
const paid = (amount: bigint, from: number, to: number, before: Pace.Pace = Pace.none) => {
  let pace = before;
  for (let at = T + from * MINUTE; at < T + to * MINUTE; at += 2_000)
    pace = Pace.add(pace, at, amount);
  return pace;
};
const at = (minute: number) => T + minute * MINUTE;

test("a steady pace for ten minutes is an hour's pay, near enough", () => {
  const pace = paid(10n, 0, 30);
  const known = Pace.perHour(pace, at(30));
  expect(known?.minutes).toBe(10);
  expect(Number(known?.amount)).toBeCloseTo(18_000, -3); // 1,800 payments of 10
  expect(pace.length).toBeLessThanOrEqual(61);
});

test("too little is not known yet: nothing, one payment, or less than a minute", () => {
  expect(Pace.perHour(Pace.none, at(0))).toBeUndefined();
  expect(Pace.perHour(Pace.add(Pace.none, at(0), 5n), at(5))).toBeUndefined();
  expect(Pace.perHour(paid(10n, 0, 1), at(1))).toBeUndefined();
  expect(Pace.perHour(paid(10n, 0, 1.2), at(1.2))?.minutes).toBe(1);
  expect(Pace.sentence(Pace.none, at(0), eth)).toBe("What an hour earns is not known yet.");
});

test("who waited before the first work is not held to have been slow", () => {
  const pace = paid(10n, 25, 28, paid(10n, 0, 3));
  const known = Pace.perHour(pace, at(28));
  expect(known?.minutes).toBe(3);
  expect(Number(known?.amount)).toBeCloseTo(18_000, -3);
});

test("when nothing comes any more the pace falls, and after ten minutes is not known", () => {
  const pace = paid(10n, 0, 5);
  const after = [5, 7, 9].map((minute) => Pace.perHour(pace, at(minute))?.amount ?? 0n);
  expect(after[0]).toBeGreaterThan(after[1] ?? 0n);
  expect(after[1]).toBeGreaterThan(after[2] ?? 0n);
  expect(Pace.perHour(pace, at(16))).toBeUndefined();
});

test("a clock that was set back loses nothing", () => {
  const pace = Pace.add(Pace.add(Pace.none, at(5), 5n), at(1), 7n);
  expect(pace).toEqual([{ from: at(5), amount: 12n }]);
});

test("the sentence names the amount, the hour and the minutes it was seen in", () => {
  const pace = paid(222_300_000_000n, 0, 30);
  expect(Pace.sentence(pace, at(30), eth)).toBe(
    "About 0.0004 ETH an hour at the pace of the last 10 minutes.",
  );
  expect(Pace.sentence(paid(222_300_000_000n, 0, 1.4), at(1.4), eth)).toContain(
    "of the last minute.",
  );
});

test("a deposit lasts as long as its pace says; what is not known is said", () => {
  const pace = paid(10n, 0, 30); // 18,000 an hour
  expect(Pace.lastsSentence(54_000n, pace, at(30))).toMatch(
    /^Lasts about [34] hours more at the pace of the last 10 minutes\.$/,
  );
  expect(Pace.lastsSentence(5n, Pace.none, at(0))).toBe("How long it lasts is not known yet.");
  expect(Pace.lastsSentence(0n, pace, at(30))).toBe("Nothing is left for more work.");
  expect(
    Pace.lasts(
      5n,
      [
        { from: at(0), amount: 1n },
        { from: at(1), amount: 0n },
      ],
      at(3),
    ),
  ).toBeUndefined();
});

test.each([
  [30, "less than a minute"],
  [720, "about 12 minutes"],
  [7_100, "about 118 minutes"],
  [7_200, "about 2 hours"],
  [200_000, "about 2 days"],
  [10 ** 9, "more than a year"],
])("%s seconds are %s", (seconds, said) => {
  expect(Pace.about(seconds)).toBe(said);
});
