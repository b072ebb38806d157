import { ChainError } from "../chain/chain.ts";
import { isPassing } from "../chain/chain-error.ts";
import { PotError } from "../config.ts";
import type { PotParts } from "./parts.ts";
import type { SettleOptions } from "./settle.ts";

/** What the contract answers when somebody else was first, or the chain's clock is a block behind. */
const RACED: ReadonlySet<string> = new Set([
  "PotClosing",
  "PotNotClosing",
  "PotIsFinal",
  "ChallengeRunning",
]);

/** What became of a transaction, or of its price, that passes by itself: nothing is wrong with what was asked. */
const DELAYED: ReadonlySet<string> = new Set([
  "CHAIN_UNCONFIRMED",
  "CHAIN_REPLACED",
  "CHAIN_NONCE",
  "CHAIN_UNDERPRICED",
  "CHAIN_GAS_HIGH",
]);

/** Times in a row that a failure without a code of its own is believed to pass. */
const UNCLEAR_TRIES = 20;
/** Milliseconds of the longest pause between two tries. */
const PAUSE_MS = 30_000;

/**
 * Does a step of settling until the chain lets it: an outage, a busy server, a lost race and events that are not there yet only
 * delay it. Throws what no waiting cures, and the signal's reason.
 */
export async function steadily<T>(
  { clock }: Pick<PotParts, "clock">,
  { signal, progress }: Pick<SettleOptions, "signal" | "progress">,
  step: () => Promise<T>,
): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await step();
    } catch (error) {
      signal.throwIfAborted();
      if (!passes(error, failures)) throw error;
      progress({ step: "delayed", why: (error as Error).message });
      await clock.sleep(Math.min(PAUSE_MS, 500 * 2 ** failures), { signal });
    }
  }
}

function passes(error: unknown, failures: number): boolean {
  if (error instanceof PotError) return error.code === "POT_UNBALANCED" && failures < UNCLEAR_TRIES; // a server whose events lag
  if (!(error instanceof ChainError)) return false;
  const { reason } = error;
  if (reason.code === "CHAIN_REVERTED") return RACED.has(reason.error);
  return (
    isPassing(error) ||
    DELAYED.has(reason.code) ||
    (reason.code === "CHAIN_FAILED" && failures < UNCLEAR_TRIES)
  );
}
