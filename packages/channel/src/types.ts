import type { Wei } from "@tabcast/runtime";

export type Address = `0x${string}`;
export type Hex = `0x${string}`;

/** Everything that a pot's id is the hash of. Source: facts of payments, section 3. */
export interface PotConfig {
  readonly payer: Address;
  readonly signer: Address;
  /** Zero address: the native coin. */
  readonly token: Address;
  /** Seconds. */
  readonly challengePeriod: number;
  readonly salt: Hex;
}

/** Which contract on which chain. */
export interface Domain {
  readonly chainId: number;
  readonly contract: Address;
}

/** One worker tab's counter in a pot. */
export interface Lane {
  readonly payee: Address;
  /** Random uint32 chosen by the worker's tab. */
  readonly lane: number;
}

/** The broadcaster's signed cumulative payment. */
export interface SignedVoucher extends Lane {
  readonly potId: Hex;
  readonly cumulative: Wei;
  /** 65 bytes, low s, v 27 or 28. */
  readonly signature: Hex;
}

/** What a stream's end cost and paid, from receipts and events, in wei. deposited = paid + refunded. */
export interface Settlement {
  readonly chainId: number;
  readonly contract: Address;
  readonly potId: Hex;
  readonly depositedWei: Wei;
  readonly paidWei: Wei;
  readonly refundedWei: Wei;
  readonly lanes: readonly (Lane & { readonly paidWei: Wei })[];
  readonly gas: { readonly open: bigint; readonly claimOrPay: bigint; readonly close: bigint };
}

/** What settling is doing, for people who wait. */
export type SettleProgress =
  | { readonly step: "paying"; readonly lanes: number }
  /** The challenge period runs; unix seconds of the chain's clock. */
  | { readonly step: "waiting"; readonly until: number; readonly now: number }
  | { readonly step: "refunding" };

/** The broadcaster's purse for one stream. Stored before anything is sent; one writer by Web Lock. */
export interface PayerPot {
  readonly potId: Hex;
  readonly config: PotConfig;
  readonly domain: Domain;
  /** Gas that the deposit's transaction used. */
  readonly openGas: bigint;
  /** Deposited, signed so far, left to sign; wei. */
  balances(): { readonly deposited: Wei; readonly signed: Wei; readonly free: Wei };
  /**
   * Owes `amount` more on a lane: stores the intent, signs, stores the voucher. Throws POT_EMPTY if the deposit does not cover it.
   * After a StoreError the amount may be owed already: ask `highest` before paying again.
   */
  pay(lane: Lane, amount: Wei): Promise<SignedVoucher>;
  /** The highest voucher of a lane, to send again. */
  highest(lane: Lane): SignedVoucher | undefined;
  /**
   * Takes a voucher that a peer shows. If our own key signed it and it is above what we remember, it becomes ours again.
   * Answers with the lane's highest. Throws VoucherError if it is not ours: a peer's word alone never moves money.
   */
  adopt(voucher: SignedVoucher): Promise<SignedVoucher>;
  /** Pays every lane on chain, starts the close, waits out the challenge, takes the refund. Safe to repeat after a failure. */
  settle(options: {
    signal: AbortSignal;
    progress?: (p: SettleProgress) => void;
  }): Promise<Settlement>;
  close(): Promise<void>;
}

/** A worker's purse: every lane it has in any pot, its highest vouchers, and the way to claim them. */
export interface Purse {
  readonly payee: Address;
  readonly lane: number;
  /** Checks a pot before work starts: chain, contract, config, balance by our own RPC. Throws a PotError naming what is wrong. */
  trust(domain: Domain, config: PotConfig, options: { signal: AbortSignal }): Promise<Hex>;
  /** Notes work delivered and not yet paid. */
  accrue(potId: Hex, amount: Wei): Promise<void>;
  /** Checks, stores, then accepts a voucher. Throws VoucherError; a lower one answers with what we hold. */
  accept(voucher: SignedVoucher): Promise<{ readonly credited: Wei }>;
  highest(potId: Hex): SignedVoucher | undefined;
  balances(): { readonly accrued: Wei; readonly vouchered: Wei; readonly claimed: Wei };
  /** Claims every unclaimed voucher on chain with the given sender; true money moves to `payee`'s credit. */
  claim(options: { signal: AbortSignal }): Promise<{ readonly paid: Wei }>;
  /** Sends the payee's whole credit to the payee. */
  withdraw(options: { signal: AbortSignal }): Promise<{ readonly withdrawn: Wei }>;
  close(): Promise<void>;
}
