import { type Amount, type Clock, type Random, secureRandom, systemClock } from "@tabcast/runtime";
import { getAddress } from "viem";
import { type Chain, connect, type Wallet } from "../chain/chain.ts";
import type { Currency } from "../currency.ts";
import * as Share from "../share.ts";
import type { Store } from "../store/store.ts";
import type { Address, Domain, Purse } from "../types.ts";
import { readLanes } from "./lane-record.ts";
import { startPurse } from "./purse.ts";
import { takeLane } from "./take-lane.ts";

export interface OpenPurseOptions {
  /** Who is paid. */
  readonly payee: Address;
  /** The tab's lane, a 32-bit number. Default: a stored one of this share that no other tab uses, or a new one. */
  readonly lane?: number;
  /**
   * What a watchtower keeps of what it claims for us in the last half of a challenge, in whole percent, 0 to 20; in the number of the
   * lane, so that another share begins another lane. Default 5, `Share.DEFAULT`.
   */
  readonly watchtowerShare?: number;
  /** The one contract and chain whose pots are believed. */
  readonly domain: Domain;
  /** Our own JSON-RPC server over HTTP. */
  readonly rpc: string;
  /** What sends claims; without it the purse can only hold vouchers. Need not be the payee. */
  readonly account?: Wallet;
  readonly store: Store;
  readonly signal: AbortSignal;
  /**
   * Shortest challenge accepted, in seconds: how long this tab may sleep, at most `challengeSeconds` of chains.ts, which pots have
   * unless their owner says otherwise. Default: half of that, and no less than 900, the contract's least.
   */
  readonly minChallenge?: number;
  /** Least a pot must hold when work starts. Default 1. */
  readonly minBalance?: Amount;
  /** Highest fee accepted, in hundredths of a percent. Default 0. */
  readonly maxFeeBps?: number;
  /** Amount that vouchers may run ahead of delivered work. Default: no limit. */
  readonly prepay?: Amount;
  /**
   * How much may be owed to us without a guarantee: work goes on up to there. Default: the pay of five segments, and no
   * less than twenty claims cost, because less is not worth claiming.
   */
  readonly softCap?: Amount;
  /** What a segment brings, for the default of `softCap`. Default: 400 gwei, a 1080p ladder at 1,000 gwei per gigapixel. */
  readonly segmentPay?: Amount;
  /** Seconds before a guarantee ends from which it is not relied on, and what it covers is claimed. Default 180. */
  readonly claimMargin?: number;
  /** Least that a voucher must add. Default 1. */
  readonly minDelta?: Amount;
  /** What its pots are in. Default: the chain's own coin. */
  readonly currency?: Currency;
  /** The chain to use instead of the one behind `rpc`. */
  readonly chain?: Chain;
  /** Milliseconds between two refreshes from the chain. Default 30_000. */
  readonly refresh?: number;
  /** Told of trouble in the background: a refresh or an automatic claim that failed. */
  readonly onProblem?: (error: Error) => void;
  readonly clock?: Clock;
  /** Draws a lane where none is given. Default: the platform's cryptographic randomness. */
  readonly random?: Random;
}

/** Opens a worker's books, and those that other tabs of this payee left behind. Throws ChainError, StoreError; STORE_LOCKED if the lane asked for is open in another tab, RangeError for a share above 20. */
export async function openPurse(options: OpenPurseOptions): Promise<Purse> {
  const { store, signal, clock = systemClock, random = secureRandom } = options;
  const { watchtowerShare: share = Share.DEFAULT } = options;
  const payee = getAddress(options.payee);
  const chain = options.chain ?? (await connect({ ...options, clock }));
  const { lane, release } = await takeLane(store, payee, options.lane, {
    share,
    random,
    signal,
  });
  try {
    const stored = await readLanes(store, payee, lane);
    return await startPurse({ ...options, payee, clock, chain, lane, stored, release });
  } catch (error) {
    release();
    throw error;
  }
}
