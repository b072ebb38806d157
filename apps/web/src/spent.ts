/** Where a broadcaster's deposit is, in four figures with a sentence each. */
import type { Figure } from "./owed.ts";

/** What a pot's books say, all in one unit. */
export interface Balances {
  readonly deposited: bigint;
  /** Signed to workers so far. */
  readonly signed: bigint;
  /** Neither signed nor guaranteed. */
  readonly free: bigint;
  /** Earned by workers and not covered by the deposit. */
  readonly debt?: bigint;
}

/** The four figures; deposited is the sum of the others. */
export function figures({
  deposited,
  signed,
  free,
}: Balances): readonly [deposited: Figure, signed: Figure, guaranteed: Figure, left: Figure] {
  const guaranteed = deposited - signed - free;
  return [
    {
      label: "Deposited",
      value: deposited,
      says: "What you put in, on the chain. Nobody but workers and you can get it.",
    },
    {
      label: "Signed to workers",
      value: signed,
      says: "Paid by your signature, segment by segment. Workers fetch it from the chain.",
    },
    {
      label: "Guaranteed to workers",
      value: guaranteed > 0n ? guaranteed : 0n,
      says: "Held for workers at hand beyond what is signed. What they do not earn is free again.",
    },
    {
      label: "Left",
      value: free,
      says: "Free for more work. It comes back to you at the end.",
    },
  ];
}
