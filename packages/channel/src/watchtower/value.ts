import type { Amount } from "@tabcast/runtime";
import type { LaneState, PotState } from "../chain/chain.ts";
import { least } from "../least.ts";

/** A lane's total that its signer signed, and the lane as the chain has it. */
export interface Row {
  readonly cumulative: Amount;
  readonly lane: Pick<LaneState, "claimed" | "ceiling" | "until">;
}

/** What the chain would pay a voucher. */
export interface Value {
  /** Whatever others are paid first. */
  readonly sure: Amount;
  /** With its share of what is promised to nobody. */
  readonly all: Amount;
}

/** A row and what it is worth. */
export interface Valued<R> {
  readonly row: R;
  readonly value: Value;
}

/**
 * What each voucher of a pot is worth at the chain's unix second `now`: its own guarantee, and an equal share of what is promised
 * to nobody, as much as it is owed. However many lanes a payer makes up, together they are worth no more than the pot has.
 */
export function valued<const Rows extends readonly Row[]>(
  pot: Pick<PotState, "balance" | "reserved">,
  rows: Rows,
  now: number,
): { readonly [I in keyof Rows]: Valued<Rows[I]> } {
  const worth = rows.map((row) => {
    const parts = partsOf(row, now);
    return { row, ...parts, all: parts.sure };
  });
  let left: bigint = freeOf(pot, worth);
  for (const [taken, one] of worth.toSorted(byRest).entries()) {
    const share = least(one.rest, left / BigInt(rows.length - taken));
    one.all += share;
    left -= share;
  }
  return worth.map(({ row, sure, all }) => ({ row, value: { sure, all } })) as never;
}

/** A row of a claim, and what it brings if those before it in the list are brought first. */
export interface Brought<R> {
  readonly row: R;
  readonly pays: Amount;
}

/**
 * The rows of one claim and what each brings, in the order in which they should be brought: the contract pays them one by one.
 * First those that free a lapsed guarantee of their own, then small ones, so that a large one cannot starve them.
 */
export function brought<R extends Row>(
  pot: Pick<PotState, "balance" | "reserved">,
  rows: readonly R[],
  now: number,
  worth: (row: R, pays: Amount) => boolean,
): readonly Brought<R>[] {
  let free: bigint = freeOf(pot, []);
  const taken: Brought<R>[] = [];
  const inOrder = rows
    .map((row) => ({ row, ...partsOf(row, now) }))
    .sort((a, b) => Number(b.lapsed > 0n) - Number(a.lapsed > 0n) || byRest(a, b));
  for (const { row, sure, rest, lapsed } of inOrder) {
    const soft = least(rest, free + lapsed);
    const pays = (sure + soft) as Amount;
    if (pays === 0n || !worth(row, pays)) continue;
    taken.push({ row, pays });
    free += lapsed - soft;
  }
  return taken;
}

/** Those of which less is due and not guaranteed first. */
const byRest = (a: Pick<Parts, "rest">, b: Pick<Parts, "rest">) => Number(a.rest - b.rest);

interface Parts {
  /** Due and guaranteed. */
  readonly sure: bigint;
  /** Due and not guaranteed. */
  readonly rest: bigint;
  /** Bound for this lane by a guarantee that has lapsed: its claim frees it. */
  readonly lapsed: bigint;
}

function partsOf({ cumulative, lane: { claimed, ceiling, until } }: Row, now: number): Parts {
  const due = cumulative > claimed ? cumulative - claimed : 0n;
  const own = ceiling > claimed ? ceiling - claimed : 0n;
  const live = now <= until;
  const sure = live ? least(due, own) : 0n;
  return { sure, rest: due - sure, lapsed: live || due === 0n ? 0n : own };
}

/** What is promised to nobody, and what is once these rows' lapsed guarantees are freed. */
function freeOf(
  { balance, reserved }: Pick<PotState, "balance" | "reserved">,
  parts: readonly Parts[],
): bigint {
  const free = parts.reduce((sum, { lapsed }) => sum + lapsed, balance - reserved);
  return free > 0n ? free : 0n;
}
