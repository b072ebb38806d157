import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as Money from "../money.ts";
import { hoursText, parseAmount, parseHours, parseWords } from "./typed.ts";

const { SEED, RUNS = "200" } = process.env;
const replay = { seed: Number(SEED ?? Date.now() | 0), numRuns: Number(RUNS) };
const all = [0, 1, 2, 3, 4, 5, 6];

describe("hours", () => {
  test.each([
    ["", []],
    ["22:00-06:00", [{ days: all, from: 1_320, to: 360 }]],
    ["Mon-Fri 9:00-17:30", [{ days: [1, 2, 3, 4, 5], from: 540, to: 1_050 }]],
    ["sat sun 0:00-24:00", [{ days: [0, 6], from: 0, to: 1_440 }]],
    ["Fri-Mon 20:00 - 23:00", [{ days: [0, 1, 5, 6], from: 1_200, to: 1_380 }]],
    [
      "Mon 8:00-9:00, Tuesday 10:00-11:00",
      [
        { days: [1], from: 480, to: 540 },
        { days: [2], from: 600, to: 660 },
      ],
    ],
  ])("%j is read", (text, spans) => {
    expect(parseHours(text)).toEqual(spans);
  });

  test.each([
    ["nights", "hours such as"],
    ["25:00-26:00", "times from 0:00 to 24:00"],
    ["9:60-10:00", "times from 0:00 to 24:00"],
    ["9:00-9:00", "end at another time"],
    ["Foo 9:00-10:00", "days such as"],
    ["Mon-Tue-Wed 9:00-10:00", "days such as"],
    ["9-10", "hours such as"],
  ])("%j is refused, and says why", (text, said) => {
    expect(() => parseHours(text)).toThrow(said);
  });

  test(`written out are read back the same (SEED=${replay.seed})`, () => {
    const minute = fc.nat({ max: 1_440 });
    const span = fc
      .record({ days: fc.subarray(all, { minLength: 1 }), from: minute, to: minute })
      .filter(({ from, to }) => from !== to);
    fc.assert(
      fc.property(fc.array(span, { maxLength: 5 }), (spans) => {
        expect(parseHours(hoursText(spans))).toEqual(spans);
      }),
      replay,
    );
  });
});

describe("an amount", () => {
  const eth = Money.coin();
  const usdc: Money.Unit = { kind: "token", symbol: "USDC", decimals: 6, dollars: true };

  test.each([
    ["0.000001", eth, 1_000_000_000_000n],
    [" 0.000000000000000001 ", eth, 1n],
    ["0.003", usdc, 3_000n],
    ["$0.003", usdc, 3_000n],
  ] as const)("%j is read in the smallest parts of what is paid in", (text, unit, parts) => {
    expect(parseAmount("price", text, unit)).toBe(parts);
  });

  test.each(["", "0", "0.0000001", "-1", "1e3", "1,5", "one", "1 USDC", "٣"])(
    "%j is no amount of six places, and the error says what is",
    (text) => {
      expect(() => parseAmount("price", text, usdc)).toThrow(
        "price must be an amount in dollars above 0 with at most 6 places, such as 0.000001, got",
      );
    },
  );
});

test("words stand between commas, spaces or line breaks", () => {
  expect(parseWords(" a, b\nc,,d ")).toEqual(["a", "b", "c", "d"]);
  expect(parseWords(" ")).toEqual([]);
});
