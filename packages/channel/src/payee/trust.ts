import type { Wei } from "@tabcast/runtime";
import { check, PotError, requireDomain } from "../config.ts";
import { FINALIZED } from "../final.ts";
import type { Domain, PotConfig } from "../types.ts";
import type * as Payee from "./payee.ts";

/** What a pot must be before work for it starts. */
export interface TrustRules {
  /** The one contract and chain whose pots are believed. */
  readonly domain: Domain;
  /** Shortest challenge accepted, in seconds. */
  readonly minChallenge: number;
  /** Least a pot must hold, in wei. */
  readonly minBalance: Wei;
  /** Highest fee accepted, in hundredths of a percent. */
  readonly maxFeeBps: number;
}

/** Checks all that can be known without asking the chain. Throws PotError. */
export function requireAcceptable(
  rules: TrustRules,
  offered: Domain,
  config: PotConfig,
  feeBps: number,
): void {
  const { domain, minChallenge, maxFeeBps } = rules;
  requireDomain(domain, offered);
  check(config);
  const { challengePeriod } = config;
  if (challengePeriod < minChallenge)
    throw new PotError(
      { code: "POT_CHALLENGE_SHORT", challengePeriod, min: minChallenge },
      `the pot leaves ${challengePeriod} s to claim; we want ${minChallenge} s`,
    );
  if (feeBps > maxFeeBps)
    throw new PotError(
      { code: "POT_FEE", feeBps, max: maxFeeBps },
      `the contract keeps ${feeBps / 100} % of each payment; we accept ${maxFeeBps / 100} %`,
    );
}

/** Checks that the chain shows an open pot with money in it. Throws POT_FINAL, POT_CLOSING, POT_UNFUNDED. */
export function requireFunded(
  { minBalance }: TrustRules,
  pot: Payee.Seen & { readonly exists: boolean },
): void {
  if (pot.closeAt === FINALIZED) throw new PotError({ code: "POT_FINAL" }, "the pot is final");
  if (pot.closeAt !== 0)
    throw new PotError(
      { code: "POT_CLOSING", closeAt: pot.closeAt },
      `the pot closes at ${new Date(pot.closeAt * 1000).toISOString()}`,
    );
  if (!pot.exists || pot.balance < minBalance)
    throw new PotError(
      { code: "POT_UNFUNDED", balance: pot.balance, min: minBalance },
      `the pot holds ${pot.balance} wei; we want ${minBalance}`,
    );
}
