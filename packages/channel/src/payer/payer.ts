/**
 * The broadcaster's side of a pot, as a pure function.
 *
 *   pot   open --settle--> closing --finalized--> final
 *           └───────────────finalized──────────────┘
 *
 *   lane  --owe or shown--> paying --due--> reserving --confirmed--> reserved --due--> reserving
 *                             ^                 │ failed                │ lapsed
 *                             └─────────────────┴───────────────────────┘
 *         any of them --settle--> closing --finalized--> settled, or abandoned if less was paid than signed
 *
 * A lane's life is read off the books by `life`, so no state can contradict an amount.
 *
 * Authority: `intent` for what may be signed, the highest voucher for what is owed, the contract's lane for what was paid and
 * what is guaranteed. Never falls: `deposited`, a lane's `intent`, `signed` and `claimed`. Stored before anything is signed:
 * `intent`. Stored before anything is sent: `signed`. Always: signed ≤ intent, and what is intended or guaranteed, over all lanes,
 * is ≤ deposited unless our own lost state came back.
 */
import type { Wei } from "@tabcast/runtime";
import type { LaneState, Reservation } from "../chain/chain.ts";
import { isHexOf, type PotReason } from "../config.ts";
import { least, most } from "../least.ts";
import type { Hex, Lane } from "../types.ts";
import { isLane, laneKey, MAX_AMOUNT } from "../voucher.ts";

/** One lane of ours. */
export interface LaneBook extends Lane {
  /** The most that we have decided to owe, wei. */
  readonly intent: Wei;
  /** The highest total that we signed, if any. */
  readonly signed?: Signed;
  /** Unix second in which the lane was first looked at: its rate counts from here. */
  readonly since?: number;
  /** The lane as the chain last had it; a guarantee that lapsed has no `ceiling` above `claimed`. */
  readonly chain?: LaneState;
  /** The ceiling of a `reserve` that is on its way, wei. */
  readonly reserving?: Wei;
  /** The worker wants a guarantee. */
  readonly asked?: boolean;
}

/** Where a lane is in its life. */
export type Life = "paying" | "reserving" | "reserved" | "closing" | "settled" | "abandoned";

/** A signed total, wei. */
export interface Signed {
  readonly cumulative: Wei;
  readonly signature: Hex;
}

export interface Book {
  readonly state: "open" | "closing" | "final";
  /** Wei. */
  readonly deposited: Wei;
  /** By `Voucher.laneKey`. */
  readonly lanes: ReadonlyMap<string, LaneBook>;
}

export type Event =
  /** A segment was verified: `amount` wei more for a lane. */
  | { readonly type: "owe"; readonly lane: Lane; readonly amount: Wei }
  /** The session key signed. */
  | ({ readonly type: "signed"; readonly lane: Lane } & Signed)
  /** A peer showed a voucher, and the caller has verified that our own key signed it. */
  | ({ readonly type: "shown"; readonly lane: Lane } & Signed)
  /** A worker wants a guarantee. */
  | { readonly type: "asked"; readonly lane: Lane }
  /** A peer says what it holds and shows no signature of ours. */
  | { readonly type: "told"; readonly lane: Lane; readonly cumulative: Wei }
  /** Our RPC server told us how lanes stand; `now` is the chain's unix second. */
  | {
      readonly type: "chain" | "confirmed";
      readonly now: number;
      readonly lanes: readonly (Lane & LaneState)[];
    }
  /** Time to think of guarantees; one lane's costs `gas` wei. */
  | { readonly type: "due"; readonly now: number; readonly gas: Wei }
  /** The `reserve` on its way did not get into a block. */
  | { readonly type: "failed" }
  /** The tab starts again from its stored books. */
  | { readonly type: "resumed" }
  /** The deposit grew. */
  | { readonly type: "toppedUp"; readonly amount: Wei }
  /** The stream is over. */
  | { readonly type: "settle" }
  /** The chain says that the pot is final. */
  | { readonly type: "finalized" };

export type Effect =
  /** Write this lane, durably, before the next effect. */
  | { readonly do: "storeLane"; readonly lane: LaneBook }
  | { readonly do: "storeState"; readonly state: Book["state"] }
  /** Sign this total and report it as "signed". */
  | { readonly do: "sign"; readonly lane: Lane; readonly cumulative: Wei }
  /** Give the peer this total of its lane. */
  | ({ readonly do: "send"; readonly lane: Lane } & Signed)
  /** Guarantee these lanes in one transaction, look at them, and report "confirmed" or "failed". */
  | { readonly do: "reserve"; readonly rows: readonly Reservation[] }
  | { readonly do: "refuse"; readonly reason: PotReason };

/** Seconds that a guarantee lasts. Source: facts of payments, section 7; the contract takes up to 24 hours. */
const TTL = 600;
/** Seconds a lane must have lived, and the seconds of work that a guarantee must still cover. Source: section 7. */
const MINUTE = 60;
/** Most lanes of one `reserve`: about 29,000 gas each, a sixth of a block. */
const ROWS = 150;

/** A pot that has just been paid in. */
export function opened(deposited: Wei): Book {
  return { state: "open", deposited, lanes: new Map() };
}

/** What was decided to be owed over all lanes, wei. */
export function intended(book: Book): Wei {
  let sum = 0n;
  for (const lane of book.lanes.values()) sum += lane.intent;
  return sum as Wei;
}

/** What was signed over all lanes, wei. */
export function signed(book: Book): Wei {
  let sum = 0n;
  for (const lane of book.lanes.values()) sum += lane.signed?.cumulative ?? 0n;
  return sum as Wei;
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

/** What a lane binds of the deposit: what we decided to owe, or guaranteed, or are about to guarantee; wei. */
function bound(lane: LaneBook): Wei {
  return most(lane.intent, most(lane.chain?.ceiling ?? (0n as Wei), lane.reserving ?? (0n as Wei)));
}

/** What the deposit leaves for a lane beyond its intent: other lanes keep what they are guaranteed; wei. */
function leftFor(book: Book, key: string): Wei {
  let left: bigint = book.deposited;
  for (const [other, lane] of book.lanes) left -= other === key ? lane.intent : bound(lane);
  return (left > 0n ? left : 0n) as Wei;
}

/** What the deposit still covers, wei; never below zero. */
export function free(book: Book): Wei {
  const left = book.deposited - intended(book);
  return (left > 0n ? left : 0n) as Wei;
}

/** Seconds that the deposit lasts at the pot's rate so far; undefined while that is not known. */
export function lasts(book: Book, now: number): number | undefined {
  let perDay = 0n;
  for (const { since, intent } of book.lanes.values())
    if (since !== undefined && now - since > MINUTE) perDay += (intent * DAY) / BigInt(now - since);
  return perDay === 0n ? undefined : Number((free(book) * DAY) / perDay);
}

/** Seconds: whole wei per second would round small rates to nothing. */
const DAY = 86_400n;

const nothing: readonly Effect[] = [];

function withLane(book: Book, lane: LaneBook): Book {
  return { ...book, lanes: new Map(book.lanes).set(laneKey(lane), lane) };
}

/** The next book, and what must be done, in order, to make it true. An event that does not apply changes nothing. */
export function step(book: Book, event: Event): readonly [Book, readonly Effect[]] {
  switch (event.type) {
    case "owe": {
      const { payee, lane } = event.lane;
      if (book.state !== "open")
        return [book, [{ do: "refuse", reason: { code: "POT_CLOSED", state: book.state } }]];
      // Before the intent: a lane that cannot be signed for must not be remembered as owed.
      if (!isHexOf(payee, 20) || !isLane(lane))
        return [book, [{ do: "refuse", reason: { code: "POT_BAD_LANE", payee, lane } }]];
      if (event.amount <= 0n || event.amount > MAX_AMOUNT)
        return [book, [{ do: "refuse", reason: { code: "POT_BAD_AMOUNT", amount: event.amount } }]];
      const left = leftFor(book, laneKey(event.lane));
      if (event.amount > left)
        return [
          book,
          [{ do: "refuse", reason: { code: "POT_EMPTY", need: event.amount, free: left } }],
        ];
      const old = book.lanes.get(laneKey(event.lane));
      const intent = ((old?.intent ?? 0n) + event.amount) as Wei;
      const next: LaneBook = { ...(old ?? { payee, lane }), intent };
      return [
        withLane(book, next),
        [
          { do: "storeLane", lane: next },
          { do: "sign", lane: { payee, lane }, cumulative: intent },
        ],
      ];
    }
    case "signed": {
      const old = book.lanes.get(laneKey(event.lane));
      const { cumulative, signature } = event;
      // A signature over more than the stored intent must never get out, whoever asked for it.
      if (!old || cumulative > old.intent || cumulative <= (old.signed?.cumulative ?? 0n))
        return [book, nothing];
      const next: LaneBook = { ...old, signed: { cumulative, signature } };
      return [
        withLane(book, next),
        [
          { do: "storeLane", lane: next },
          { do: "send", lane: event.lane, cumulative, signature },
        ],
      ];
    }
    case "shown": {
      const { payee, lane } = event.lane;
      const old = book.lanes.get(laneKey(event.lane));
      const { cumulative, signature } = event;
      const held = old?.signed;
      if (held && cumulative < held.cumulative)
        return [book, [{ do: "send", lane: event.lane, ...held }]];
      if (held && cumulative === held.cumulative) return [book, nothing];
      // Our own signature over more than we remember: the books were lost, and the debt is real.
      const intent = old && old.intent > cumulative ? old.intent : cumulative;
      const next: LaneBook = { ...old, payee, lane, intent, signed: { cumulative, signature } };
      return [withLane(book, next), [{ do: "storeLane", lane: next }]];
    }
    case "asked": {
      const old = book.lanes.get(laneKey(event.lane));
      // Only a lane of ours, so that nobody makes us remember lanes.
      if (!old || book.state !== "open" || old.asked) return [book, nothing];
      return [withLane(book, { ...old, asked: true }), nothing];
    }
    case "told": {
      // A word without our signature moves nothing: it is answered with what we did sign.
      const held = book.lanes.get(laneKey(event.lane))?.signed;
      if (!held || event.cumulative >= held.cumulative) return [book, nothing];
      return [book, [{ do: "send", lane: event.lane, ...held }]];
    }
    case "chain":
    case "confirmed":
      return [seen(book, event), nothing];
    case "due":
      return guarantee(book, event.now, event.gas);
    case "failed":
      return [landed(book), nothing];
    case "resumed": {
      // What was intended and not signed when the tab died: RFC 6979 gives the same bytes again.
      const unsigned = [...book.lanes.values()].filter(
        (lane) => lane.intent > (lane.signed?.cumulative ?? 0n),
      );
      if (book.state === "final") return [book, nothing];
      return [
        book,
        unsigned.map(({ payee, lane, intent }) => ({
          do: "sign" as const,
          lane: { payee, lane },
          cumulative: intent,
        })),
      ];
    }
    case "toppedUp":
      if (book.state === "final" || event.amount <= 0n) return [book, nothing];
      return [
        { ...book, deposited: (book.deposited + event.amount) as Wei },
        [{ do: "storeState", state: book.state }],
      ];
    case "settle":
      if (book.state !== "open") return [book, nothing];
      return [{ ...book, state: "closing" }, [{ do: "storeState", state: "closing" }]];
    case "finalized":
      if (book.state === "final") return [book, nothing];
      return [{ ...book, state: "final" }, [{ do: "storeState", state: "final" }]];
  }
}

/** The book without a `reserve` on its way. */
function landed(book: Book): Book {
  if (![...book.lanes.values()].some(({ reserving }) => reserving !== undefined)) return book;
  const lanes = [...book.lanes].map(([key, { reserving: _, ...lane }]) => [key, lane] as const);
  return { ...book, lanes: new Map(lanes) };
}

/** The book with what the chain says. An RPC server that lags behind cannot take a payment or a version back. */
function seen(book: Book, event: Extract<Event, { type: "chain" | "confirmed" }>): Book {
  const known = event.type === "confirmed" ? landed(book) : book;
  const lanes = new Map(known.lanes);
  for (const { payee, lane, ...state } of event.lanes) {
    const key = laneKey({ payee, lane });
    const old = lanes.get(key);
    if (state.version < (old?.chain?.version ?? 0)) continue;
    const claimed = most(state.claimed, old?.chain?.claimed ?? (0n as Wei));
    const ceiling = state.until < event.now ? claimed : state.ceiling;
    // What was paid was owed: after lost books a lane goes on from the contract's counter, since less would be worth nothing.
    const intent = most(claimed, old?.intent ?? (0n as Wei));
    if (!old && claimed === 0n) continue;
    lanes.set(key, { payee, lane, ...old, intent, chain: { ...state, claimed, ceiling } });
  }
  return { ...known, lanes };
}

/** Which lanes get a guarantee now. Policy: facts of payments, section 7. */
function guarantee(book: Book, now: number, gas: Wei): readonly [Book, readonly Effect[]] {
  if (book.state !== "open") return [book, nothing];
  const lanes = new Map(book.lanes);
  // One `reserve` at a time: a second would name versions that the first is about to change.
  const busy = [...lanes.values()].some(({ reserving }) => reserving !== undefined);
  // Half of what nobody is promised: the other half still pays whoever has no guarantee.
  let room =
    [...lanes.values()].reduce((left, lane) => left - bound(lane), book.deposited as bigint) / 2n;
  const rows: Reservation[] = [];
  for (const [key, lane] of lanes) {
    const { payee, since, chain, intent } = lane;
    if (since === undefined) {
      lanes.set(key, { ...lane, since: now });
      continue;
    }
    if (busy || now - since <= MINUTE || rows.length === ROWS || intent === 0n) continue;
    const age = BigInt(now - since);
    const held = chain !== undefined && chain.until >= now ? chain.ceiling : (0n as Wei);
    const short = (held - intent) * age < BigInt(MINUTE) * intent;
    const late = chain === undefined || chain.until - now < TTL / 2;
    if (!lane.asked && !short && !late) continue;
    const work = (BigInt(TTL) * intent) / age;
    if (work < 10n * gas) continue;
    const base = most(intent, held);
    const wanted = intent + (work * 12n) / 10n;
    const added = wanted > base ? least(wanted - base, room) : 0n;
    const ceiling = least((base + (added > 0n ? added : 0n)) as Wei, MAX_AMOUNT);
    if (ceiling <= (chain?.claimed ?? 0n)) continue;
    room -= ceiling - base;
    rows.push({ payee, lane: lane.lane, ceiling, until: now + TTL, version: chain?.version ?? 0 });
    lanes.set(key, { ...lane, asked: false, reserving: ceiling });
  }
  const next = { ...book, lanes };
  return [next, rows.length === 0 ? nothing : [{ do: "reserve", rows }]];
}
