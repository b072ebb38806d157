import { describe, expect, test } from "vitest";
import * as Money from "./money.ts";

const eth = Money.coin();
const usdc: Money.Token = { kind: "token", symbol: "USDC", decimals: 6, dollars: true };
const euro: Money.Token = { kind: "token", symbol: "EURC", decimals: 6, dollars: false };
const dai: Money.Token = { kind: "token", symbol: "DAI", decimals: 18, dollars: true };
const units = [eth, usdc, euro, dai];

describe("a chain's own coin", () => {
  test.each([
    [0n, "0 ETH"],
    [1n, "less than 0.000000001 ETH"],
    [999_999_999n, "less than 0.000000001 ETH"],
    [10n ** 9n, "0.000000001 ETH"],
    [332_832_000_000n, "0.00000033 ETH"],
    [46_080_000_000n, "0.000000046 ETH"],
    [300_000_000_000n, "0.0000003 ETH"],
    [50_000_000_000_000_000n, "0.05 ETH"],
    [1_999_999_999_999_999_999n, "1.99 ETH"],
    [1_234_567_000_000_000_000_000n, "1,234 ETH"],
    [-50_000_000_000_000_000n, "-0.05 ETH"],
  ])("%s wei is %s, rounded down", (wei, said) => {
    expect(Money.text(Money.of(wei, eth))).toBe(said);
  });

  test("a cost is rounded up, over a digit's end too", () => {
    expect(Money.text(Money.of(1_999_999_999_999_999_999n, eth), "up")).toBe("2 ETH");
    expect(Money.text(Money.of(123_400_000_000_000n, eth), "up")).toBe("0.00013 ETH");
  });

  test("another chain's coin has its own symbol", () => {
    expect(Money.text(Money.of(5n * 10n ** 17n, Money.coin("POL")))).toBe("0.5 POL");
  });
});

describe("a token of six decimals", () => {
  test.each([
    [0n, "$0.00"],
    [1n, "0.0001 ¢"],
    [3_300n, "0.33 ¢"],
    [125_499n, "12.5 ¢"],
    [999_999n, "99.9 ¢"],
    [12_400_000n, "$12.40"],
    [1_234_567_899n, "$1,234.56"],
  ])("%s parts of a dollar are %s", (value, said) => {
    expect(Money.text(Money.of(value, usdc))).toBe(said);
  });

  test("what costs a little less than a dollar at most is a dollar", () => {
    expect(Money.text(Money.of(999_501n, usdc), "up")).toBe("$1.00");
    expect(Money.text(Money.of(998_501n, usdc), "up")).toBe("99.9 ¢");
    expect(Money.text(Money.of(1_000_001n, usdc), "up")).toBe("$1.01");
  });

  test("one that is no dollar goes by its symbol, and one of eighteen decimals has dust", () => {
    expect(Money.text(Money.of(12_400_000n, euro))).toBe("12.4 EURC");
    expect(Money.text(Money.of(1n, euro))).toBe("0.000001 EURC");
    expect(Money.text(Money.of(1n, dai))).toBe("less than 0.0001 ¢");
  });
});

/** Amounts of every size, at and around where the digits change. */
const sizes = Array.from({ length: 31 }, (_, zeros) => 10n ** BigInt(zeros)).flatMap((one) =>
  [1n, 2n, 5n, 9n, 999n, 123_456_789n].flatMap((digits) =>
    [-1n, 0n, 1n].map((by) => digits * one + by),
  ),
);

test.each(units)(
  "amounts in $symbol are never written in wei or gwei, nor as more than there is",
  (unit) => {
    for (const value of sizes) {
      const said = Money.text(Money.of(value, unit));
      expect(said).not.toMatch(/wei/);
      if (said.startsWith("less than")) continue;
      const decimals = said.endsWith("¢") ? unit.decimals - 2 : unit.decimals;
      const [whole = "", rest = ""] = said.replaceAll(/[^\d.]/g, "").split(".");
      const read = BigInt(whole + rest.padEnd(decimals, "0"));
      expect(read, `${value}: ${said}`).toBeLessThanOrEqual(value);
      // Two digits at least: an eleventh is the most that rounding takes.
      expect((value - read) * 10n, `${value}: ${said}`).toBeLessThan(value + 1n);
    }
  },
);

test.each(units)("what is typed in $symbol is read exactly", (unit) => {
  for (const value of sizes.filter((one) => one > 0n && one < 10n ** BigInt(unit.decimals + 9))) {
    const amount = Money.of(value, unit);
    expect(Money.parse(Money.typed(amount), unit)).toEqual(amount);
  }
});

test("a rough amount has three digits, of the nearest", () => {
  expect(Money.roughly(Money.of(99_532_800_000_000n, eth))).toBe("0.0000995");
  expect(Money.roughly(Money.of(99_960_000_000_000n, eth))).toBe("0.0001");
  expect(Money.roughly(Money.of(7n, usdc))).toBe("0.000007");
});

test("nothing but a plain decimal is an amount, and no finer one than the unit knows", () => {
  expect(Money.parse("0.05", eth)?.value).toBe(50_000_000_000_000_000n);
  expect(Money.parse(" 2 ", eth)?.value).toBe(2n * 10n ** 18n);
  expect(Money.parse("0.000001", usdc)?.value).toBe(1n);
  expect(Money.parse("0.0000001", usdc)).toBeUndefined();
  const bad = ["", "0", "0.0", "-1", "1e3", "0,05", "1.", ".5", "0.0000000000000000001", "1 ETH"];
  for (const one of bad) expect(Money.parse(one, eth), one).toBeUndefined();
});

test("the exact amount has every digit and its unit", () => {
  expect(Money.exact(Money.of(332_832_000_001n, eth))).toBe("0.000000332832000001 ETH");
  expect(Money.exact(Money.of(1_234_400_000n, euro))).toBe("1,234.4 EURC");
  expect(Money.exact(Money.of(1_234_400_000n, usdc))).toBe("$1,234.40");
  expect(Money.exact(Money.of(3_318n, usdc))).toBe("$0.003318");
  expect(Money.exact(Money.of(-5n, usdc))).toBe("-$0.000005");
});

test("dollars are typed with their sign or without, and other units with none", () => {
  expect(Money.parse("$12.40", usdc)?.value).toBe(12_400_000n);
  expect(Money.parse("12.4", usdc)?.value).toBe(12_400_000n);
  for (const unit of [eth, euro]) expect(Money.parse("$1", unit)).toBeUndefined();
  expect(units.map(Money.name)).toEqual(["ETH", "dollars", "EURC", "dollars"]);
});

test("costs are rounded to a cent, or to a ten-thousandth of a unit that is no dollar", () => {
  expect(units.map(Money.step)).toEqual([10n ** 14n, 10_000n, 100n, 10n ** 16n]);
});

test("a chain's configuration says what its pots pay in, and its table what gas is in", () => {
  expect(Money.ofCurrency(undefined, "POL")).toEqual(Money.coin("POL"));
  const token = `0x${"1".repeat(40)}` as const;
  const currency = { token, symbol: "USDC", decimals: 6, dollars: true, perCoin: "3000000000" };
  expect(Money.ofCurrency(currency, "ETH")).toEqual(usdc);
});

test("gas and a token's amount have no sum: neither compiles, nor runs", () => {
  const gas = Money.of(21_000n, eth);
  const pay = Money.of(3_300n, usdc);
  // @ts-expect-error: gas is an amount of the chain's coin
  expect(() => Money.add(pay, gas)).toThrow(RangeError);
  // @ts-expect-error: and a token is none
  expect(() => Money.add(gas, pay)).toThrow(RangeError);
  expect(() => Money.add(pay, Money.of(1n, euro))).toThrow("USDC and EURC have no sum");
  expect(Money.add(pay, pay).value).toBe(6_600n);
});
