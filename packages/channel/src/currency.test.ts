import { type Amount, Wei } from "@tabcast/runtime";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Currency, coin, worth } from "./currency.ts";
import * as Payer from "./payer/payer.ts";

const dollars: Currency = {
  token: `0x${"d0".repeat(20)}`,
  symbol: "USDC",
  decimals: 6,
  perCoin: 3_000_000_000n as Amount,
};

describe("what gas is worth in a currency", () => {
  test("in the coin it is itself, in dollars by what a coin costs, and never nothing", () => {
    expect(worth(coin(), Wei.of(7))).toBe(7n);
    expect(worth(dollars, Wei.of(10n ** 18n))).toBe(3_000_000_000n);
    expect(worth(dollars, Wei.of(1_000_000_000_000))).toBe(3_000n);
    expect(worth(dollars, Wei.of(1))).toBe(1n);
    expect(worth(dollars, Wei.of(0))).toBe(0n);
  });

  test("it is rounded up by less than a part", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 24n }), (cost) => {
        const parts = worth(dollars, Wei.of(cost)) * 10n ** 18n;
        const exact = cost * dollars.perCoin;
        expect(parts >= exact && parts - exact < 10n ** 18n).toBe(true);
      }),
    );
  });
});

test("a lane earns a guarantee in dollars where it would in coins of the same worth, and not where gas is dearer", () => {
  const now = 1_800_000_000;
  const lane = { payee: `0x${"11".repeat(20)}`, lane: 1 } as const;
  /** Rows for a lane that earned `intent` in two minutes. */
  const rows = (currency: Currency, intent: bigint, gas: Wei) => {
    const amount = intent as Amount;
    const earned = { at: now, intent: amount };
    const book = { ...lane, intent: amount, since: now - 120, earned };
    const deposited = (1_000n * intent) as Amount;
    const pot = { state: "open" as const, deposited, lanes: new Map([["1", book]]) };
    const [, effects] = Payer.step(pot, { type: "due", now, gas: worth(currency, gas) });
    return effects.flatMap((effect) => (effect.do === "reserve" ? effect.rows : [])).length;
  };
  // 29,000 units at 0.1 gwei: 8,700 parts, so ten minutes must bring 87,000, and two of them 17,400.
  const gas = Wei.of(29_000n * 100_000_000n);
  expect(worth(dollars, gas)).toBe(8_700n);
  expect(rows(dollars, 17_400n, gas)).toBe(1);
  expect(rows(dollars, 17_399n, gas)).toBe(0);
  expect(rows(coin(), 5_800_000_000_000n, gas)).toBe(1);
  expect(rows(coin(), 5_799_999_999_999n, gas)).toBe(0);
});
