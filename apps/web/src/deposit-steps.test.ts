import { ofCurrency } from "@tabcast/tab/money";
import { expect, test } from "vitest";
import { dialogs, has, lacks } from "./deposit-steps.ts";
import { inEther, type NetworkMoney } from "./unit.ts";

const token = `0x${"1a".repeat(20)}` as const;
const currency = { token, symbol: "USDC", decimals: 6, dollars: true, perCoin: "3000000000" };
const dollars: NetworkMoney = { ...inEther, pay: ofCurrency(currency), currency };
const five = { amount: 5_000_000n, unasked: false, signs: true, purse: true };

test("a deposit of dollars takes one signature where the gas purse pays, and a confirmation more where it does not", () => {
  expect(dialogs(five, dollars)).toEqual(["Sign: move $5.00 into the pot. Signing costs nothing."]);
  const both = dialogs({ ...five, purse: false }, dollars);
  expect(both).toHaveLength(2);
  expect(both[1]).toBe(
    "Confirm: send a little ETH for the stream's gas. What is left of it comes back.",
  );
});

test("a token without signed transfers is allowed first, and then put in the pot", () => {
  const [allow, put, ...rest] = dialogs({ ...five, signs: false }, dollars);
  expect(allow).toBe("Confirm: let the contract take $5.00, and no more.");
  expect(put).toMatch(/^Confirm: put \$5\.00 in the pot/);
  expect(rest).toEqual([]);
});

test("the coin takes one confirmation, and a key of the tab none at all", () => {
  const coins = { ...five, amount: 5n * 10n ** 16n };
  expect(dialogs(coins, inEther)).toHaveLength(1);
  expect(dialogs(coins, inEther)[0]).toMatch(/^Confirm: put 0\.05 ETH in the pot/);
  for (const money of [inEther, dollars])
    expect(dialogs({ ...coins, unasked: true }, money)).toEqual([]);
});

test("what a wallet has is said in two amounts, and never in their sum", () => {
  const funds = { pay: 12_400_000n, coins: 2n * 10n ** 17n };
  expect(has(funds, dollars)).toBe("This wallet has $12.40, and 0.2 ETH for gas.");
  expect(has({ ...funds, pay: funds.coins }, inEther)).toBe(
    "This wallet has 0.2 ETH, of which gas is paid too.",
  );
});

test("what is missing is said before any dialog, each in its own unit", () => {
  const coins = 10n ** 17n;
  expect(lacks(five, { pay: 5_000_000n, coins }, dollars)).toBeUndefined();
  expect(lacks(five, { pay: 4_990_000n, coins }, dollars)).toMatch(/^That is 1 ¢ less/);
  const dry = { pay: 5_000_000n, coins: 0n };
  expect(lacks(five, dry, dollars)).toBeUndefined();
  expect(lacks({ ...five, purse: false }, dry, dollars)).toBe(
    "It has no ETH for gas. Send it some, or fill this browser's gas purse and let that pay.",
  );
});
