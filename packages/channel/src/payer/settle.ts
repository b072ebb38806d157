/** The end of a pot: pay the lanes, start the close, wait out the challenge, take the refund, empty the session key. */
import { ChainError, type PotState, type Sent, type Waits, type Wallet } from "../chain/chain.ts";
import { PotError } from "../config.ts";
import { FINALIZED } from "../final.ts";
import type { Settlement, SettleProgress } from "../types.ts";
import { account } from "./account.ts";
import type { PotParts } from "./parts.ts";
import { readSettlement, settlementRecord } from "./pot-record.ts";
import { refusal } from "./refusal.ts";
import { refreshLanes } from "./reservations.ts";

/** Lanes paid in one transaction. */
const ROWS = 150;

/** What the contract answers when somebody else was first, or the chain's clock is a block behind. */
const RACED: ReadonlySet<string> = new Set([
  "PotClosing",
  "PotNotClosing",
  "PotIsFinal",
  "ChallengeRunning",
]);

export interface SettleOptions extends Waits {
  /** Steps in when the session key has no coins left. */
  readonly payer: Wallet | undefined;
  readonly progress: (step: SettleProgress) => void;
}

/** Ends a pot and accounts for it. After a failure it may be called again and goes on. Throws PotError, ChainError, StoreError. */
export async function settle(parts: PotParts, options: SettleOptions): Promise<Settlement> {
  const { chain, ledger } = parts;
  const waits = { signal: options.signal };
  await ledger.post({ type: "resumed" });
  await ledger.post({ type: "settle" });
  if (ledger.record.settlement === undefined) {
    const pot = await requireOnChain(parts, waits);
    if (pot.closeAt !== FINALIZED && pot.balance > 0n) await payLanes(parts, options);
    await closePot(parts, options);
    await takeRefund(parts, options);
    await refreshLanes(parts, "chain", [...ledger.book.lanes.values()], waits);
    const { domain, potId, record } = ledger;
    const { from, withdrawn } = record;
    const settlement = await account(chain, {
      domain,
      potId,
      from: BigInt(from),
      withdrawn,
      ...waits,
    });
    await ledger.post({ type: "finalized" });
    await ledger.keep({ ...ledger.record, settlement: settlementRecord(settlement) });
  }
  await emptyKey(parts, waits);
  return readSettlement(ledger.record.settlement);
}

/** The pot as it stands. Throws POT_NOT_OPENED if the chain has none, and forgot no deposit that could be sent again. */
async function requireOnChain({ chain, ledger, tell }: PotParts, waits: Waits): Promise<PotState> {
  const { potId, record } = ledger;
  let pot = await chain.pot(potId, waits);
  if (!pot.exists && record.raw) {
    await chain.resend(record.raw, waits);
    tell({ type: "depositResent" });
    pot = await chain.pot(potId, waits);
  }
  if (pot.exists) return pot;
  throw new PotError({ code: "POT_NOT_OPENED", potId }, "the chain knows no such pot");
}

/** Pays every lane what was signed for it and the chain has not paid. */
async function payLanes(parts: PotParts, options: SettleOptions): Promise<void> {
  const { chain, ledger } = parts;
  const { signal, progress } = options;
  const { potId, config } = ledger;
  const lanes = [...ledger.book.lanes.values()].filter((lane) => lane.signed);
  const claimed = await chain.claimed(potId, lanes, { signal });
  const due = lanes.flatMap(({ payee, lane, signed }, i) =>
    signed && signed.cumulative > (claimed[i] ?? 0n)
      ? [{ payee, lane, cumulative: signed.cumulative }]
      : [],
  );
  progress({ step: "paying", lanes: due.length });
  for (let at = 0; at < due.length; at += ROWS)
    await send(parts, options, (wallet) =>
      chain.pay(wallet, config, due.slice(at, at + ROWS), { signal }),
    );
}

/** Starts the close, waits out the challenge, finalizes. */
async function closePot(parts: PotParts, options: SettleOptions): Promise<void> {
  const { chain, clock, ledger } = parts;
  const { signal, progress } = options;
  const waits = { signal };
  for (;;) {
    const pot = await chain.pot(ledger.potId, waits);
    if (pot.closeAt === FINALIZED) return;
    try {
      if (pot.closeAt === 0) {
        await send(parts, options, (wallet) => chain.startClose(wallet, ledger.config, waits));
        continue;
      }
      const now = await chain.now(waits);
      if (now >= pot.closeAt) {
        progress({ step: "refunding" });
        await send(parts, options, (wallet) => chain.finalizeClose(wallet, ledger.config, waits));
        continue;
      }
      progress({ step: "waiting", until: pot.closeAt, now });
    } catch (error) {
      // The pot is read again.
      if (!(error instanceof ChainError && RACED.has(errorName(error)))) throw error;
    }
    await clock.sleep(1000, waits);
  }
}

/** Withdraws what the contract owes the payer, if anything. */
async function takeRefund(parts: PotParts, options: SettleOptions): Promise<void> {
  const { chain, ledger } = parts;
  const waits = { signal: options.signal };
  const { payer } = ledger.config;
  if ((await chain.credit(payer, waits)) === 0n) return;
  const sent = await send(parts, options, (wallet) => chain.withdraw(wallet, payer, waits));
  await ledger.keep({ ...ledger.record, withdrawn: sent.hash });
}

/** The session key's last coins go home, then the key itself goes. */
async function emptyKey({ chain, ledger }: PotParts, waits: Waits): Promise<void> {
  if (!ledger.key) return;
  await chain.sweep(ledger.key, ledger.config.payer, waits);
  await ledger.dropKey();
}

/** By the session key; by the payer's own wallet if that has run dry. */
async function send(
  { ledger }: PotParts,
  { payer }: SettleOptions,
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
    return work(payer);
  }
}

function errorName(error: ChainError): string {
  return error.reason.code === "CHAIN_REVERTED" ? error.reason.error : "";
}
