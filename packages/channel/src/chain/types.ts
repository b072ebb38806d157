import type { Amount, Wei } from "@tabcast/runtime";
import type { LocalAccount } from "viem";
import type { Address, Hex, Lane } from "../types.ts";
import type { PotEvent } from "./pot-event.ts";

/** The part of a browser wallet (EIP-1193) that is used. */
export interface WalletProvider {
  request(args: { method: string; params?: unknown }): Promise<unknown>;
}

/** What sends transactions: a key in this tab, or a browser wallet and the address it is to use. */
export type Wallet =
  | LocalAccount
  | { readonly provider: WalletProvider; readonly address: Address };

export interface Waits {
  readonly signal: AbortSignal;
}

/** A transaction that is in a block. */
export interface Sent {
  readonly hash: Hex;
  readonly block: bigint;
  /** Gas used. */
  readonly gas: bigint;
  /** Wei that the gas cost. */
  readonly cost: Wei;
  readonly events: readonly PotEvent[];
}

/** Gas to be spent later: what is set aside for it. */
export interface Work {
  /** Units of gas, as a chain without L1 fees counts them. */
  readonly gas: bigint;
  /** Transactions that it is spent in; each has about 400 bytes, and 100 more for each 30,000 units of its gas. */
  readonly transactions: number;
}

/** What an action costs at most, as gas is now. */
export interface Quote {
  /** Units of gas, a fifth more than estimated. */
  readonly gas: bigint;
  /** Wei for the gas. */
  readonly cost: Wei;
}

/** What goes on with the chain while a caller waits, for people to see. */
export type ChainNews =
  /** Nothing is sent until gas is at or below the cap again; wei per unit of gas. */
  | { readonly type: "gasHigh"; readonly price: Wei; readonly cap: Wei }
  /** The call was sent again under the same nonce, for this much a unit of gas at most. */
  | { readonly type: "repriced"; readonly hash: Hex; readonly price: Wei }
  /** The transaction is in no block and no server remembers it: the same bytes were sent again. */
  | { readonly type: "resent"; readonly hash: Hex }
  /** An earlier nonce of the account is unused, so this call, which may happen twice, took it. */
  | { readonly type: "gap"; readonly nonce: number }
  /** The chain has made no block for so many seconds, as when an L2's sequencer is down. */
  | { readonly type: "stalled"; readonly seconds: number }
  /** The chain makes blocks again. */
  | { readonly type: "moving" }
  | { readonly type: "unreachable" }
  | { readonly type: "reachable" };

/** What a transaction does, before a nonce and a fee are chosen for it. */
export interface Call {
  readonly to?: Address;
  readonly data?: Hex;
  /** Wei. */
  readonly value: bigint;
}

/** A pot as the chain has it. */
export interface PotState {
  /** Deposited and neither claimed nor refunded. */
  readonly balance: Amount;
  /** 0: open; a unix second: closing, final from then; FINALIZED: final. */
  readonly closeAt: number;
  /** The part of the balance that is promised to lanes. */
  readonly reserved: Amount;
  /** False if nobody ever deposited into it. */
  readonly exists: boolean;
}

/** A lane as the chain has it. */
export interface LaneState {
  /** Paid so far. */
  readonly claimed: Amount;
  /** Payment is guaranteed up to this total, until `until`. */
  readonly ceiling: Amount;
  /** Last unix second of the guarantee. */
  readonly until: number;
  /** Changes of the reservation so far. */
  readonly version: number;
}

/** A pot and lanes of it, as one block has them. */
export interface Look {
  readonly pot: PotState;
  /** In the order asked. */
  readonly lanes: readonly LaneState[];
  /** The chain's clock, unix seconds. */
  readonly now: number;
}

export interface Frees extends Waits {
  /** Guarantees that have lapsed, to be freed first. One that still lives stays. */
  readonly lapsed?: readonly Lane[];
}

/** A transaction that a browser's wallet has sent, and that only the wallet can send again. */
export interface WalletSent {
  readonly from: Address;
  readonly hash: Hex;
  /** Missing where no server knew it yet. */
  readonly nonce?: number;
}

export interface SendCoinsOptions extends Waits {
  readonly amount: Wei;
  /** Called with what a browser's wallet has sent, before it is waited for. */
  readonly sentAs?: (sent: WalletSent) => Promise<void>;
  /** Called with the signed transaction before it is sent, if the key is in this tab. */
  readonly before?: (raw: Hex) => Promise<void>;
}

export interface DepositOptions extends Waits {
  /** Amount for the pot. */
  readonly amount: Amount;
  /** Amount handed on to the session key. */
  readonly signerGas: Wei;
  /** Called with what a browser's wallet has sent, before it is waited for. */
  readonly sentAs?: (sent: WalletSent) => Promise<void>;
  /** Called with the signed transaction before it is sent, if the key is in this tab: a second deposit would pay twice. */
  readonly before?: (raw: Hex) => Promise<void>;
}
