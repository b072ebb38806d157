import { type Amount, type Clock, type Random, SerialQueue } from "@tabcast/runtime";
import type { PrivateKeyAccount } from "viem";
import type { Chain, Waits, Wallet } from "../chain/chain.ts";
import { PotError } from "../config.ts";
import { Listeners } from "../listeners.ts";
import type { Store } from "../store/store.ts";
import type { Lane, PayerPot, PotNews, Settlement } from "../types.ts";
import { unlessAborted } from "../unless-aborted.ts";
import * as Voucher from "../voucher.ts";
import { finishGasTopUp, topUpGas } from "./gas-top-up.ts";
import { Ledger } from "./ledger.ts";
import type { PotParts } from "./parts.ts";
import * as Payer from "./payer.ts";
import type { PotRecord } from "./pot-record.ts";
import { refusal } from "./refusal.ts";
import { lookAtAll, maintainGuarantees, reserve } from "./reservations.ts";
import { settle } from "./settle.ts";
import { finishTopUp, topUp, watchTopUps } from "./top-up.ts";

interface StartPotOptions {
  readonly chain: Chain;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly payer: Wallet | undefined;
  /** Pays gas for the session key where the pot cannot. Default: the payer. */
  readonly gasFrom: Wallet | undefined;
  readonly key: PrivateKeyAccount | undefined;
  readonly record: PotRecord;
  readonly lanes: readonly Payer.LaneBook[];
  readonly release: () => void;
  /** True for a pot from the store. */
  readonly resumed: boolean;
}

/** Puts an open pot's parts together: its books, its guarantees and its end. */
export async function startPot(options: StartPotOptions): Promise<PayerPot> {
  const { chain, store, clock, random, payer, key, record, lanes, release, resumed } = options;
  const gasFrom = options.gasFrom ?? payer;
  const own = new AbortController();
  const waits = { signal: own.signal };
  const listeners = new Listeners<PotNews>();
  const ledger: Ledger = new Ledger({
    store,
    record,
    lanes,
    key,
    tell: (news) => listeners.tell(news),
    reserve: (guarantees) => void reserve(parts, guarantees, waits),
  });
  const parts = { chain, clock, random, ledger, tell: (news: PotNews) => listeners.tell(news) };
  let settling: Promise<Settlement> | undefined;

  const requireOpen = () => {
    if (own.signal.aborted)
      throw new PotError({ code: "POT_CLOSED", state: "closed" }, "the pot was closed");
  };

  async function pay(lane: Lane, amount: Amount) {
    requireOpen();
    if (!ledger.key) throw refusal({ code: "POT_CLOSED", state: "without its session key" });
    return ledger.queue.run(async () => {
      requireOpen();
      const voucher = await ledger.apply({ type: "owe", lane, amount });
      if (!voucher) throw refusal({ code: "POT_CLOSED", state: ledger.book.state });
      return voucher;
    });
  }

  if (resumed && record.state !== "final") {
    // What cannot be known yet stays remembered, and is asked for again by the next top-up.
    await finishGasTopUp(parts, waits).catch(() => undefined);
    await finishTopUp(parts, gasFrom, waits).catch(() => undefined);
    await lookAtAll(parts, waits);
  }
  if (resumed && key) await ledger.post({ type: "resumed" });
  const { find, ...deposits } = openDeposits(parts, { payer, gasFrom, requireOpen });
  const watch = watchTopUps(parts);
  const seen: typeof watch = async (one, waits) => {
    await find(waits);
    await watch(one, waits);
  };
  // Ends by the abort in `close`, which is no failure.
  if (key) maintainGuarantees(parts, seen, waits).catch(() => undefined);
  return {
    potId: ledger.potId,
    config: ledger.config,
    domain: ledger.domain,
    openGas: BigInt(record.openGas ?? 0),
    balances: () => ({
      deposited: ledger.book.deposited,
      signed: Payer.signed(ledger.book),
      free: Payer.free(ledger.book),
      debt: Payer.debts(ledger.book),
    }),
    pay: ({ payee, lane }, amount) => pay({ payee, lane }, amount),
    highest: (lane) => ledger.highest(lane),
    adopt: (voucher) =>
      ledger.queue.run(async () => {
        requireOpen();
        await ledger.verify(voucher);
        const { payee, lane, cumulative, signature } = voucher;
        await ledger.apply({ type: "shown", lane: { payee, lane }, cumulative, signature });
        return ledger.highest(voucher) ?? voucher;
      }),
    async hello({ payee, lane }, cumulative) {
      requireOpen();
      return ledger.post({ type: "told", lane: { payee, lane }, cumulative });
    },
    ask: async (lane) => void (await ledger.post({ type: "asked", lane })),
    ...deposits,
    watch: (listener, when) => listeners.add(listener, when),
    settle({ signal, progress = () => {} }) {
      // Two callers wait for the same end; a failure lets the next call begin again.
      settling ??= (async () => {
        requireOpen();
        const both = AbortSignal.any([signal, own.signal]);
        return settle(parts, { signal: both, progress, payer });
      })().finally(() => {
        settling = undefined;
      });
      return settling;
    },
    async close() {
      if (own.signal.aborted) return;
      own.abort();
      listeners.clear();
      await settling?.catch(() => undefined);
      await ledger.queue.idle();
      release();
    },
  };
}

interface DepositsOptions {
  readonly payer: Wallet | undefined;
  readonly gasFrom: Wallet | undefined;
  /** Throws POT_CLOSED. */
  readonly requireOpen: () => void;
}

interface Deposits extends Pick<PayerPot, "topUp" | "topUpGas"> {
  /** Looks for what a wallet of an earlier tab may have sent meanwhile. Throws ChainError. */
  find(waits: Waits): Promise<void>;
}

/** What comes to an open pot later. */
function openDeposits(
  parts: PotParts,
  { payer, gasFrom = payer, requireOpen }: DepositsOptions,
): Deposits {
  const { ledger } = parts;
  const check = (amount: bigint, state: string | undefined) => {
    requireOpen();
    if (state !== undefined) throw refusal({ code: "POT_CLOSED", state });
    if (amount <= 0n || amount > Voucher.MAX_AMOUNT)
      throw refusal({ code: "POT_BAD_AMOUNT", amount });
  };
  // What is stored of a top-up on its way is one: the next waits until the fate of the one before it is known, or is not.
  const turns = new SerialQueue();
  let waiting = 0;
  const inTurn = (signal: AbortSignal, work: () => Promise<void>) => {
    waiting++;
    const turn = turns.run(async () => {
      signal.throwIfAborted();
      requireOpen();
      await work();
    });
    return unlessAborted(
      turn.finally(() => waiting--),
      signal,
    );
  };
  return {
    async find({ signal }) {
      // Whoever tops up now finds it first.
      if (waiting > 0 || ledger.record.topUp?.asked === undefined) return;
      const found = inTurn(
        signal,
        async () => void (await finishTopUp(parts, undefined, { signal })),
      );
      await found.catch((error: unknown) => {
        if (!(error instanceof PotError && error.code === "POT_ASKED_BEFORE")) throw error;
      });
    },
    async topUp(amount, { signal }) {
      check(amount, payer ? undefined : "without a wallet");
      if (payer)
        await inTurn(signal, () =>
          topUp(parts, { payer, gasFrom: gasFrom ?? payer }, amount, { signal }),
        );
    },
    async topUpGas(amount, { signal }) {
      const keyless = ledger.key ? undefined : "without its session key";
      check(amount, gasFrom ? keyless : "without a wallet");
      if (gasFrom) await inTurn(signal, () => topUpGas(parts, gasFrom, amount, { signal }));
    },
  };
}
