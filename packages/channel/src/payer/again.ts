/** What paid into a pot is sent again after the chain has undone it: the same bytes, or the same authorization. */
import { keccak256 } from "viem";
import { ChainError, type Waits } from "../chain/chain.ts";
import { DAY_S, fateOf } from "./asked.ts";
import { bring, finishGas, type Way } from "./fund.ts";
import type { PotParts } from "./parts.ts";

/** Looks that must agree before money is taken to be undone, and not the server to lag. */
export const SURE = 3;
/** Milliseconds between two of them: about a block's. */
export const LOOK_MS = 2_000;

/** What a transaction meets that can never be carried out any more: its nonce is another's in a block, or a block has it, reverted. */
export const isDead = (error: unknown): boolean =>
  error instanceof ChainError &&
  (error.code === "CHAIN_REPLACED" ||
    (error.reason.code === "CHAIN_REVERTED" && error.reason.hash !== undefined));

/**
 * Sends it again. "sent": it was gone and is on the chain; "there": it had not gone; "void": it can never be carried out any more;
 * "unknown": it is not for us to send. Throws ChainError.
 */
export async function sendAgain(
  parts: PotParts,
  { raw, asked, authorization }: Way,
  waits: Waits,
): Promise<"sent" | "there" | "void" | "unknown"> {
  const { chain, ledger } = parts;
  const { config, key } = ledger;
  if (raw !== undefined) {
    try {
      if ((await chain.sent(keccak256(raw), waits)) !== undefined) return "there";
      await chain.resend(raw, waits);
      return "sent";
    } catch (error) {
      if (isDead(error)) return "void";
      throw error;
    }
  }
  // What a wallet sends only the wallet can send again.
  if (asked?.hash !== undefined)
    return (await fateOf(chain, asked, DAY_S, waits)) === "void" ? "void" : "unknown";
  if (authorization === undefined) return "unknown";
  if (authorization.signature === undefined) return "void";
  if (!key) return "unknown";
  // Nothing is on its way that was not counted before: there is nothing to remember.
  const keep = async () => {};
  try {
    const options = { chain, config, key, gasFrom: undefined, keep, ...waits };
    return (await bring(authorization, options)) === undefined ? "there" : "sent";
  } catch (error) {
    if (!(error instanceof ChainError && error.code === "CHAIN_TOKEN_LATE")) throw error;
    // Its gas is undone as well, and others may have kept the bytes: a later top-up is brought with it, and the rest goes home.
    await finishGas(authorization, chain, waits);
    return "void";
  }
}
