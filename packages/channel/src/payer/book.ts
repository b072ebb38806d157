import { Amount } from "@tabcast/runtime";
import type { LaneState } from "../chain/chain.ts";
import { most } from "../least.ts";
import type { Hex, Lane } from "../types.ts";
import { laneKey } from "../voucher.ts";

/** One lane of ours. */
export interface LaneBook extends Lane {
  /** The most that we have decided to owe. */
  readonly intent: Amount;
  /** The highest total that we signed, if any. */
  readonly signed?: Signed;
  /** Unix second in which the lane was first considered: its rate counts from here. */
  readonly since?: number;
  /** When the lane was last seen to have earned, unix second, and its intent then: a worker that is gone earns no more. */
  readonly earned?: { readonly at: number; readonly intent: Amount };
  /** What was earned and the deposit did not cover: decided to be owed as soon as it does. */
  readonly debt?: Amount;
  /** The lane as the chain last had it. A guarantee that lapsed binds its part of the deposit until somebody frees it. */
  readonly chain?: LaneState;
  /** What the chain says lately that is below `chain`, and how many refreshes in a row said it. */
  readonly doubt?: { readonly state: LaneState; readonly times: number };
  /** The ceiling of a `reserve` that is on its way; of a lane that is being released, the one it still has. */
  readonly reserving?: Amount;
  /** The worker wants a guarantee. */
  readonly asked?: boolean;
}

/** Where a lane is in its life. */
export type Life = "paying" | "reserving" | "reserved" | "closing" | "settled" | "abandoned";

/** A signed total. */
export interface Signed {
  readonly cumulative: Amount;
  readonly signature: Hex;
}

export interface Book {
  readonly state: "open" | "closing" | "final";
  /** Amount. */
  readonly deposited: Amount;
  /** By `Voucher.laneKey`. */
  readonly lanes: ReadonlyMap<string, LaneBook>;
}

/** A pot that has just been paid in. */
export function opened(deposited: Amount): Book {
  return { state: "open", deposited, lanes: new Map() };
}

/** What was decided to be owed over all lanes. */
export function intended(book: Book): Amount {
  let sum = 0n;
  for (const lane of book.lanes.values()) sum += lane.intent;
  return sum as Amount;
}

/** What was signed over all lanes. */
export function signed(book: Book): Amount {
  let sum = 0n;
  for (const lane of book.lanes.values()) sum += lane.signed?.cumulative ?? 0n;
  return sum as Amount;
}

/** Where a lane is in its life. */
export function life(book: Book, lane: LaneBook): Life {
  const claimed = lane.chain?.claimed ?? 0n;
  if (book.state === "closing") return "closing";
  if (book.state === "final")
    return claimed >= (lane.signed?.cumulative ?? 0n) ? "settled" : "abandoned";
  if (lane.reserving !== undefined) return "reserving";
  if ((lane.chain?.ceiling ?? 0n) > claimed) return "reserved";
  return "paying";
}

/** What a lane binds of the deposit: what we decided to owe, or guaranteed, live or lapsed, or are about to guarantee, or was paid. */
export function bound({ intent, chain, reserving = Amount.zero }: LaneBook): Amount {
  const { ceiling = Amount.zero, claimed = Amount.zero } = chain ?? {};
  return most(most(intent, reserving), most(ceiling, claimed));
}

/** What a lapsed guarantee binds beyond what is owed: nobody can use it until it is freed. */
export function stuck(lane: LaneBook, now: number): Amount {
  if (!lapsed(lane, now)) return Amount.zero;
  const { ceiling = Amount.zero, claimed = Amount.zero } = lane.chain ?? {};
  return Amount.sub(ceiling, most(lane.intent, claimed));
}

/** True if a guarantee has ended and nobody has freed what it binds; `now` is the chain's unix second. */
export function lapsed({ chain }: Pick<LaneBook, "chain">, now: number): boolean {
  return chain !== undefined && chain.ceiling > chain.claimed && chain.until < now;
}

/** What the deposit leaves for a lane beyond its intent: other lanes keep what they are guaranteed. */
export function leftFor(book: Book, key: string): Amount {
  let left: bigint = book.deposited;
  for (const [other, lane] of book.lanes) left -= other === key ? lane.intent : bound(lane);
  return (left > 0n ? left : 0n) as Amount;
}

/** What may be owed to a lane whoever it is: what is neither owed nor guaranteed yet; never below zero. */
export function free(book: Book): Amount {
  return leftFor(book, "");
}

/** What was earned and the deposit does not cover, over all lanes. */
export function debts(book: Book): Amount {
  let sum = 0n;
  for (const lane of book.lanes.values()) sum += lane.debt ?? 0n;
  return sum as Amount;
}

/** Seconds that the deposit lasts at the pot's rate so far; undefined while that is not known. */
export function lasts(book: Book, now: number): number | undefined {
  let perSecond = 0;
  for (const { since, intent } of book.lanes.values())
    if (since !== undefined && now - since > RATE_S) perSecond += Number(intent) / (now - since);
  return perSecond === 0 ? undefined : Math.round(Number(free(book)) / perSecond);
}

/** Seconds that a lane must have lived for its rate to mean something. */
const RATE_S = 60;

/** The book with this lane in it. */
export function withLane(book: Book, lane: LaneBook): Book {
  return { ...book, lanes: new Map(book.lanes).set(laneKey(lane), lane) };
}

/** The book without a `reserve` on its way. */
export function withoutReserve(book: Book): Book {
  if (![...book.lanes.values()].some(({ reserving }) => reserving !== undefined)) return book;
  const lanes = [...book.lanes].map(([key, { reserving: _, ...lane }]) => [key, lane] as const);
  return { ...book, lanes: new Map(lanes) };
}

/** Refreshes that must agree before a lane is taken to have gone back, and not the server to lag. Source: as the payee's. */
const SURE = 3;

/**
 * The book with what the chain says. An RPC server that lags cannot take a payment or a version back; a reorganisation, on which
 * three refreshes in a row agree, can.
 */
export function withChain(book: Book, states: readonly (Lane & LaneState)[]): Book {
  const lanes = new Map(book.lanes);
  for (const { payee, lane, ...state } of states) {
    const key = laneKey({ payee, lane });
    const old = lanes.get(key);
    if (!old && state.claimed === 0n) continue;
    const { chain: held, doubt, ...rest } = old ?? { payee, lane, intent: 0n as Amount };
    const back = held && (state.version < held.version || state.claimed < held.claimed);
    const times = back && doubt && same(doubt.state, state) ? doubt.times + 1 : 1;
    if (back && times < SURE) {
      lanes.set(key, { ...rest, chain: held, doubt: { state, times } });
      continue;
    }
    // What the chain says was paid raises nothing that we owe: only a signature of our own key does.
    lanes.set(key, { ...rest, chain: state });
  }
  return { ...book, lanes };
}

function same(a: LaneState, b: LaneState): boolean {
  return (
    a.version === b.version &&
    a.claimed === b.claimed &&
    a.ceiling === b.ceiling &&
    a.until === b.until
  );
}
