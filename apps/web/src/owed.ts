/** Where a worker's earnings are, in four figures with a sentence each. */
import { moment } from "./format.ts";

/** What a pot guarantees to this tab: up to `ceiling` until the unix second `until`. */
export interface Guarantee {
  readonly ceiling: bigint;
  readonly until: number;
}

/** What this tab has heard of its pots since it was opened: what they guarantee, and what they paid on chain. */
export interface Told {
  readonly guarantees: ReadonlyMap<string, Guarantee>;
  readonly claimed: ReadonlyMap<string, bigint>;
}

/** What a tab's books and the chain say of an address's money, all in one unit. */
export interface Books {
  /** Delivered so far. */
  readonly delivered: bigint;
  /** Signed by broadcasters so far. */
  readonly signed: bigint;
  /** Signed, not paid, and still in the pots. */
  readonly outstanding: bigint;
  /** What live guarantees cover of it. */
  readonly guaranteed: bigint;
  /** On chain, to be withdrawn. */
  readonly ready: bigint;
  /** Signed so far by pot, for the pots that guarantee something. */
  readonly pots: ReadonlyMap<string, bigint>;
}

/** One figure. */
export interface Figure {
  readonly label: string;
  readonly value: bigint;
  readonly says: string;
}

const least = (a: bigint, b: bigint) => (a < b ? a : b);
const atLeast0 = (a: bigint) => (a > 0n ? a : 0n);

/** Until when the first live guarantee of something unpaid is, as far as this page has heard; else Infinity. Unix seconds, as `now`. */
export function guaranteedUntil({ pots }: Pick<Books, "pots">, told: Told, now: number): number {
  let until = Number.POSITIVE_INFINITY;
  for (const [pot, one] of told.guarantees) {
    const paid = told.claimed.get(pot) ?? 0n;
    const here = atLeast0(least(pots.get(pot) ?? 0n, one.ceiling) - paid);
    if (one.until < now || here === 0n) continue;
    until = Math.min(until, one.until);
  }
  return until;
}

/** The four figures, from the least certain to what is in hand. */
export function figures(
  books: Books,
  told: Told,
  now: number,
): readonly [owed: Figure, open: Figure, sure: Figure, ready: Figure] {
  const { delivered, signed, outstanding, guaranteed, ready } = books;
  const sure = least(guaranteed, outstanding);
  const until = guaranteedUntil(books, told, now);
  return [
    {
      label: "Delivered, not signed for",
      value: atLeast0(delivered - signed),
      says: "Work that no broadcaster has signed for yet. What was found faulty stays unpaid.",
    },
    {
      label: "Signed, not guaranteed",
      value: outstanding - sure,
      says: "A broadcaster signed for it, and it is yours as long as the deposit is not paid to others first.",
    },
    {
      label: "Guaranteed",
      value: sure,
      says:
        sure === 0n
          ? "The chain holds nothing for you alone just now."
          : Number.isFinite(until)
            ? `The chain holds it for you alone until ${moment(until)}. Claim it before.`
            : "The chain holds it for you alone for some minutes. Claim it soon.",
    },
    {
      label: "Ready to withdraw",
      value: ready,
      says: "It is on the chain in your name, and nobody can take it back.",
    },
  ];
}
