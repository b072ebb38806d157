/** What the pots of a network are in. What gas costs is compared with what pots pay by `worth`, and in no other way. */
import type { Amount, Wei } from "@tabcast/runtime";
import type { Address } from "./types.ts";

export interface Currency {
  /** The ERC-20 token; the zero address for the chain's own coin. */
  readonly token: Address;
  readonly symbol: string;
  /** Places behind the point. */
  readonly decimals: number;
  /** What a whole coin of the chain, 10^18 wei, is worth in it. */
  readonly perCoin: Amount;
}

const COIN_DECIMALS = 18;
const ONE_COIN = 10n ** BigInt(COIN_DECIMALS);

/** The chain's own coin as a currency. */
export const coin = (symbol = "ETH"): Currency => ({
  token: "0x0000000000000000000000000000000000000000",
  symbol,
  decimals: COIN_DECIMALS,
  perCoin: ONE_COIN as Amount,
});

/** What so much gas money is worth in a currency, rounded up: nothing is free by its price being small. */
export function worth({ perCoin }: Pick<Currency, "perCoin">, cost: Wei): Amount {
  return ((cost * perCoin + ONE_COIN - 1n) / ONE_COIN) as Amount;
}
