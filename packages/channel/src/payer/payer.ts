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
 * A guarantee that lapsed stays with its lane, and binds its part, until it is freed or renewed.
 *
 * Authority: `intent` for what may be signed, the highest voucher for what is owed, the contract's lane for what was paid and
 * what is guaranteed. Never falls: a lane's `intent`, `signed` and `claimed`, and `deposited` but by what the chain undid. Stored before a
 * signature counts: `intent`. Stored before anything is sent: `signed`. Always: signed ≤ intent, and what is intended or guaranteed, over
 * all lanes, is ≤ deposited unless our own lost state came back, or the chain undid a deposit.
 */
import type { Amount } from "@tabcast/runtime";
import type { LaneState } from "../chain/chain.ts";
import { isHexOf, type PotReason } from "../config.ts";
import { least, most } from "../least.ts";
import type { Lane } from "../types.ts";
import { isLane, laneKey, MAX_AMOUNT } from "../voucher.ts";
import {
  type Book,
  type LaneBook,
  leftFor,
  type Signed,
  withChain,
  withLane,
  withoutReserve,
} from "./book.ts";
import { type Guarantees, guarantee } from "./guarantee.ts";

export {
  type Book,
  debts,
  free,
  intended,
  type LaneBook,
  type Life,
  lapsed,
  lasts,
  life,
  opened,
  type Signed,
  signed,
} from "./book.ts";

export type { Guarantees } from "./guarantee.ts";

export type Event =
  /** A segment was verified: `amount` more for a lane. */
  | { readonly type: "owe"; readonly lane: Lane; readonly amount: Amount }
  /** The session key takes `amount` wei for gas into its own lane, if nobody else is promised them. */
  | { readonly type: "takeGas"; readonly lane: Lane; readonly amount: Amount }
  /** The session key signed. */
  | ({ readonly type: "signed"; readonly lane: Lane } & Signed)
  /** A peer showed a voucher, and the caller has verified that our own key signed it. */
  | ({ readonly type: "shown"; readonly lane: Lane } & Signed)
  /** A worker wants a guarantee. */
  | { readonly type: "asked"; readonly lane: Lane }
  /** A peer says what it holds and shows no signature of ours. */
  | { readonly type: "told"; readonly lane: Lane; readonly cumulative: Amount }
  /** Our RPC server told us how lanes stand. */
  | { readonly type: "chain" | "confirmed"; readonly lanes: readonly (Lane & LaneState)[] }
  /** Guarantees are due to be reconsidered; one lane's gas is worth `gas`. */
  | { readonly type: "due"; readonly now: number; readonly gas: Amount }
  /** The `reserve` on its way did not get into a block. */
  | { readonly type: "failed" }
  /** The tab starts again from its stored books. */
  | { readonly type: "resumed" }
  /** The deposit grew. */
  | { readonly type: "toppedUp"; readonly amount: Amount }
  /** The chain has undone so much of the deposit, and nothing of it can be sent again now. */
  | { readonly type: "depositLost"; readonly amount: Amount }
  /** The stream is over. */
  | { readonly type: "settle" }
  /** The chain says that the pot is final. */
  | { readonly type: "finalized" };

export type Effect =
  /** Write this lane, durably, before the next effect. */
  | { readonly do: "storeLane"; readonly lane: LaneBook }
  | { readonly do: "storeState"; readonly state: Book["state"] }
  /** Sign this total and report it as "signed". */
  | { readonly do: "sign"; readonly lane: Lane; readonly cumulative: Amount }
  /** Give the peer this total of its lane. */
  | ({ readonly do: "send"; readonly lane: Lane } & Signed)
  /** Free lapsed guarantees and give new ones, in one transaction; read the lanes back, and report "confirmed" or "failed". */
  | ({ readonly do: "reserve" } & Guarantees)
  | { readonly do: "refuse"; readonly reason: PotReason };

type Step = readonly [Book, readonly Effect[]];
type EventOf<Type extends Event["type"]> = Extract<Event, { readonly type: Type }>;

const nothing: readonly Effect[] = [];

/** The next book, and what must be done, in order, to make it true. An event that does not apply changes nothing. */
export function step(book: Book, event: Event): Step {
  switch (event.type) {
    case "owe":
      return owe(book, event);
    case "takeGas":
      return takeGas(book, event);
    case "signed":
      return takeSignature(book, event);
    case "shown":
      return takeShown(book, event);
    case "asked":
      return takeRequest(book, event);
    case "told":
      return answerTold(book, event);
    case "chain":
      return payDebts(withChain(book, event.lanes));
    case "confirmed":
      return payDebts(withChain(withoutReserve(book), event.lanes));
    case "due": {
      const [next, { rows, lapsed }] = guarantee(book, event.now, event.gas);
      const idle = rows.length === 0 && lapsed.length === 0;
      return [next, idle ? nothing : [{ do: "reserve", rows, lapsed }]];
    }
    case "failed":
      return [withoutReserve(book), nothing];
    case "resumed":
      return signUnsigned(book);
    case "toppedUp":
      return topUp(book, event);
    case "depositLost":
      return loseDeposit(book, event);
    case "settle":
      return beginSettling(book);
    case "finalized":
      if (book.state === "final") return [book, nothing];
      return [{ ...book, state: "final" }, [{ do: "storeState", state: "final" }]];
  }
}

function owe(book: Book, { lane: { payee, lane }, amount }: EventOf<"owe">): Step {
  const refuse = (reason: PotReason): Step => [book, [{ do: "refuse", reason }]];
  if (book.state !== "open") return refuse({ code: "POT_CLOSED", state: book.state });
  // Before the intent: a lane that cannot be signed for must not be remembered as owed.
  if (!isHexOf(payee, 20) || !isLane(lane)) return refuse({ code: "POT_BAD_LANE", payee, lane });
  if (amount <= 0n || amount > MAX_AMOUNT) return refuse({ code: "POT_BAD_AMOUNT", amount });
  const key = laneKey({ payee, lane });
  const left = leftFor(book, key);
  const old = book.lanes.get(key) ?? { payee, lane, intent: 0n as Amount };
  const debt = old.debt ?? (0n as Amount);
  if (amount > left) {
    // It was earned all the same: what cannot be promised now is remembered, and promised when it can be.
    const next: LaneBook = { ...old, debt: least((debt + amount) as Amount, MAX_AMOUNT) };
    const [, effects] = refuse({ code: "POT_EMPTY", need: amount, free: left });
    return [withLane(book, next), [{ do: "storeLane", lane: next }, ...effects]];
  }
  return promise(book, old, (amount + least(debt, (left - amount) as Amount)) as Amount, amount);
}

function takeGas(book: Book, { lane, amount }: EventOf<"takeGas">): Step {
  const key = laneKey(lane);
  const old = book.lanes.get(key) ?? { ...lane, intent: 0n as Amount };
  // Older books that came back may know less than the chain has paid: a total below that would bring nothing. It is our own lane.
  const behind = most((old.chain?.claimed ?? 0n) - old.intent, 0n);
  const more = (amount + behind) as Amount;
  if (book.state === "final" || amount <= 0n || more > leftFor(book, key)) return [book, nothing];
  return promise(book, old, more, more);
}

/** Owes a lane so much more, which the deposit covers; what is beyond `fresh` was a debt. */
function promise(
  book: Book,
  { debt = 0n as Amount, ...old }: LaneBook,
  more: Amount,
  fresh: bigint,
): Step {
  const { payee, lane } = old;
  const intent = (old.intent + more) as Amount;
  const left = (debt - (more - fresh)) as Amount;
  const next: LaneBook = { ...old, intent, ...(left > 0n && { debt: left }) };
  return [
    withLane(book, next),
    [
      { do: "storeLane", lane: next },
      { do: "sign", lane: { payee, lane }, cumulative: intent },
    ],
  ];
}

/** Owes what was earned before and is covered now, lane by lane. */
function payDebts(book: Book): Step {
  if (book.state === "final") return [book, nothing];
  let next = book;
  const effects: Effect[] = [];
  for (const [key, lane] of book.lanes) {
    const more = least(lane.debt ?? (0n as Amount), leftFor(next, key));
    if (more <= 0n) continue;
    const [paid, does] = promise(next, lane, more, 0n);
    next = paid;
    effects.push(...does);
  }
  return [next, effects];
}

function topUp(book: Book, { amount }: EventOf<"toppedUp">): Step {
  if (book.state === "final" || amount <= 0n) return [book, nothing];
  const deposited = (book.deposited + amount) as Amount;
  const [next, effects] = payDebts({ ...book, deposited });
  return [next, [{ do: "storeState", state: book.state }, ...effects]];
}

function loseDeposit(book: Book, { amount }: EventOf<"depositLost">): Step {
  if (book.state === "final" || amount <= 0n) return [book, nothing];
  const deposited = most(book.deposited - amount, 0n) as Amount;
  return [{ ...book, deposited }, [{ do: "storeState", state: book.state }]];
}

function beginSettling(book: Book): Step {
  if (book.state !== "open") return [book, nothing];
  const [paid, effects] = payDebts(book);
  return [{ ...paid, state: "closing" }, [...effects, { do: "storeState", state: "closing" }]];
}

function takeSignature(book: Book, { lane, cumulative, signature }: EventOf<"signed">): Step {
  const old = book.lanes.get(laneKey(lane));
  // A signature over more than the stored intent must never get out, whoever asked for it.
  if (!old || cumulative > old.intent || cumulative <= (old.signed?.cumulative ?? 0n))
    return [book, nothing];
  const next: LaneBook = { ...old, signed: { cumulative, signature } };
  return [
    withLane(book, next),
    [
      { do: "storeLane", lane: next },
      { do: "send", lane, cumulative, signature },
    ],
  ];
}

function takeShown(book: Book, event: EventOf<"shown">): Step {
  const { payee, lane } = event.lane;
  const { cumulative, signature } = event;
  const old = book.lanes.get(laneKey(event.lane));
  const signed = old?.signed;
  if (signed && cumulative < signed.cumulative)
    return [book, [{ do: "send", lane: event.lane, ...signed }]];
  if (signed && cumulative === signed.cumulative) return [book, nothing];
  // Our own signature over more than we remember: the books were lost, and the debt is real.
  const intent = most(old?.intent ?? cumulative, cumulative);
  const next: LaneBook = { ...old, payee, lane, intent, signed: { cumulative, signature } };
  return [withLane(book, next), [{ do: "storeLane", lane: next }]];
}

function takeRequest(book: Book, { lane }: EventOf<"asked">): Step {
  const old = book.lanes.get(laneKey(lane));
  // Only a lane of ours, so that nobody makes us remember lanes.
  if (!old || book.state !== "open" || old.asked) return [book, nothing];
  return [withLane(book, { ...old, asked: true }), nothing];
}

function answerTold(book: Book, { lane, cumulative }: EventOf<"told">): Step {
  // A word without our signature moves nothing: it is answered with what we did sign.
  const signed = book.lanes.get(laneKey(lane))?.signed;
  if (!signed || cumulative >= signed.cumulative) return [book, nothing];
  return [book, [{ do: "send", lane, ...signed }]];
}

/** What was intended and not signed when the tab died: RFC 6979 gives the same bytes again. */
function signUnsigned(book: Book): Step {
  if (book.state === "final") return [book, nothing];
  const unsigned = [...book.lanes.values()].filter(
    (lane) => lane.intent > (lane.signed?.cumulative ?? 0n),
  );
  return [
    book,
    unsigned.map(({ payee, lane, intent }) => ({
      do: "sign" as const,
      lane: { payee, lane },
      cumulative: intent,
    })),
  ];
}
