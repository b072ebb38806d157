/** Gas that is sent to the session key of an open pot, with what was sent on disk before it is. */
import type { Wei } from "@tabcast/runtime";
import { ChainError, type Waits, type Wallet } from "../chain/chain.ts";
import { PotError } from "../config.ts";
import { type Asked, answered, askOf, DAY_S, DIALOG_S, fateOf } from "./asked.ts";
import { finishGas, isUnsent, isVoid, type Way } from "./fund.ts";
import type { PotParts } from "./parts.ts";

/**
 * Sends the session key so much, once: where an earlier transfer's fate is not known that is found out first, and if it was of the same
 * amount this call was its repetition. Throws ChainError, POT_ASKED_BEFORE.
 */
export async function topUpGas(
  parts: PotParts,
  gasFrom: Wallet,
  amount: Wei,
  waits: Waits,
): Promise<void> {
  const { chain, ledger } = parts;
  const before = ledger.record.gasTopUp;
  if (before !== undefined) {
    const arrived = await finishGasTopUp(parts, waits);
    if (arrived && BigInt(before.amount) === amount) return;
  }
  const keep = (way: Pick<Way, "raw" | "asked">) =>
    ledger.keep((record) => ({ ...record, gasTopUp: { amount: amount.toString(), ...way } }));
  const asked = await askOf(chain, gasFrom, waits);
  if (asked) await keep({ asked });
  try {
    await chain.sendCoins(gasFrom, ledger.config.signer, {
      amount,
      before: (raw) => keep({ raw }),
      sentAs: async (sent) => {
        // Once nobody waits the books may be another tab's.
        if (asked && !waits.signal.aborted) await keep({ asked: answered(asked, sent) });
      },
      ...waits,
    });
  } catch (error) {
    if (isUnsent(error) || isVoid(error)) await forget(parts);
    throw error;
  }
  await forget(parts);
}

/**
 * Finds out what became of a transfer that was interrupted: the same bytes are sent again, and a wallet's is asked of the chain. True
 * if it has arrived. Throws ChainError, and POT_ASKED_BEFORE while a wallet's may still arrive, with the transfer remembered.
 */
export async function finishGasTopUp(parts: PotParts, waits: Waits): Promise<boolean> {
  const { chain, ledger } = parts;
  const { gasTopUp: pending } = ledger.record;
  if (pending === undefined) return false;
  const { raw, asked } = pending;
  let arrived = false;
  if (raw !== undefined) {
    try {
      await chain.resend(raw, waits);
      arrived = true;
    } catch (error) {
      if (!isVoid(error)) throw error;
    }
  } else if (asked !== undefined) {
    const fate = await fateOf(chain, asked, DIALOG_S, waits);
    if (fate === "open") throw askedBefore(asked);
    arrived = fate === "done";
    // Nothing waits for that dialog any more, but what it may bring must find its key.
    if (!arrived && (await fateOf(chain, asked, DAY_S, waits)) === "open") return false;
  }
  await forget(parts);
  return arrived;
}

/** POT_ASKED_BEFORE in words. */
export function askedBefore({ hash }: Asked): PotError {
  return new PotError(
    { code: "POT_ASKED_BEFORE", ...(hash && { hash }) },
    hash
      ? `what the wallet has sent as ${hash} is in no block yet, and may still arrive`
      : "the wallet was asked for this before and has not answered: it may still be confirmed there",
  );
}

/**
 * Why gas may still reach the session key, which must not go before it; undefined where none is to come. What was signed in this tab
 * is sent again. Throws ChainError.
 */
export async function gasToCome(
  parts: PotParts,
  waits: Waits,
): Promise<ChainError | PotError | undefined> {
  const { chain, ledger } = parts;
  const { authorization, topUp, toppedUp = [], gasSent = [] } = ledger.record;
  const signed = [authorization, topUp?.authorization, ...toppedUp.map((one) => one.authorization)];
  try {
    if (ledger.record.gasTopUp?.raw !== undefined) await finishGasTopUp(parts, waits);
    for (const gasRaw of [...gasSent.map(({ raw }) => raw), ...signed.map((one) => one?.gasRaw)])
      if (gasRaw !== undefined) await finishGas({ gasRaw }, chain, waits);
  } catch (error) {
    if (error instanceof ChainError && error.code === "CHAIN_UNCONFIRMED") return error;
    throw error;
  }
  const sent = [ledger.record.gasTopUp, ...gasSent].map((one) => one?.asked);
  for (const asked of [...sent, ...signed.map((one) => one?.gasAsked)])
    if (asked && (await fateOf(chain, asked, DAY_S, waits)) === "open") return askedBefore(asked);
  return undefined;
}

function forget({ ledger }: PotParts): Promise<void> {
  return ledger.keep(({ gasTopUp: _, ...rest }) => rest);
}
