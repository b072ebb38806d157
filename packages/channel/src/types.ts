import type { Amount, Wei } from "@tabcast/runtime";

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
  readonly cumulative: Amount;
  /** 65 bytes, low s, v 27 or 28. */
  readonly signature: Hex;
}

/**
 * What a stream's end cost and paid, from receipts and events, in wei. deposited = paid + refunded; what the session key took out
 * of the pot for gas counts as refunded, since what is left of it goes home. All is 0 where the chain has undone the deposit for good.
 */
export interface Settlement {
  readonly chainId: number;
  readonly contract: Address;
  readonly potId: Hex;
  readonly deposited: Amount;
  readonly paid: Amount;
  readonly refunded: Amount;
  readonly lanes: readonly (Lane & { readonly paid: Amount })[];
  readonly gas: { readonly open: bigint; readonly claimOrPay: bigint; readonly close: bigint };
}

/** What settling is doing, for people who wait. */
export type SettleProgress =
  | { readonly step: "paying"; readonly lanes: number }
  /** The challenge period runs; unix seconds of the chain's clock. */
  | { readonly step: "waiting"; readonly until: number; readonly now: number }
  | { readonly step: "refunding" }
  /** The chain cannot be reached or is busy; it is tried again, in words why. */
  | { readonly step: "delayed"; readonly why: string };

/** What happens to a broadcaster's money beside its vouchers, for people to see. */
export type PotNews =
  /** The chain had forgotten the deposit, as after a reorganisation: the same bytes were sent again. */
  | { readonly type: "depositResent" }
  /** The same of so many top-ups. */
  | { readonly type: "topUpsResent"; readonly count: number }
  /**
   * The chain has so much less than was paid in, as after a deep reorganisation, and nothing is left to send again: a top-up by a
   * browser's wallet is gone. It is promised to nobody any more. Do: put as much in again.
   */
  | { readonly type: "depositLost"; readonly missing: Amount }
  /**
   * At the pot's end: the chain has undone all that was paid in, and it can never be sent again. Nothing was paid, and nobody is paid
   * from it; what was signed is told as `unpaid`.
   */
  | { readonly type: "depositUndone"; readonly deposited: Amount }
  /** So many lanes are guaranteed, for `gas` units of gas. */
  | { readonly type: "reserved"; readonly lanes: number; readonly gas: bigint }
  /** What was earned before and not covered is vouched for now: the lane's highest voucher, to be given to its worker. */
  | { readonly type: "debtPaid"; readonly voucher: SignedVoucher }
  /** The pot ended, or is about to, and these lanes got less than was signed: the gas cost more than it was worth, or was not there. */
  | { readonly type: "unpaid"; readonly lanes: number; readonly owed: Amount }
  /** The session key's last coins did not go home; the key is kept, and settling again tries again. */
  | { readonly type: "keyKept"; readonly why: string }
  /**
   * The session key of a pot in a token has `have` wei, and guarantees and the end of the pot cost about `need`: nothing more is
   * guaranteed until it has that, as by `topUpGas`. Told once until then.
   */
  | { readonly type: "gasLow"; readonly have: Wei; readonly need: Wei }
  /** The session key has too little gas for a step of the end: the payer's wallet is asked to do it. */
  | { readonly type: "walletAsked"; readonly step: "pay" | "close" | "refund" }
  /** The deposit lasts `seconds` more at the rate of late, with `free` left. Told once per top-up. */
  | { readonly type: "low"; readonly free: Amount; readonly seconds: number };

/** What a person must be told: so much is lost unless it is claimed before a time. */
export interface DueClaim {
  readonly potId: Hex;
  readonly amount: Amount;
  /** Unix second of the chain's clock. */
  readonly before: number;
}

/** A worker's highest voucher of a lane, and what of it is not paid yet. */
export interface HeldVoucher {
  readonly voucher: SignedVoucher;
  readonly domain: Domain;
  /** Of its pot. */
  readonly config: PotConfig;
  /** What the pot still has of it; above 0. */
  readonly outstanding: Amount;
}

/** What happens to a worker's money beside its vouchers, for people to see. */
export type PurseNews =
  /** The chain pays up to `ceiling` until the unix second `until`, whatever others are paid. */
  | {
      readonly type: "reserved";
      readonly potId: Hex;
      readonly ceiling: Amount;
      readonly until: number;
    }
  /** More than `softCap` is held without a guarantee: work stops until one comes, or a claim. */
  | { readonly type: "unguaranteed"; readonly potId: Hex }
  /** What was held back counts now. */
  | { readonly type: "credited"; readonly potId: Hex; readonly credited: Amount }
  | { readonly type: "claimed"; readonly potId: Hex; readonly paid: Amount }
  /** This much is lost unless it is claimed before the unix second `before`. Told once for each such second. */
  | ({ readonly type: "due" } & DueClaim)
  /** The chain went back, as after a reorganisation: `from` was paid and only `to` still is. It is claimed again. */
  | { readonly type: "reorg"; readonly potId: Hex; readonly from: Amount; readonly to: Amount }
  /** The pot could not pay this much of a claim. */
  | { readonly type: "bounced"; readonly potId: Hex; readonly shortfall: Amount };

/** The broadcaster's purse for one stream. Stored before anything is sent; one writer by Web Lock. */
export interface PayerPot {
  readonly potId: Hex;
  readonly config: PotConfig;
  readonly domain: Domain;
  /** Gas that the deposit's transaction used. */
  readonly openGas: bigint;
  /**
   * Deposited; signed so far; free to be owed to any lane, being neither owed nor guaranteed; earned and not covered by the
   * deposit. Amount.
   */
  balances(): {
    readonly deposited: Amount;
    readonly signed: Amount;
    readonly free: Amount;
    readonly debt: Amount;
  };
  /**
   * Owes `amount` more on a lane: stores the intent, signs, stores the voucher. Throws POT_EMPTY if the deposit does not cover it:
   * the amount is then remembered, not to be asked for again, and owed once a top-up or a freed guarantee covers it. After a StoreError the amount may be owed already: ask `highest` before paying again.
   */
  pay(lane: Lane, amount: Amount): Promise<SignedVoucher>;
  /** The highest voucher of a lane, to send again. */
  highest(lane: Lane): SignedVoucher | undefined;
  /**
   * Takes a voucher that a peer shows. If our own key signed it and it is above what we remember, it becomes ours again.
   * Answers with the lane's highest. Throws VoucherError if it is not ours: a peer's word alone never moves money.
   */
  adopt(voucher: SignedVoucher): Promise<SignedVoucher>;
  /**
   * Hears what a peer says it holds, without a signature: it moves no money. Answers with the voucher to send again if ours is
   * higher.
   */
  hello(lane: Lane, cumulative: Amount): Promise<SignedVoucher | undefined>;
  /** A worker of ours wants its lane guaranteed. */
  ask(lane: Lane): Promise<void>;
  /**
   * Deposits `amount` more from the payer's wallet, one top-up after another. Throws ChainError; what may still arrive is remembered,
   * and the same call again finds it rather than pay twice.
   */
  topUp(amount: Amount, options: { signal: AbortSignal }): Promise<void>;
  /**
   * Sends the session key `amount` wei for gas, from where its gas came from before, or else the payer's wallet; what is left comes
   * back. Throws ChainError, and POT_ASKED_BEFORE while what a browser's wallet was asked for may still arrive; what may still arrive is
   * remembered, and the same call again finds it rather than send twice.
   */
  topUpGas(amount: Wei, options: { signal: AbortSignal }): Promise<void>;
  /** Tells `listener` what happens to the money until `signal` fires or the pot is closed. */
  watch(listener: (news: PotNews) => void, options: { signal: AbortSignal }): void;
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
  /** Notes work delivered and not yet paid, under an award where a whole segment is worth `segment`; missing: it is one. */
  accrue(potId: Hex, amount: Amount, segment?: Amount): Promise<void>;
  /** Checks, stores, then accepts a voucher. Throws VoucherError; a lower one answers with what we hold. */
  accept(voucher: SignedVoucher): Promise<{ readonly credited: Amount }>;
  /** Notes that `amount` of what was delivered will not be paid: its verdict was bad, or it was not needed in time. */
  forgive(potId: Hex, amount: Amount): Promise<void>;
  /**
   * Amount that may still be delivered unpaid, where `most` segments may be and one is worth `segment`: 2 at most, or 4 once the
   * chain has paid us ten from this pot. What is unpaid counts in segments, each at the price of its own award. Below zero where too
   * much is unpaid; none in a pot that was not checked, or let go of.
   */
  room(potId: Hex, of: { readonly segment: Amount; readonly most: number }): Amount;
  /** Whether a pot was checked and its books are kept: `room` tells of others nothing. */
  checked(potId: Hex): boolean;
  highest(potId: Hex): SignedVoucher | undefined;
  /** Amount that we hold of a pot, were not paid, and that it still has; 0 once it is final. */
  outstanding(potId: Hex): Amount;
  /** Every voucher of this payee's lanes of which something is outstanding, that with most first; its closed tabs' included. */
  held(): readonly HeldVoucher[];
  /**
   * What live guarantees cover of what is outstanding, over all pots: the chain pays it whatever others are paid. From the books, so
   * that it is known before the chain answers, by the clock of this tab until then.
   */
  guaranteed(): Amount;
  /** Over all pots, those of this payee's closed tabs included; `outstanding` is signed, not paid yet, and still in the pots. */
  balances(): {
    readonly accrued: Amount;
    readonly vouchered: Amount;
    readonly claimed: Amount;
    readonly outstanding: Amount;
  };
  /** What is lost, and when, unless it is claimed; for people to see. Empty while nothing is. */
  due(): readonly DueClaim[];
  /** Claims what is worth ten times the gas, because this page may be frozen any moment; never opens a dialog, never rejects. */
  secure(options: { signal: AbortSignal }): Promise<void>;
  /** Claims every unclaimed voucher on chain with the given sender; true money moves to `payee`'s credit. */
  claim(options: { signal: AbortSignal }): Promise<{ readonly paid: Amount }>;
  /** Tells `listener` what happens to the money until `signal` fires or the purse is closed. */
  watch(listener: (news: PurseNews) => void, options: { signal: AbortSignal }): void;
  /** Sends the payee's whole credit to the payee. */
  withdraw(options: { signal: AbortSignal }): Promise<{ readonly withdrawn: Amount }>;
  close(): Promise<void>;
}
