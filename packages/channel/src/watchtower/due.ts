import type { Wei } from "@tabcast/runtime";
import type { PotState } from "../chain/chain.ts";
import { FINALIZED } from "../final.ts";
import type { SignedVoucher } from "../types.ts";

/** Gas of one more row of a claim, into a fresh lane and credit. Source: the contract's gas snapshot, 54,763 a lane of 50. */
export const ROW_GAS = 60_000n;

/** What to bring now, of a closing pot whose lanes the chain has paid `claimed`; wei. Nothing in the first half of the challenge. */
export function due(
  { closeAt, balance }: Pick<PotState, "closeAt" | "balance">,
  challengePeriod: number,
  vouchers: readonly SignedVoucher[],
  claimed: readonly Wei[],
  { now, rowCost }: { readonly now: number; readonly rowCost: Wei },
): readonly SignedVoucher[] {
  if (closeAt === 0 || closeAt === FINALIZED || now < closeAt - challengePeriod / 2) return [];
  let left: bigint = balance;
  return vouchers.filter(({ cumulative }, i) => {
    const owed = cumulative - (claimed[i] ?? 0n);
    const pays = owed < left ? owed : left;
    if (pays <= rowCost) return false;
    left -= pays;
    return true;
  });
}
