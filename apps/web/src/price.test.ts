import * as Money from "@tabcast/tab/money";
import { parseAmount, usualPrice } from "@tabcast/tab/settings";
import { expect, test } from "vitest";
import * as Price from "./price.ts";

const eth = Money.coin();

test("the usual price is a ten-thousandth of an ether for an hour of 1280 x 720", () => {
  // 1280 x 720 x 30 frames/s x 3,600 s are 99.5328 gigapixels, at a millionth of an ether each.
  expect(Price.ofHour(usualPrice())).toBe(99_532_800_000_000n);
  expect(Price.typed(usualPrice(), eth)).toBe("0.000001");
});

test("a price per gigapixel is read and written exactly", () => {
  for (const price of [1n, 999n, 1_500_000_000n, 10n ** 18n])
    expect(parseAmount("price", Price.typed(price, eth), eth)).toBe(price);
});

test("the price for an hour is the nearest one, and never nothing", () => {
  for (const hour of [10n ** 6n, 10n ** 14n, 123_456_789_012_345n]) {
    const off = Price.ofHour(Price.forHour(hour)) - hour;
    expect(off < 0n ? -off : off).toBeLessThanOrEqual(100n / 2n + 1n);
  }
  expect(Price.forHour(1n)).toBe(1n);
});

test("an hour at the usual price of a dollar network comes to some cents, and is read back within a thousandth", () => {
  const usdc: Money.Unit = { kind: "token", symbol: "USDC", decimals: 6, dollars: true };
  const price = usualPrice({ perCoin: "3000000000" });
  expect(Money.text(Money.of(Price.ofHour(price), usdc))).toBe("29.8 ¢");
  expect(Price.forHour(300_000n)).toBe(3_014n);
  expect(Price.ofHour(3_014n)).toBe(299_991n);
});
