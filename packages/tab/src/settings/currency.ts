/** What prices are in: a network's token, or the coin of its chain. */
import { worth } from "@tabcast/channel/currency";
import type { CurrencyConfig } from "@tabcast/node/config";
import { Amount, type Wei } from "@tabcast/runtime";

/** Wei for an output gigapixel that are usually paid, and asked: an hour of 1280 x 720 at 30 frames/s for a ten-thousandth of an ether. */
const USUAL = 1_000_000_000_000n as Wei;

/** The usual price of an output gigapixel in what a network pays in; missing: the chain's coin. At least 1. */
export const usualPrice = (currency?: Pick<CurrencyConfig, "perCoin">): Amount =>
  currency === undefined
    ? Amount.of(USUAL)
    : worth({ perCoin: Amount.of(BigInt(currency.perCoin)) }, USUAL);

/** True if both are the same token's address, or neither is one. */
export const sameToken = (one: string | undefined, other: string | undefined): boolean =>
  one?.toLowerCase() === other?.toLowerCase();
