/** The end of a pot: pay the lanes, start the close, wait out the challenge, take the refund, empty the session key. */
import type { Amount } from "@tabcast/runtime";
import { ChainError, type PotState, type Sent, type Waits, type Wallet } from "../chain/chain.ts";
import { isPassing } from "../chain/chain-error.ts";
import { PotError } from "../config.ts";
import { FINALIZED } from "../final.ts";
import type { Settlement, SettleProgress } from "../types.ts";
import { account } from "./account.ts";
import { LOOK_MS, SURE, sendAgain } from "./again.ts";
import { takeCredit } from "./fuel.ts";
import type { Way } from "./fund.ts";
import { gasToCome } from "./gas-top-up.ts";
import type { PotParts } from "./parts.ts";
import { type Owing, payLanes, stillOwed } from "./pay-lanes.ts";
import * as Payer from "./payer.ts";
import { readSettlement, settlementRecord } from "./pot-record.ts";
import { refusal } from "./refusal.ts";
import { look } from "./reservations.ts";
import { steadily } from "./steadily.ts";

/** Seconds between the lapse of the last guarantee and the end of a pot that still owes: time to pay what it stood in the way of. */
const LAPSE_MARGIN = 60;
/** Seconds after which a payment that failed is tried again. */
const AGAIN_S = 30;
/** Times in a row that paying may fail before a pot whose time is over ends all the same. */
const LAST_TRIES = 5;

export interface SettleOptions extends Waits {
  /** Steps in when the session key has no coins left. */
  readonly payer: Wallet | undefined;
  readonly progress: (step: SettleProgress) => void;
}

/**
 * Ends a pot and accounts for it, however long the chain is away meanwhile. After a failure it may be called again and goes on.
 * Throws PotError, ChainError, StoreError.
 */
export async function settle(parts: PotParts, options: SettleOptions): Promise<Settlement> {
  const { ledger } = parts;
  await ledger.post({ type: "resumed" });
  await ledger.post({ type: "settle" });
  if (ledger.record.settlement === undefined) {
    const end = await closePot(parts, options);
    const settlement = end === "final" ? await refunded(parts, options) : undone(parts);
    await ledger.post({ type: "finalized" });
    await ledger.keep((record) => ({ ...record, settlement: settlementRecord(settlement) }));
  }
  await emptyKey(parts, options);
  return readSettlement(ledger.record.settlement);
}

/** Takes the refund of a final pot, and accounts for the pot. */
async function refunded(parts: PotParts, options: SettleOptions): Promise<Settlement> {
  const { chain, ledger } = parts;
  const waits = { signal: options.signal };
  await steadily(parts, options, () => takeRefund(parts, options));
  await steadily(parts, options, () => look(parts, [...ledger.book.lanes.values()], waits));
  const { domain, potId, record, config } = ledger;
  return steadily(parts, options, () =>
    account(chain, {
      domain,
      potId,
      signer: config.signer,
      from: BigInt(record.from),
      withdrawn: ledger.record.withdrawn,
      ...waits,
    }),
  );
}

/**
 * The pot as it stands; undefined if the chain has undone all that paid into it, and none of it can come back, on which three looks
 * agree. Throws POT_NOT_OPENED if the chain has no pot and something may still arrive that is not ours to send.
 */
async function requireOnChain(parts: PotParts, waits: Waits): Promise<PotState | undefined> {
  const { chain, clock, ledger, tell } = parts;
  const { potId } = ledger;
  for (let look = 1; ; look++) {
    let pot = await chain.pot(potId, waits);
    if (pot.exists) return pot;
    const seen = await chain.look(potId, [], waits);
    if (seen.pot.exists) return seen.pot;
    const { record } = ledger;
    let over = true;
    for (const way of [record, ...(record.toppedUp ?? [])]) {
      const fate = await sendAgain(parts, way, waits);
      if (fate === "sent") tell({ type: "depositResent" });
      over &&= isOver(way, fate, seen.now);
    }
    if (over && look === SURE) return undefined;
    if (over) {
      await clock.sleep(LOOK_MS, waits);
      continue;
    }
    pot = await chain.pot(potId, waits);
    if (pot.exists) return pot;
    throw new PotError({ code: "POT_NOT_OPENED", potId }, "the chain knows no such pot");
  }
}

/**
 * True of what can never pay into a pot that a block of the unix second `now` does not have. An authorization's time must be over in
 * that block, which may be older than those that other servers answer from: one that the token has noted was cancelled then.
 */
function isOver(
  { authorization }: Way,
  fate: Awaited<ReturnType<typeof sendAgain>>,
  now: number,
): boolean {
  if (authorization?.signature === undefined) return fate === "void";
  return (fate === "void" || fate === "there") && now >= authorization.validBefore;
}

/** The end of a pot that the chain has undone for good: nothing was paid in, and whom vouchers were signed for is paid nothing. */
function undone({ ledger, tell }: PotParts): Settlement {
  const { book, domain, potId } = ledger;
  tell({ type: "depositUndone", deposited: book.deposited });
  const lanes = [...book.lanes.values()].filter(({ signed, debt }) => signed || debt);
  const owed = (Payer.signed(book) + Payer.debts(book)) as Amount;
  if (lanes.length > 0) tell({ type: "unpaid", lanes: lanes.length, owed });
  const none = 0n as Amount;
  const gas = { open: 0n, claimOrPay: 0n, close: 0n };
  return { ...domain, potId, deposited: none, paid: none, refunded: none, lanes: [], gas };
}

/** Pays the lanes, starts the close, waits out the challenge, finalizes; what the chain undoes meanwhile is done again. */
async function closePot(parts: PotParts, options: SettleOptions): Promise<End> {
  const { clock } = parts;
  const { signal } = options;
  const progress: Progress = { next: 0, failures: 0, owing: undefined, closing: false };
  for (;;) {
    const end = await steadily(parts, options, () => turn(parts, options, progress));
    if (end !== undefined) return end;
    await clock.sleep(1000, { signal });
  }
}

/** How a pot ends: as the contract ends it, or undone by the chain for good. */
type End = "final" | "undone";

/** How far the end of a pot has come. */
interface Progress {
  /** The chain's second from which paying may bring more than it did. */
  next: number;
  /** Times in a row that paying failed. */
  failures: number;
  /** What was left to pay when paying last went through. */
  owing: Owing | undefined;
  closing: boolean;
}

/** Does what the pot's end needs now; undefined until it has come. */
async function turn(
  parts: PotParts,
  options: SettleOptions,
  progress: Progress,
): Promise<End | undefined> {
  const { chain, ledger } = parts;
  const waits = { signal: options.signal };
  const pot = await requireOnChain(parts, waits);
  if (pot === undefined) return "undone";
  if (pot.closeAt === FINALIZED) return "final";
  const now = await chain.now(waits);
  const closing = pot.closeAt !== 0;
  const over = closing && now >= pot.closeAt;
  // The chain went back behind our close: what was paid before it may be undone as well.
  if (progress.closing && !closing) progress.next = 0;
  progress.closing = closing;
  if (pot.balance > 0n && (over || now >= progress.next))
    await payNow(parts, options, progress, now);
  const { owing, failures } = progress;
  if (!closing) {
    const ends = now + ledger.config.challengePeriod;
    if (owing !== undefined && owing.blockedUntil + LAPSE_MARGIN > ends)
      options.progress({ step: "waiting", until: owing.blockedUntil, now });
    else
      await send(parts, options, "close", (wallet) =>
        chain.startClose(wallet, ledger.config, waits),
      );
    return undefined;
  }
  if (!over) {
    options.progress({ step: "waiting", until: pot.closeAt, now });
    return undefined;
  }
  if (failures > 0 && failures < LAST_TRIES) return undefined;
  // Workers may have claimed since paying last went through, and a pot that is empty has not been looked at.
  const { lanes, owed } = await stillOwed(parts, waits);
  if (owed > 0n) parts.tell({ type: "unpaid", lanes, owed });
  options.progress({ step: "refunding" });
  await send(parts, options, "close", (wallet) =>
    chain.finalizeClose(wallet, ledger.config, waits),
  );
  return undefined;
}

/** Pays what can be paid now. A failure is no reason not to close: it is tried again until the end. */
async function payNow(
  parts: PotParts,
  { signal, payer, progress: told }: SettleOptions,
  progress: Progress,
  now: number,
): Promise<void> {
  const first = progress.owing === undefined && progress.failures === 0;
  let paying = 0;
  try {
    progress.owing = await payLanes(parts, {
      signal,
      payer,
      paying(lanes) {
        paying = lanes;
        told({ step: "paying", lanes });
      },
    });
    progress.failures = 0;
    const { blockedUntil } = progress.owing;
    progress.next = blockedUntil >= now ? blockedUntil + 1 : Number.POSITIVE_INFINITY;
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof ChainError) || isPassing(error)) throw error;
    progress.next = now + AGAIN_S;
    progress.failures++;
  }
  if (first && paying === 0) told({ step: "paying", lanes: 0 });
}

/** Withdraws what the contract owes the payer, if anything. */
async function takeRefund(parts: PotParts, options: SettleOptions): Promise<void> {
  const { chain, ledger } = parts;
  const waits = { signal: options.signal };
  const { payer } = ledger.config;
  if ((await chain.credit(payer, waits)) === 0n) return;
  const sent = await send(parts, options, "refund", (wallet) =>
    chain.withdraw(wallet, payer, waits),
  );
  await ledger.keep((record) => ({ ...record, withdrawn: sent.hash }));
}

/** The session key's last coins go home, then the key itself goes. If that fails, it stays for another time: the pot is settled. */
async function emptyKey(parts: PotParts, options: SettleOptions): Promise<void> {
  const { chain, ledger, tell } = parts;
  const { key, config } = ledger;
  const { signal } = options;
  if (!key) return;
  try {
    const toCome = await steadily(parts, options, async () => {
      await takeCredit(parts, { signal });
      const toCome = await gasToCome(parts, { signal });
      await chain.sweep(key, ledger.record.gasFrom ?? config.payer, { signal });
      return toCome;
    });
    // Another time: the pot has ended, and its owner need not wait for what may never come.
    if (toCome) throw toCome;
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof ChainError || error instanceof PotError)) throw error;
    tell({ type: "keyKept", why: error.message });
    return;
  }
  await ledger.dropKey();
}

/** By the session key; by the payer's own wallet if that has run dry. */
async function send(
  { ledger, tell }: PotParts,
  { payer }: SettleOptions,
  step: "close" | "refund",
  work: (wallet: Wallet) => Promise<Sent>,
): Promise<Sent> {
  const { key, record } = ledger;
  if (!key) {
    if (!payer) throw refusal({ code: "POT_CLOSED", state: record.state });
    return work(payer);
  }
  try {
    return await work(key);
  } catch (error) {
    const dry = error instanceof ChainError && error.code === "CHAIN_INSUFFICIENT";
    if (!dry || !payer) throw error;
    tell({ type: "walletAsked", step });
    return work(payer);
  }
}
