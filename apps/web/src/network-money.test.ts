import { zeroAddress } from "viem";
import { expect, test } from "vitest";
import { moneyOf, partsOf, unitOfToken } from "./network-money.ts";

const contract = `0x${"c".repeat(40)}` as const;
const token = `0x${"1a".repeat(20)}` as const;
const chain = { id: 84_532, rpc: "http://127.0.0.1:8545", contract };
const currency = { token, symbol: "USDC", decimals: 6, dollars: true, perCoin: "3000000000" };

test("a network without a currency pays in its chain's coin", () => {
  const { pay, coin } = moneyOf(chain);
  expect(pay).toEqual(coin);
  expect(coin).toMatchObject({ kind: "coin", symbol: "ETH" });
});

test("a network with a currency pays in it, and its gas stays in the coin", () => {
  const { pay, coin } = moneyOf({ ...chain, currency });
  expect(pay).toEqual({ kind: "token", symbol: "USDC", decimals: 6, dollars: true });
  expect(coin.symbol).toBe("ETH");
});

test("a pot of before is in its own unit: the coin, the network's token, the chain's dollar, or unknown", () => {
  const money = moneyOf({ ...chain, currency });
  expect(unitOfToken(zeroAddress, money)).toEqual(money.coin);
  expect(unitOfToken(token.toUpperCase().replace("0X", "0x"), money)).toEqual(money.pay);
  // Circle's token on Base Sepolia.
  const circles = "0x036CbD53842c5426634e7929541eC2318f3dCF7e";
  expect(unitOfToken(circles, moneyOf(chain))).toMatchObject({ symbol: "USDC", dollars: true });
  expect(unitOfToken(`0x${"2".repeat(40)}`, money)).toBeUndefined();
});

test("what is in a token that nobody here knows is counted in its parts, with the token's address", () => {
  const unknown = `0x${"2".repeat(40)}`;
  expect(partsOf(1_250_000n, unknown)).toBe("1,250,000 parts of token 0x2222…2222");
  expect(partsOf(1n, unknown)).toBe("1 part of token 0x2222…2222");
});
