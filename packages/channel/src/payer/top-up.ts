import { type Amount, Wei } from "@tabcast/runtime";
import { ChainError, type Waits, type Wallet } from "../chain/chain.ts";
import type { PotParts } from "./parts.ts";
import { lookAtAll } from "./reservations.ts";

/** What says for certain that a deposit was not made, and will not be. */
const NOT_MADE: ReadonlySet<string> = new Set([
  "CHAIN_INSUFFICIENT",
  "CHAIN_REJECTED",
  "CHAIN_WRONG_ID",
  "CHAIN_REVERTED",
  "CHAIN_REPLACED",
]);

/**
 * Deposits more, once: where an earlier top-up's fate is not known, that is found out first, and if it was of the same amount this
 * call was its repetition. Throws ChainError; what may still arrive is remembered.
 */
export async function topUp(
  parts: PotParts,
  payer: Wallet,
  amount: Amount,
  waits: Waits,
): Promise<void> {
  const { chain, ledger } = parts;
  const before = ledger.record.topUp;
  if (before !== undefined) {
    const arrived = await finishTopUp(parts, waits);
    if (arrived && BigInt(before.amount) === amount) return;
  }
  await ledger.keep({ ...ledger.record, topUp: { amount: amount.toString() } });
  try {
    await chain.deposit(payer, ledger.config, {
      amount,
      signerGas: Wei.zero,
      before: (raw) => ledger.keep({ ...ledger.record, topUp: { amount: amount.toString(), raw } }),
      ...waits,
    });
  } catch (error) {
    if (error instanceof ChainError && NOT_MADE.has(error.code)) await forget(parts);
    throw error;
  }
  await ledger.post({ type: "toppedUp", amount });
}

/**
 * Finds out what became of a top-up that was interrupted: the same bytes are sent again, and a wallet's is looked for in the pot.
 * True if the pot has it. Throws ChainError, with the top-up remembered, if that cannot be known yet.
 */
export async function finishTopUp(parts: PotParts, waits: Waits): Promise<boolean> {
  const { chain, ledger } = parts;
  const { topUp: pending } = ledger.record;
  if (pending === undefined) return false;
  if (pending.raw === undefined) {
    const { deposited } = ledger.book;
    await lookAtAll(parts, waits);
    await forget(parts);
    return ledger.book.deposited - deposited >= BigInt(pending.amount);
  }
  try {
    await chain.resend(pending.raw, waits);
  } catch (error) {
    if (!(error instanceof ChainError && NOT_MADE.has(error.code))) throw error;
    await forget(parts);
    return false;
  }
  await ledger.post({ type: "toppedUp", amount: BigInt(pending.amount) as Amount });
  return true;
}

async function forget({ ledger }: PotParts): Promise<void> {
  const { topUp: _, ...rest } = ledger.record;
  await ledger.keep(rest);
}
