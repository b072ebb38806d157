import type { Amount } from "@tabcast/runtime";
import type { PotState } from "../chain/chain.ts";
import { FINALIZED } from "../final.ts";
import type { Kept } from "./delegated.ts";
import { type Brought, brought } from "./value.ts";

/** Gas of one more row of a claim, into a fresh lane and credit. Source: the contract's gas snapshot, 54,763 a lane of 50. */
export const ROW_GAS = 60_000n;
/** Gas of a claim beside its rows. Source: the contract's gas snapshot, 21,000 of any transaction, and 25,000 of a share's fresh credit. */
export const CLAIM_GAS = 75_000n;

export interface DueOptions {
  /** The chain's unix second. */
  readonly now: number;
  /** What a claim's gas is worth, beside its rows'. */
  readonly claimCost: Amount;
  /** What one row's gas is worth. */
  readonly rowCost: Amount;
}

/**
 * What to bring now, of a closing pot: nothing in the first half of the challenge, which is the owners'; no row, and no claim, for
 * less than its gas; no row again that brought less than that before, unless the chain would pay it more now.
 */
export function due(
  pot: Pick<PotState, "closeAt" | "balance" | "reserved">,
  challengePeriod: number,
  kept: readonly Kept[],
  { now, claimCost, rowCost }: DueOptions,
): readonly Brought<Kept>[] {
  const { closeAt } = pot;
  if (closeAt === 0 || closeAt === FINALIZED || now < closeAt - challengePeriod / 2) return [];
  const worth = ({ bounced }: Kept, pays: Amount) =>
    pays > rowCost && (bounced === undefined || pays > bounced);
  const rows = brought(pot, kept, now, worth);
  const pays = rows.reduce((sum, row) => sum + row.pays, 0n);
  return pays > claimCost + rowCost * BigInt(rows.length) ? rows : [];
}
