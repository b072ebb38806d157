import type { Amount } from "@tabcast/runtime";
import type { Chain, Waits } from "../chain/chain.ts";
import { check, PotError, potId as potIdOf, requireDomain } from "../config.ts";
import { FINALIZED } from "../final.ts";
import type { Domain, Hex, PotConfig } from "../types.ts";
import { LaneLedger, readChain } from "./lane-ledger.ts";
import type { Lanes } from "./lanes.ts";
import type { PurseParts } from "./parts.ts";
import * as Payee from "./payee.ts";
import { askClaimCost } from "./watch.ts";

/** What a pot must be before work for it starts. */
export interface TrustRules {
  /** The one contract and chain whose pots are believed. */
  readonly domain: Domain;
  /** Shortest challenge accepted, in seconds. */
  readonly minChallenge: number;
  /** Least a pot must hold. */
  readonly minBalance: Amount;
  /** Highest fee accepted, in hundredths of a percent. */
  readonly maxFeeBps: number;
}

export interface TrustOptions extends Waits {
  /** Where the pot is said to be. */
  readonly offered: Domain;
  readonly config: PotConfig;
}

/** Checks a pot, and opens our lane's book in it or refreshes the one that is open. Its id. Throws PotError, ChainError, StoreError. */
export async function trust(
  parts: PurseParts,
  rules: TrustRules,
  lanes: Lanes,
  { offered, config, signal }: TrustOptions,
): Promise<Hex> {
  requireAcceptable(rules, offered, config, parts.chain);
  const potId = potIdOf(parts.domainSeparator, config);
  const { lane } = parts;
  // What the default of the soft cap follows; the next look asks again if nobody answers.
  if (parts.rules().claimCost === undefined) await askClaimCost(parts).catch(parts.trouble);
  const known = lanes.get(potId);
  const turn = known?.beginLook() ?? 0;
  const pot = await readChain(parts, { potId, lane }, { signal });
  requireFunded(rules, pot);
  const { exists: _, ...view } = pot;
  // Many awards of one pot may come at once: the first opens its book, which a second would begin anew.
  const ledger = await lanes.opening.run(async () => {
    const open = lanes.get(potId);
    if (open !== undefined) return open;
    const book = Payee.fresh(view, await lanes.leftIn(potId));
    const begun = new LaneLedger(parts, { lane, potId, config, book });
    begun.setChainTime(view.now);
    await begun.store();
    await lanes.add(begun);
    return begun;
  });
  ledger.usedAt = parts.clock.now();
  if (ledger === known) await ledger.queue.run(() => ledger.see(view, turn));
  return potId;
}

/** Checks all that can be known without asking the chain. Throws PotError. */
function requireAcceptable(
  rules: TrustRules,
  offered: Domain,
  config: PotConfig,
  { feeBps, currency }: Pick<Chain, "feeBps" | "currency">,
): void {
  const { domain, minChallenge, maxFeeBps } = rules;
  requireDomain(domain, offered);
  check(config, currency);
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
function requireFunded(
  { minBalance }: TrustRules,
  pot: Payee.ChainView & { readonly exists: boolean },
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
      `the pot holds ${pot.balance} parts; we want ${minBalance}`,
    );
}
