/**
 * The broadcaster's side of a pot, as a pure function.
 *
 *   open --settle--> closing --finalized--> final
 *     └───────────────finalized──────────────┘
 *
 * Authority: `intent` for what may be signed, the highest voucher for what is owed, the contract's lane counter for what was
 * paid. Never falls: `deposited`, a lane's `intent`, a lane's `signed`. Stored before anything is signed: `intent`. Stored before
 * anything is sent: `signed`. Always: signed ≤ intent, and the sum of intents ≤ deposited unless our own lost state came back.
 */
import type { Wei } from "@tabcast/runtime";
import { isHexOf, type PotReason } from "./config.ts";
import type { Hex, Lane } from "./types.ts";
import { isLane, laneKey, MAX_AMOUNT } from "./voucher.ts";

/** One lane of ours. */
export interface LaneBook extends Lane {
  /** The most that we have decided to owe, wei. */
  readonly intent: Wei;
  /** The highest total that we signed, if any. */
  readonly signed?: Signed;
}

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
  /** The tab starts again from its stored books. */
  | { readonly type: "resumed" }
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
  | { readonly do: "refuse"; readonly reason: PotReason };

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

/** What the deposit still covers, wei; never below zero. */
export function free(book: Book): Wei {
  const left = book.deposited - intended(book);
  return (left > 0n ? left : 0n) as Wei;
}

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
      if (event.amount > free(book))
        return [
          book,
          [{ do: "refuse", reason: { code: "POT_EMPTY", need: event.amount, free: free(book) } }],
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
      const next: LaneBook = { payee, lane, intent, signed: { cumulative, signature } };
      return [withLane(book, next), [{ do: "storeLane", lane: next }]];
    }
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
    case "settle":
      if (book.state !== "open") return [book, nothing];
      return [{ ...book, state: "closing" }, [{ do: "storeState", state: "closing" }]];
    case "finalized":
      if (book.state === "final") return [book, nothing];
      return [{ ...book, state: "final" }, [{ do: "storeState", state: "final" }]];
  }
}
