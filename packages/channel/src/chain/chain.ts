import { tabcastPotAbi } from "@tabcast/contracts";
import { type Amount, type Clock, systemClock, type Wei } from "@tabcast/runtime";
import type { LocalAccount } from "viem";
import { getCode, readContract } from "viem/actions";
import { type Currency, coin } from "../currency.ts";
import type { Address, Domain, Hex, Lane, PotConfig, SignedVoucher } from "../types.ts";
import type { Action, Reservation, SignedAuthorization } from "./action.ts";
import { ChainError, noContract } from "./chain-error.ts";
import * as Chains from "./chains.ts";
import type { EventsOptions, HistoryOptions, HistoryPage } from "./history.ts";
import type { SenderParts } from "./pending.ts";
import type { PotEvent } from "./pot-event.ts";
import { openReader } from "./reader.ts";
import { openRpc, type Rpc } from "./rpc.ts";
import { openSender } from "./sender.ts";
import type { Asked, Snapshot } from "./snapshot.ts";
import { isCoin, requireToken, type TokenDomain } from "./token.ts";
import type { Turns } from "./turns.ts";
import type {
  ChainNews,
  DepositOptions,
  Frees,
  LaneState,
  Look,
  PotState,
  Quote,
  SendCoinsOptions,
  Sent,
  Waits,
  Wallet,
  WalletSent,
  Work,
} from "./types.ts";
import { openWriter } from "./writer.ts";

export type { Action, Reservation, SignedAuthorization } from "./action.ts";
export { ChainError, type ChainReason } from "./chain-error.ts";
export { deploy } from "./deploy.ts";
export type { EventsOptions, HistoryOptions, HistoryPage } from "./history.ts";
export type { PotEvent } from "./pot-event.ts";
export type { Asked, PotSnapshot, Snapshot } from "./snapshot.ts";
export type { TokenDomain } from "./token.ts";
export type {
  ChainNews,
  DepositOptions,
  Frees,
  LaneState,
  Look,
  PotState,
  Quote,
  SendCoinsOptions,
  Sent,
  Waits,
  Wallet,
  WalletProvider,
  WalletSent,
  Work,
} from "./types.ts";

/** One TabcastPot on one chain. Every call takes a signal and is bounded in time. */
export interface Chain {
  readonly domain: Domain;
  readonly rpc: string;
  /** What its pots are in. */
  readonly currency: Currency;
  /** Hundredths of a percent of each payment. */
  readonly feeBps: number;
  pot(potId: Hex, waits: Waits): Promise<PotState>;
  /** Many pots and lanes, all as the newest block has them. */
  snapshot(asked: readonly Asked[], waits: Waits): Promise<Snapshot>;
  /** Amount paid to each lane, in the order asked. */
  claimed(potId: Hex, lanes: readonly Lane[], waits: Waits): Promise<readonly Amount[]>;
  /** Every lane's whole state, in the order asked, in one request. */
  lanes(potId: Hex, lanes: readonly Lane[], waits: Waits): Promise<readonly LaneState[]>;
  /** A pot and lanes of it, in the order asked, all as one block has them. */
  look(potId: Hex, lanes: readonly Lane[], waits: Waits): Promise<Look>;
  /** What the account can withdraw. */
  credit(account: Address, waits: Waits): Promise<Amount>;
  /** The account's own coins, wei. */
  balance(account: Address, waits: Waits): Promise<Wei>;
  /** What the account's own wallet has of what pots are in; in the coin as `balance`. */
  tokenBalance(account: Address, waits: Waits): Promise<Amount>;
  /** What the contract may take of the owner's tokens. */
  allowance(owner: Address, waits: Waits): Promise<Amount>;
  /** The domain in which deposits are authorized by EIP-3009; undefined for the coin and for tokens without it. */
  authorizing(waits: Waits): Promise<TokenDomain | undefined>;
  /** True if the payer's authorization of that nonce was used, or cancelled in the token. */
  authorizationUsed(payer: Address, nonce: Hex, waits: Waits): Promise<boolean>;
  /** The chain's clock, unix seconds. */
  now(waits: Waits): Promise<number>;
  /** Number of the newest block. */
  height(waits: Waits): Promise<bigint>;
  /** Wei per unit of gas that a transaction may have to pay now. */
  gasPrice(waits: Waits): Promise<Wei>;
  /**
   * Wei that so much gas in so many transactions costs at most now, with what the chain takes for each one's bytes. Default
   * size: that of a call with a pot's config.
   */
  costOf(work: Work, waits: Waits): Promise<Wei>;
  /** A pot's events from a block on, oldest first. Who reads them all reads what anybody may emit for any pot by the thousand. */
  events(potId: Hex, from: bigint, options: EventsOptions): Promise<readonly PotEvent[]>;
  /** What happened to an account's money in this contract, newest first, page by page. */
  history(account: Address, options: HistoryOptions): Promise<HistoryPage>;
  /** What an action of `from` would cost now. Throws as sending would: CHAIN_REVERTED, CHAIN_INSUFFICIENT. */
  quote(from: Address, action: Action, waits: Waits): Promise<Quote>;
  /** A transaction that was sent before. Undefined if no block has it. */
  sent(hash: Hex, waits: Waits): Promise<Sent | undefined>;
  /**
   * What became of a browser wallet's transaction. "done": a block has it; "void": it never will be, since its nonce is another's, or
   * it failed in a block; "open": it may still arrive.
   */
  fate(sent: WalletSent, waits: Waits): Promise<"done" | "void" | "open">;
  deposit(wallet: Wallet, config: PotConfig, options: DepositOptions): Promise<Sent>;
  /** Brings a deposit that the payer has authorized. A second time it reverts. */
  depositWithAuthorization(
    wallet: Wallet,
    config: PotConfig,
    authorization: SignedAuthorization,
    waits: Waits,
  ): Promise<Sent>;
  /** Lets the contract take exactly `amount` of the wallet's tokens. */
  approve(wallet: Wallet, amount: Amount, waits: Waits): Promise<Sent>;
  /** Sends coins to an account. */
  sendCoins(wallet: Wallet, to: Address, options: SendCoinsOptions): Promise<Sent>;
  /** Sends a signed transaction again and waits for it. */
  resend(raw: Hex, waits: Waits): Promise<Sent>;
  claim(
    wallet: Wallet,
    config: PotConfig,
    vouchers: readonly SignedVoucher[],
    waits: Waits,
  ): Promise<Sent>;
  /** As `claim`; what the lanes leave watchtowers becomes the credit of `beneficiary`, told as `shared`. */
  claimAsWatchtower(
    wallet: Wallet,
    config: PotConfig,
    vouchers: readonly SignedVoucher[],
    options: Waits & { readonly beneficiary: Address },
  ): Promise<Sent>;
  /** Pays lanes; a lane that is paid already is passed over, and what the pot cannot pay is told as `bounced`. */
  pay(
    wallet: Wallet,
    config: PotConfig,
    rows: readonly (Lane & { readonly cumulative: Amount })[],
    options: Frees,
  ): Promise<Sent>;
  /** Guarantees lanes; a row that does not fit is passed over and told as `reservationRefused`. */
  reserve(
    wallet: Wallet,
    config: PotConfig,
    rows: readonly Reservation[],
    options: Frees,
  ): Promise<Sent>;
  startClose(wallet: Wallet, config: PotConfig, waits: Waits): Promise<Sent>;
  cancelClose(wallet: Wallet, config: PotConfig, waits: Waits): Promise<Sent>;
  finalizeClose(wallet: Wallet, config: PotConfig, waits: Waits): Promise<Sent>;
  /** Sends an account's whole credit to that account; any wallet may. */
  withdraw(wallet: Wallet, account: Address, waits: Waits): Promise<Sent>;
  /** Sends part of the wallet's own credit to any address. Throws CHAIN_REVERTED with CreditTooSmall. */
  withdrawTo(wallet: Wallet, to: Address, amount: Amount, waits: Waits): Promise<Sent>;
  /** Sends all that a key in this tab owns to another address; undefined if that is less than the gas. */
  sweep(from: LocalAccount, to: Address, waits: Waits): Promise<Sent | undefined>;
}

export interface ConnectOptions extends Waits {
  readonly domain: Domain;
  /** JSON-RPC over HTTP. */
  readonly rpc: string;
  /** What the pots are in. Default: the chain's own coin. */
  readonly currency?: Currency;
  /** Milliseconds for one RPC request. Default 10_000. */
  readonly timeout?: number;
  /** Milliseconds until a sent transaction must be deep enough. Default 120_000, and 15_000 for each confirmation above one. */
  readonly patience?: number;
  /**
   * JSON-RPC of a second server, of another operator, that must say the same of the contract, of fixed blocks and of receipts:
   * else CHAIN_DISAGREES. While it is silent it has no say. Default: none is asked.
   */
  readonly witness?: string;
  /** Blocks that a transaction must have, its own included. Default: the chain's own, in chains.ts. */
  readonly confirmations?: number;
  /** Wei per unit of gas that is paid at most: dearer, and it waits, until CHAIN_GAS_HIGH. Default: the chain's own, in chains.ts. */
  readonly gasCap?: Wei;
  /** Milliseconds without a block after which a call that may happen twice is offered for more gas. Default 30_000. */
  readonly repriceAfter?: number;
  /** Whose turn it is to send with a key. Default: that of this tab, and of all tabs of its origin where it has Web Locks. */
  readonly turns?: Turns;
  /** Told what goes on while a caller waits. */
  readonly onNews?: (news: ChainNews) => void;
  readonly clock?: Clock;
}

/**
 * Finds the contract, and the token if pots are in one. Throws CHAIN_UNREACHABLE, CHAIN_WRONG_ID, CHAIN_NO_CONTRACT,
 * CHAIN_TOKEN_NONE or CHAIN_TOKEN_BAD.
 */
export async function connect(options: ConnectOptions): Promise<Chain> {
  const { domain, signal } = options;
  const { contract } = domain;
  const { coin: known } = Chains.of(domain.chainId);
  const { currency = coin(known) } = options;
  // Who names the coin of a chain that is in no table knows better.
  const symbol = isCoin(currency) ? currency.symbol : known;
  const { rpc: url, timeout = 10_000, witness, clock } = options;
  const rpc = openRpc({ url, timeout, witness, ...(clock && { clock }) });
  await rpc.requireChain(domain.chainId, signal);
  const feeBps = await readFee(rpc, contract, signal);
  if (!isCoin(currency)) await requireToken(rpc, currency, signal);
  return {
    domain,
    rpc: rpc.url,
    currency,
    feeBps,
    ...openReader(rpc, domain, { token: currency.token, coin: symbol }),
    ...openWriter(
      openSender({ ...senderParts(rpc, options), coin: symbol }),
      domain,
      currency.token,
    ),
  };
}

function senderParts(rpc: Rpc, options: ConnectOptions): SenderParts {
  const { domain, confirmations, clock = systemClock, onNews = () => {} } = options;
  const facts = Chains.of(domain.chainId);
  const depth = confirmations ?? facts.confirmations;
  return {
    rpc,
    contract: domain.contract,
    patience: options.patience ?? 120_000 + (depth - 1) * 15_000,
    confirmations: depth,
    repriceAfter: options.repriceAfter ?? 30_000,
    turns: options.turns,
    gasCap: options.gasCap ?? facts.gasCap,
    clock,
    onNews,
  };
}

async function readFee(rpc: Rpc, contract: Address, signal: AbortSignal): Promise<number> {
  try {
    return await rpc.ask(signal, async (client) => {
      if (!(await getCode(client, { address: contract }))) throw noContract(contract, rpc.url);
      return readContract(client, {
        address: contract,
        abi: tabcastPotAbi,
        functionName: "FEE_BPS",
      });
    });
  } catch (error) {
    // Code that does not answer as ours is as good as none.
    if (error instanceof ChainError && error.code === "CHAIN_FAILED")
      throw noContract(contract, rpc.url, error);
    throw error;
  }
}
