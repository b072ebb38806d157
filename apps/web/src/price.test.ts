import { workerDefaults } from "@tabcast/tab/settings/defaults";
import { expect, test } from "vitest";
import * as Money from "@tabcast/tab/money";
import * as Price from "./price.ts";

const eth = Money.coin();

test("the usual price is a ten-thousandth of an ether for an hour of 1280 x 720", () => {
  // 1280 x 720 x 30 frames/s x 3,600 s are 99.5328 gigapixels, at 1,000 gwei each.
  expect(Price.ofHour(workerDefaults.price)).toBe(99_532_800_000_000n);
  expect(Price.typed(workerDefaults.price, eth)).toBe("0.000001");
});

test("a price per gigapixel is read and written exactly", () => {
  for (const price of [1n, 999n, 1_500_000_000n, 10n ** 18n])
    expect(Price.parse(Price.typed(price, eth), eth)).toBe(price);
});

test("the price for an hour is the nearest one, and never nothing", () => {
  for (const hour of [10n ** 6n, 10n ** 14n, 123_456_789_012_345n]) {
    const off = Price.ofHour(Price.forHour(hour)) - hour;
    expect(off < 0n ? -off : off).toBeLessThanOrEqual(100n / 2n + 1n);
  }
  expect(Price.forHour(1n)).toBe(1n);
});

test.each(["", "0", "one", "-1", "1e3", "0.0000000000000000001"])("%j is no price", (text) => {
  expect(() => Price.parse(text, eth)).toThrow(
    "price must be an amount in ETH per gigapixel above 0 with at most 18 places, such as 0.000001",
  );
});
