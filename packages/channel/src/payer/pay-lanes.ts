/** Pays on chain what was signed: lapsed guarantees are freed first, and what bounces is tried again. */
import type { Amount, Wei } from "@tabcast/runtime";
import { ChainError, type LaneState, type Look, type Waits, type Wallet } from "../chain/chain.ts";
import { worth } from "../currency.ts";
import { most } from "../least.ts";
import type { Lane } from "../types.ts";
import { laneKey } from "../voucher.ts";
import { budget, costOf, ROWS, refuel } from "./fuel.ts";
import type { PotParts } from "./parts.ts";
import * as Payer from "./payer.ts";
import { look } from "./reservations.ts";

/** What is still to be paid after all that could be paid now. */
export interface Owing {
  /** Lanes that the chain owes less than was signed or earned. */
  readonly lanes: number;
  /** Amount. */
  readonly owed: Amount;
  /** The chain's second after which no guarantee stands in the way of what is owed any more; 0: none does. */
  readonly blockedUntil: number;
}

interface Row extends Lane {
  readonly cumulative: Amount;
  /** What the chain has not paid of it. */
  readonly due: bigint;
}

export interface PayLanesOptions extends Waits {
  /** Steps in when the session key has too few coins. */
  readonly payer: Wallet | undefined;
  /** Told before each payment. */
  readonly paying: (lanes: number) => void;
}

/** Pays every lane what was signed for it, again until nothing more gets through. Throws ChainError, StoreError. */
export async function payLanes(parts: PotParts, options: PayLanesOptions): Promise<Owing> {
  for (let before = ""; ; ) {
    const seen = await lookAtEverything(parts, options);
    const { rows, owing } = due(parts, seen);
    const { balance, reserved } = seen.pot;
    const spare = balance - reserved;
    const state = `${owing.owed}/${reserved}`;
    if (owing.owed === 0n || state === before) return owing;
    before = state;
    const lapsed = owing.owed > spare ? lapsedOf(seen, rows) : [];
    // A pot that promises all that it has pays only where it promises: a transaction for the others would be in vain.
    const some = spare > 0n || lapsed.length > 0 ? rows : rows.filter((row) => isSure(row, seen));
    if (some.length + lapsed.length === 0) return owing;
    if (some.length > 0) options.paying(some.length);
    await payRows(parts, options, seen, some, lapsed);
  }
}

/** True if the pot promises a row's lane something. */
function isSure(row: Row, { states }: Seen): boolean {
  const state = states.get(laneKey(row));
  return state !== undefined && guaranteed(state) > 0n;
}

/** What the pot promises a lane. */
function guaranteed({ ceiling, claimed }: LaneState): bigint {
  return most(ceiling - claimed, 0n);
}

/** What is owed still. Throws ChainError, StoreError. */
export async function stillOwed(parts: PotParts, waits: Waits): Promise<Owing> {
  return due(parts, await lookAtEverything(parts, waits)).owing;
}

/** The pot and every lane of the books, and where the books do not explain what is reserved, every lane that was ever guaranteed. */
async function lookAtEverything(parts: PotParts, waits: Waits): Promise<Seen> {
  const { chain, ledger } = parts;
  const known = [...ledger.book.lanes.values()];
  const seen = await look(parts, known, waits);
  let reserved = 0n;
  for (const state of seen.states.values()) reserved += guaranteed(state);
  if (seen.pot.reserved <= reserved) return seen;
  const from = BigInt(ledger.record.from);
  const events = await chain.events(ledger.potId, from, { ...waits, only: ["Reserved"] });
  const all = new Map(known.map((lane) => [laneKey(lane), lane as Lane]));
  for (const event of events)
    if (event.type === "reserved")
      all.set(laneKey(event), { payee: event.payee, lane: event.lane });
  return look(parts, [...all.values()], waits);
}

/** What is to be paid and what is owed, read off the books after a look: it may have let a debt be promised. */
function due({ ledger }: PotParts, seen: Seen): { readonly rows: Row[]; readonly owing: Owing } {
  const lanes = [...ledger.book.lanes.values()];
  const rows = dueRows(lanes, seen.states);
  return { rows, owing: owingOf(lanes, rows, seen) };
}

type Seen = Awaited<ReturnType<typeof look>>;

function dueRows(lanes: readonly Payer.LaneBook[], states: ReadonlyMap<string, LaneState>): Row[] {
  return lanes.flatMap(({ payee, lane, signed }): Row[] => {
    if (!signed) return [];
    const { cumulative } = signed;
    const due = cumulative - (states.get(laneKey({ payee, lane }))?.claimed ?? 0n);
    return due > 0n ? [{ payee, lane, cumulative, due }] : [];
  });
}

/** Lapsed guarantees of lanes that no row is about: a payment frees its own lane's. */
function lapsedOf({ states, lanes, now }: Seen, rows: readonly Row[]): Lane[] {
  const paid = new Set(rows.map(laneKey));
  return lanes.filter((lane) => {
    const chain = states.get(laneKey(lane));
    return chain && !paid.has(laneKey(lane)) && Payer.lapsed({ chain }, now);
  });
}

function owingOf(lanes: readonly Payer.LaneBook[], rows: readonly Row[], seen: Seen): Owing {
  const live = [...seen.states.values()].filter(
    ({ ceiling, claimed, until }) => ceiling > claimed && until >= seen.now,
  );
  const short = new Set(rows.map(laneKey));
  let owed = rows.reduce((sum, row) => sum + row.due, 0n);
  for (const lane of lanes) {
    if (lane.debt === undefined) continue;
    short.add(laneKey(lane));
    owed += lane.debt;
  }
  const last = live.reduce((last, { until }) => Math.max(last, until), 0);
  return { lanes: short.size, owed: owed as Amount, blockedUntil: owed > 0n ? last : 0 };
}

async function payRows(
  parts: PotParts,
  options: PayLanesOptions,
  seen: Pick<Look, "pot">,
  rows: readonly Row[],
  lapsed: readonly Lane[],
): Promise<void> {
  const free = [...lapsed];
  // The most valuable first: the session key may not have the coins for all.
  const left = rows.toSorted((a, b) => Number(b.due - a.due));
  while (free.length + left.length > 0) {
    const freed = free.splice(0, ROWS);
    const some = left.splice(0, ROWS - freed.length);
    await payChunk(parts, options, seen, some, freed);
  }
}

/** One transaction: by the session key, filled up out of the pot if it pays; by the payer's wallet; or as far as the coins go. */
async function payChunk(
  parts: PotParts,
  options: PayLanesOptions,
  seen: Pick<Look, "pot">,
  rows: readonly Row[],
  lapsed: readonly Lane[],
): Promise<void> {
  const { chain, ledger } = parts;
  const { payer, signal } = options;
  const { key, config } = ledger;
  const waits = { signal };
  const pay = (wallet: Wallet, some: readonly Row[]) =>
    chain.pay(wallet, config, some.map(plain), { signal, lapsed });
  if (!key) {
    if (payer) await pay(payer, rows);
    return;
  }
  const action = { do: "pay", config, lapsed } as const;
  const cost = await costOf(parts, key.address, { ...action, rows: rows.map(plain) }, waits);
  let purse = await budget(parts, waits);
  if (cost > purse) {
    const each = cost / BigInt(rows.length + lapsed.length);
    const least = worth(chain.currency, each as Wei);
    const dear = rows.filter(({ due }) => due > least);
    // Where it could not even end the pot, it takes that too: else what it took would not pay for these rows.
    const want = each * BigInt(dear.length + lapsed.length) - purse;
    if (dear.length > 0 && (await refuel(parts, seen, want, waits)) !== undefined)
      purse = await budget(parts, waits);
    else if (payer) {
      parts.tell({ type: "walletAsked", step: "pay" });
      if (await agreed(() => pay(payer, rows))) return;
    }
  }
  for (let some = fitting(rows, cost, purse); ; some = some.slice(0, -1)) {
    if (some.length + lapsed.length === 0) return;
    const now = await costOf(parts, key.address, { ...action, rows: some.map(plain) }, waits);
    if (now <= purse) return void (await pay(key, some));
    if (some.length === 0) return;
  }
}

/** As many rows, the most valuable first, as `purse` pays for. */
function fitting(rows: readonly Row[], cost: bigint, purse: bigint): readonly Row[] {
  if (cost <= purse) return rows;
  return rows.slice(0, Number((BigInt(rows.length) * most(purse, 0n)) / cost));
}

/** False if the wallet's owner said no, or it has not enough itself. */
async function agreed(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (error instanceof ChainError && ASKED_IN_VAIN.has(error.code)) return false;
    throw error;
  }
}

const ASKED_IN_VAIN: ReadonlySet<string> = new Set([
  "CHAIN_REJECTED",
  "CHAIN_INSUFFICIENT",
  "CHAIN_WRONG_ID",
]);

const plain = ({ payee, lane, cumulative }: Row) => ({ payee, lane, cumulative });
