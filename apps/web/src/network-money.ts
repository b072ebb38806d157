import * as Chains from "@tabcast/channel/chains";
import type { ChainConfig } from "@tabcast/node/config";
import { coin, ofCurrency, type Unit } from "@tabcast/tab/money";
import { shortAddress } from "./format.ts";
import { inEther, type NetworkMoney } from "./unit.ts";

const NO_TOKEN = /^0x0{40}$/;

/** What the money of a chain's network is counted in, without asking the chain. */
export function moneyOf(chain: ChainConfig | undefined): NetworkMoney {
  if (chain === undefined) return inEther;
  const { coin: symbol, usdc } = Chains.of(chain.id);
  const { currency } = chain;
  return {
    pay: ofCurrency(currency, symbol),
    coin: coin(symbol),
    ...(currency !== undefined && { currency }),
    ...(usdc !== undefined && { dollar: usdc }),
  };
}

/** What a pot of this token is in, whichever the network pays in now; undefined for a token that nobody here knows. */
export function unitOfToken(token: string, money: NetworkMoney): Unit | undefined {
  const same = (other: string | undefined) => other?.toLowerCase() === token.toLowerCase();
  if (NO_TOKEN.test(token)) return money.coin;
  if (same(money.currency?.token)) return money.pay;
  return same(money.dollar)
    ? { kind: "token", symbol: "USDC", decimals: 6, dollars: true }
    : undefined;
}

/** An amount of a token that nobody here knows, in its smallest parts: "1,250,000 parts of token 0x2222…2222". */
export const partsOf = (value: bigint, token: string): string =>
  `${value.toLocaleString("en")} ${value === 1n ? "part" : "parts"} of token ${shortAddress(token)}`;
