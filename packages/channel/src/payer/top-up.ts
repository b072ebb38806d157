import { type Amount, Wei } from "@tabcast/runtime";
import { ChainError, type Sent, type Waits, type Wallet } from "../chain/chain.ts";
import { LOOK_MS, SURE, sendAgain } from "./again.ts";
import { DIALOG_S, fateOf } from "./asked.ts";
import { endCost } from "./fuel.ts";
import { bring, fund, type Way } from "./fund.ts";
import { askedBefore } from "./gas-top-up.ts";
import type { PotParts } from "./parts.ts";
import { type look, lookAtAll } from "./reservations.ts";

/** What says for certain that a deposit was not made, and will not be. */
const NOT_MADE: ReadonlySet<string> = new Set([
  "CHAIN_INSUFFICIENT",
  "CHAIN_REJECTED",
  "CHAIN_WRONG_ID",
  "CHAIN_REVERTED",
  "CHAIN_REPLACED",
  "CHAIN_TOKEN_SHORT",
  "CHAIN_TOKEN_INEXACT",
  "CHAIN_TOKEN_FROZEN",
  "CHAIN_TOKEN_SIGNATURE",
  "CHAIN_TOKEN_LATE",
]);

const isNotMade = (error: unknown): error is ChainError =>
  error instanceof ChainError && NOT_MADE.has(error.code);

const isSigned = (way: Way | undefined): boolean => way?.authorization?.signature !== undefined;

const isUnseen = (way: Way | undefined): boolean =>
  isSigned(way) && way?.authorization?.shown === false;

/** True of the failure of a transaction that others have seen, in a block or waiting for one. */
const isShown = ({ code, reason }: ChainError): boolean =>
  code === "CHAIN_REPLACED" || (reason.code === "CHAIN_REVERTED" && reason.hash !== undefined);

/**
 * Deposits more, once: where an earlier top-up's fate is not known, that is found out first, and if it was of the same amount this
 * call was its repetition. Throws ChainError, CHAIN_TOKEN_CANCELLED where the payer has cancelled it in the token among them, and
 * POT_ASKED_BEFORE; what may still arrive is remembered.
 */
export async function topUp(
  parts: PotParts,
  { payer, gasFrom }: { readonly payer: Wallet; readonly gasFrom: Wallet },
  amount: Amount,
  waits: Waits,
): Promise<void> {
  const { chain, ledger, random } = parts;
  const before = ledger.record.topUp;
  if (before !== undefined) {
    const same = BigInt(before.amount) === amount;
    const arrived = await finishTopUp(parts, gasFrom, waits).catch(async (error: unknown) => {
      // Nobody else has what was signed: what cannot be brought makes room for another sum.
      if (same || !isNotMade(error) || !isUnseen(ledger.record.topUp)) throw error;
      await forget(parts);
      return false;
    });
    if (arrived && same) return;
  }
  const keep = (way: Way) =>
    ledger.keep((record) => ({ ...record, topUp: { amount: amount.toString(), ...way } }));
  await keep({});
  let sent: Sent | undefined;
  try {
    const { config, key } = ledger;
    const signerGas = Wei.zero;
    const keepsBack = await endCost(parts, waits);
    sent = await fund({
      ...{ chain, config, payer, key, gasFrom, keepsBack, amount, signerGas, random, keep },
      ...waits,
    });
  } catch (error) {
    const { topUp: pending } = ledger.record;
    // A wallet that speeds its transaction up sends the same top-up by another.
    const spedUp = pending?.asked && error instanceof ChainError && error.code === "CHAIN_REPLACED";
    if (spedUp && (await finishTopUp(parts, gasFrom, waits))) return;
    if (isNotMade(error) && !(isSigned(pending) && isShown(error))) await forget(parts);
    throw error;
  }
  if (sent !== undefined) await ledger.post({ type: "toppedUp", amount });
  // The token has noted it: somebody else brought it, or the payer cancelled it, which only the pot itself can tell.
  else if (!(await finishTopUp(parts, gasFrom, waits)))
    throw new ChainError(
      { code: "CHAIN_TOKEN_CANCELLED", amount },
      "the signed deposit was cancelled in the token; nothing was paid",
    );
}

/**
 * Finds out what became of a top-up that was interrupted: the same bytes are sent again, and a wallet's is looked for in the pot.
 * True if the pot has it. Throws ChainError, and POT_ASKED_BEFORE of a wallet's that may still arrive, with the top-up remembered, if
 * that cannot be known yet.
 */
export async function finishTopUp(
  parts: PotParts,
  gasFrom: Wallet | undefined,
  waits: Waits,
): Promise<boolean> {
  const { ledger } = parts;
  const { topUp: pending } = ledger.record;
  if (pending === undefined) return false;
  try {
    if (!(await finish(parts, pending, gasFrom, waits)))
      return await findTopUp(parts, pending, waits);
  } catch (error) {
    // An earlier life may have shown a signed deposit to everybody: until it is void, anyone may bring it.
    const off = isNotMade(error) && (!isSigned(pending) || error.code === "CHAIN_TOKEN_LATE");
    if (!off) throw error;
    await forget(parts);
    return false;
  }
  await ledger.post({ type: "toppedUp", amount: BigInt(pending.amount) as Amount });
  return true;
}

/** Looks for a top-up in the pot that only a wallet could send, or that the token has noted. True if it is there. Throws as `finishTopUp`. */
async function findTopUp(
  parts: PotParts,
  pending: Way & { readonly amount: string },
  waits: Waits,
): Promise<boolean> {
  const { chain, clock, ledger } = parts;
  const { asked, raw, amount } = pending;
  // Before the look: a block that it came into in between is seen.
  const fate = asked && (await fateOf(chain, asked, DIALOG_S, waits));
  const { deposited } = ledger.book;
  const arrived = () => ledger.book.deposited - deposited >= BigInt(amount);
  // Where the token has noted it, or its nonce was used, a pot that has not got it may be a server's older block.
  const looks = fate === "open" || !(asked || raw || (isSigned(pending) && ledger.key)) ? 1 : SURE;
  for (let look = 1; look <= looks && !arrived(); look++) {
    if (look > 1) await clock.sleep(LOOK_MS, waits);
    await lookAtAll(parts, waits);
  }
  if (asked && fate === "open" && !arrived()) throw askedBefore(asked);
  await forget(parts);
  return arrived();
}

/** Sends a top-up again as it was signed; undefined if it cannot be sent by us, or its nonce was used: then only the pot tells. */
async function finish(
  parts: PotParts,
  { raw, authorization, amount }: Way & { readonly amount: string },
  gasFrom: Wallet | undefined,
  waits: Waits,
): Promise<Sent | undefined> {
  const { chain, ledger } = parts;
  const { key, config } = ledger;
  if (raw !== undefined)
    return chain.resend(raw, waits).catch((error: unknown) => {
      if (error instanceof ChainError && error.code === "CHAIN_REPLACED") return undefined;
      throw error;
    });
  if (authorization === undefined || !key) return undefined;
  const keep = (way: Way) => ledger.keep((record) => ({ ...record, topUp: { amount, ...way } }));
  const keepsBack = await endCost(parts, waits);
  return bring(authorization, { chain, config, key, gasFrom, keepsBack, keep, ...waits });
}

/**
 * Notices deposits that a reorganisation has undone, look by look: what was signed in this tab is sent again. What is missing then is
 * told, and no longer promised to anybody. What comes beside that, as when it comes back or was given up too early, counts.
 */
export function watchTopUps(parts: PotParts) {
  const { ledger, tell } = parts;
  let short = 0;

  /** What the chain has less than was paid in. */
  function missingIn({ pot, states }: Awaited<ReturnType<typeof look>>): bigint {
    let seen: bigint = pot.balance;
    for (const { claimed } of states.values()) seen += claimed;
    return ledger.book.deposited - seen;
  }

  /** True if it was gone and is on the chain again; false where it is not now, or can never be. */
  const resent = (one: Way, waits: Waits) =>
    sendAgain(parts, one, waits).then(
      (fate) => fate === "sent",
      (error: unknown) => {
        if (isNotMade(error)) return false;
        throw error;
      },
    );

  /** Sends again what was undone; true if anything was. */
  async function anyAgain(waits: Waits): Promise<boolean> {
    const { record } = ledger;
    const first = await resent(record, waits);
    if (first) tell({ type: "depositResent" });
    let count = 0;
    for (const one of record.toppedUp ?? []) if (await resent(one, waits)) count++;
    if (count > 0) tell({ type: "topUpsResent", count });
    return first || count > 0;
  }

  /** Counts what came; not beside a top-up on its way, which counts itself. */
  async function gain(amount: bigint): Promise<void> {
    if (ledger.record.topUp !== undefined) return;
    await ledger.post({ type: "toppedUp", amount: amount as Amount });
  }

  return async (seen: Awaited<ReturnType<typeof look>>, waits: Waits): Promise<void> => {
    const missing = missingIn(seen);
    short = missing > 0n ? short + 1 : 0;
    if (missing < 0n) await gain(-missing);
    if (short < SURE) return;
    short = 0;
    if (await anyAgain(waits)) return;
    await ledger.post({ type: "depositLost", amount: missing as Amount });
    tell({ type: "depositLost", missing: missing as Amount });
  };
}

/** Top-ups whose gas is remembered when they are let go of. */
const MOST_GAS = 16;

/** Lets go of the top-up that was on its way; its gas may still reach the session key, which waits for it. */
function forget({ ledger }: PotParts): Promise<void> {
  return ledger.keep(({ topUp, ...rest }) => {
    const { gasRaw: raw, gasAsked: asked } = topUp?.authorization ?? {};
    if (raw === undefined && asked === undefined) return rest;
    const gas = { ...(raw && { raw }), ...(asked && { asked }) };
    return { ...rest, gasSent: [...(rest.gasSent ?? []), gas].slice(-MOST_GAS) };
  });
}
