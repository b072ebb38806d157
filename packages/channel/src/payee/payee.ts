/**
 * The worker's side of one lane, as a pure function.
 *
 *   trusted --voucher--> soft <--chain: lapsed-- reserved
 *                          └----chain: guaranteed---^
 *   any of them <--chain--> closing --chain: final--> settled, or lost if less was paid than we hold
 *
 * A lane's state is read off the book by `state`, so it cannot contradict an amount.
 *
 * Authority: `highest` for what is owed, the contract for what was paid and guaranteed. Caches: `claimed`, `balance`, `reserved`,
 * `closeAt`, `ceiling`, `until`. Never falls: `accrued`, `highest`, `credited`, `grace`; `claimed`, unless the chain itself goes back.
 * Stored before a result is sent: `accrued`. Stored before a voucher is acknowledged: `highest`. Always: credited ≤ highest, and
 * no credit is given above what is guaranteed plus the soft cap, nor above what the chain would pay now.
 *
 * A claim is decided anew on each look at the chain (`urge`), never on a change alone: whatever kept the last one from being sent,
 * the next look tries again.
 */
import type { Amount } from "@tabcast/runtime";
import { FINALIZED } from "../final.ts";
import { least, most } from "../least.ts";
import type { Hex } from "../types.ts";
import type { VoucherReason } from "../voucher.ts";

export interface Book {
  /** Amount of work delivered on this lane. */
  readonly accrued: Amount;
  /** The highest voucher, if any. */
  readonly highest?: {
    readonly cumulative: Amount;
    readonly signature: Hex;
    /** The chain's unix second at which it came, as far as we could tell. */
    readonly at?: number;
  };
  /** Amount that the contract paid to this lane, as last seen. */
  readonly claimed: Amount;
  /** Amount that the pot had at the last refresh. */
  readonly balance: Amount;
  /** The part of it that is promised to lanes, ours among them. */
  readonly reserved: Amount;
  /** As in the contract: 0 open, a unix second while closing, FINALIZED. */
  readonly closeAt: number;
  /** The contract pays this total, until the unix second `until`, whatever others are paid. */
  readonly ceiling: Amount;
  readonly until: number;
  /** The part of `highest` for which work went on. */
  readonly credited: Amount;
  /** Amount of `accrued` that no credit has come for. */
  readonly unpaid: Amount;
  /** The part of `unpaid` that was said to be bad or not needed: see `room`. */
  readonly forgiven: Amount;
  /** What `unpaid` takes of the window: 10^12 for each segment, each at the price of its own award. See `room`. */
  readonly taken: bigint;
  /** Segments of what is forgiven that do not count any more, by the lane's age: see `graceOf`. */
  readonly grace: number;
  /** The chain's unix second at which the book began. Missing in books from before there was grace: they have none. */
  readonly began?: number;
  /** Amount that the contract had paid to this lane when the book began: for work that the book does not know. */
  readonly before: Amount;
  /** Refreshes in a row that showed less paid than before, or a final pot open. Missing: none. */
  readonly doubts?: number;
}

/** A pot and our lane in it, as one refresh from the chain shows them; `now` is the chain's unix second. */
export interface ChainView {
  readonly balance: Amount;
  readonly reserved: Amount;
  readonly claimed: Amount;
  readonly closeAt: number;
  readonly ceiling: Amount;
  readonly until: number;
  readonly now: number;
}

/** Why what we hold should be brought to the chain now. */
export type Urge =
  /** The pot closes: what is not claimed until its end is lost. */
  | "closing"
  /** A guarantee ends within the claim margin. */
  | "lapsing"
  /** More is held without a guarantee than may be. */
  | "exposed"
  /** It is twenty times what the claim costs. */
  | "worth"
  /** No voucher came for five minutes: the stream is over, or its broadcaster gone. */
  | "quiet";

export type Event =
  /** Work worth `amount` is about to be sent, under an award where a whole segment is worth `segment`; missing: it is one. */
  | { readonly type: "delivered"; readonly amount: Amount; readonly segment?: Amount }
  /** Delivered work worth `amount` will not be paid: its verdict was bad, or another copy was before it. */
  | { readonly type: "forgiven"; readonly amount: Amount }
  /** A voucher for this lane came whose form and signature are already verified. */
  | {
      readonly type: "voucher";
      readonly cumulative: Amount;
      readonly signature: Hex;
      /** The chain's unix second, as far as we can tell without asking. */
      readonly now: number;
    }
  /** Our own RPC server told us how pot and lane stand. */
  | ({ readonly type: "chain" } & ChainView);

export type Effect =
  /** Write the book, durably, before the next effect. */
  | { readonly do: "store" }
  /** `credited` more are sure: go on working. */
  | { readonly do: "credit"; readonly credited: Amount }
  | { readonly do: "refuse"; readonly reason: VoucherReason }
  /** What we hold is not safe for long, and worth more than the gas: bring the voucher to the chain. */
  | { readonly do: "claim"; readonly why: Urge }
  /** Tell the payer that we want a guarantee. */
  | { readonly do: "ask" }
  /** The chain itself went back: less is paid than before, and what we hold is worth claiming again. */
  | { readonly do: "reorg"; readonly from: Amount; readonly to: Amount };

export interface Rules {
  /** Amount that a voucher may run ahead of delivered work. Undefined: no limit, since being paid early costs us nothing. */
  readonly prepay?: Amount;
  /** Least that a voucher must add: who signs dust makes us verify for nothing. Default 1. */
  readonly minDelta?: Amount;
  /** Amount vouchered beyond what is guaranteed for which work still goes on. Undefined: as `softCapOf` says. */
  readonly softCap?: Amount;
  /** Amount that a segment brings, which the soft cap follows where none is set. Undefined: there is no cap then. */
  readonly segmentPay?: Amount;
  /** Amount that a claim costs now. Undefined: nobody asked yet. */
  readonly claimCost?: Amount;
  /** Seconds before `until` from which a guarantee is not relied on. Default 180. Source: facts of payments, section 7. */
  readonly claimMargin?: number;
}

/** A lane in a pot that was just checked on chain; `left`: the books there of lanes whose tabs are closed, see `leftBy`. */
export function fresh({ now: began, ...chain }: ChainView, left: readonly Book[] = []): Book {
  const none = 0n as Amount;
  const { claimed: before } = chain;
  return { accrued: none, credited: none, ...leftBy(left), grace: 0, began, before, ...chain };
}

export type State = "trusted" | "soft" | "reserved" | "closing" | "settled" | "lost";

/** Amount of the highest voucher. */
export const held = ({ highest }: Book): Amount => highest?.cumulative ?? (0n as Amount);

/** Where the lane is in its life at the chain's unix second `now`. */
export function state(book: Book, now: number): State {
  if (book.closeAt === FINALIZED) return book.claimed >= held(book) ? "settled" : "lost";
  if (book.closeAt !== 0) return "closing";
  if (guaranteed(book, now) > 0n) return "reserved";
  return held(book) > 0n ? "soft" : "trusted";
}

/** Amount that the contract will still pay to this lane at the unix second `at`, whatever others are paid. */
export function guaranteed({ ceiling, claimed, until }: Book, at: number): Amount {
  return (at <= until && ceiling > claimed ? ceiling - claimed : 0n) as Amount;
}

/** Amount that we hold, were not paid and are not guaranteed for `claimMargin` seconds more. */
export function exposed(book: Book, now: number, { claimMargin = MARGIN }: Rules = {}): Amount {
  const open = held(book) - book.claimed - guaranteed(book, now + claimMargin);
  return (open > 0n ? open : 0n) as Amount;
}

/**
 * Segments that may be delivered unpaid: two, and four once the chain has paid us for ten. The facts of payments (section 7) name one
 * for an unknown payer; but a segment is paid after its spot check, and by then a live stream's next one is due.
 */
const WINDOW = { stranger: 2n, known: 4n, knownAfter: 10n };
/** Of what was credited, one part in so many may be forgiven: spot checks err, and copies lose races, but not more often. */
const FORGIVEN_PART = 10n;
/** What a segment takes of the window. Fine enough that what rounding gives away is no segment in 10^9 events. */
const SEGMENT = 10n ** 12n;
/** Seconds after which the first segment that was forgiven no longer counts. */
const GRACE_S = 600;

/**
 * Segments of what was forgiven that do not count, in a lane that is so many seconds old: one after 10 minutes, and one more each time
 * that twice as many are added (30, 70, 150). A worker that was slow at first, which is nobody's fault, may so go on; and whoever calls
 * every segment bad or not needed gets 7 more of them in a day and 9 in a week.
 */
export function graceOf(age: number): number {
  return age < GRACE_S ? 0 : Math.floor(Math.log2(age / GRACE_S + 1));
}

/**
 * Amount of work that may still be delivered, where a whole segment is worth `segment`, before the pot pays for more; below zero
 * where too much is out already. At most `most` segments, and no more than this pot has earned with us, may be unpaid at once. Each
 * counts by the price of its own award: whoever raises the price, or the ladder, has no more of them. A tenth of what was credited, and
 * `grace` segments, do not count where they were said to be bad or not needed. Whoever pays less than a segment is worth keeps the rest
 * of it unpaid.
 */
export function room(
  book: Book | undefined,
  of: { readonly segment: Amount; readonly most: number },
): Amount {
  if (book === undefined) return 0n as Amount; // a pot that nobody checked
  const known = book.claimed >= WINDOW.knownAfter * of.segment;
  const own = known ? WINDOW.known : WINDOW.stranger;
  const window = BigInt(of.most) < own ? BigInt(of.most) : own;
  return (((window * SEGMENT - counted(book)) * of.segment) / SEGMENT) as Amount;
}

/** What unpaid work takes of the window, less what is waived of the forgiven part of it. */
function counted({ unpaid, forgiven, credited, taken, grace }: Book): bigint {
  if (unpaid === 0n) return 0n;
  const waived = least(forgiven, (credited / FORGIVEN_PART) as Amount);
  const beyond = (taken * (forgiven - waived)) / unpaid;
  const late = BigInt(grace) * SEGMENT;
  return (taken * (unpaid - waived)) / unpaid - (beyond < late ? beyond : late);
}

/**
 * The book as a tab goes on with it after a reload or a crash, in which work may have been lost on its way: half of what is unpaid no
 * longer counts, and at most a segment, so that the window is open again for one.
 */
export function reopened(book: Book): Book {
  const { taken, unpaid } = book;
  if (taken === 0n) return book;
  const half = taken / 2n;
  const part = half < SEGMENT ? half : SEGMENT;
  return { ...book, ...unpaidAfter(book, (unpaid * part) / taken) };
}

/**
 * What of the window is taken in a lane that begins where others of the same payee have left work unpaid: as much as in all of them,
 * and a segment at most, so that there is room for one, as after a reload. Nobody will pay this lane for it: it counts as forgiven.
 */
function leftBy(books: readonly Book[]): Window {
  let [amount, all, full] = [0n, 0n, 0n];
  for (const book of books) {
    amount += book.unpaid;
    all += book.taken;
    full += counted(book);
  }
  const taken = full < SEGMENT ? full : SEGMENT;
  const unpaid = (all > 0n ? (amount * taken) / all : 0n) as Amount;
  return { unpaid, forgiven: unpaid, taken };
}

/** What books from before the window counted segments are taken for: full, if anything is unpaid. */
export const takenBefore = (unpaid: Amount): bigint =>
  unpaid > 0n ? WINDOW.stranger * SEGMENT : 0n;

type Window = Pick<Book, "unpaid" | "forgiven" | "taken">;

/** Unpaid work once vouchers of `total` are credited: what they paid before the book began is for older work. */
function paid(book: Book, total: bigint): Window {
  const more = total - most(book.credited, book.before);
  return unpaidAfter(book, more > 0n ? more : 0n);
}

/**
 * Unpaid work less `amount`; what was forgiven is part of what is unpaid. Of the window it gives back what that much of the unpaid
 * work takes on average: so a segment is paid for at no less than the least price of those that are unpaid, whatever is paid first.
 */
function unpaidAfter({ unpaid, forgiven, taken }: Book, amount: bigint): Window {
  const left = (unpaid > amount ? unpaid - amount : 0n) as Amount;
  const still = unpaid > 0n ? (taken * left) / unpaid : 0n;
  return { unpaid: left, forgiven: least(forgiven, left), taken: still };
}

/** Default `claimMargin`, in seconds: time to notice, and for three tries to get into a block. */
const MARGIN = 180;

/** Segments whose pay may be held without a guarantee, where no soft cap is set. Source: facts of payments, section 7. */
const SOFT_SEGMENTS = 5n;
/** A claim is worth sending for its own sake at this many times its cost. Source: facts of payments, section 8. */
const WORTH = 20n;
/** The same, when the page may be frozen any moment. */
const HIDDEN = 10n;
/** The same, when no more vouchers come. */
const QUIET = 2n;
/** Seconds without a voucher after which none is expected: an honest payer settles at its own cost before. */
const QUIET_S = 300;

/**
 * Amount that may be held without a guarantee: what is set; otherwise the pay of five segments, and no less than twenty claims cost,
 * because less is neither worth claiming nor worth a broadcaster's guarantee. Undefined: no limit.
 */
export function softCapOf({
  softCap,
  segmentPay,
  claimCost = 0n as Amount,
}: Rules): Amount | undefined {
  if (softCap !== undefined || segmentPay === undefined) return softCap;
  return most((SOFT_SEGMENTS * segmentPay) as Amount, (WORTH * claimCost) as Amount);
}

/** Amount that the chain would pay this lane now, however much were owed: all but what it has promised to others. */
export function payable({ balance, reserved, ceiling, claimed }: Book): Amount {
  // A claim frees our own reservation first where it has lapsed, and draws on it where it lives.
  const own = ceiling > claimed ? ceiling - claimed : 0n;
  const others = reserved > own ? reserved - own : 0n;
  return (balance > others ? balance - others : 0n) as Amount;
}

/** Amount that a claim would bring now: what we hold and was not paid, as far as the chain pays it. */
export function claimable(book: Book): Amount {
  if (book.closeAt === FINALIZED || !book.highest) return 0n as Amount;
  const due = book.highest.cumulative - book.claimed;
  if (due <= 0n) return 0n as Amount;
  return least(due as Amount, payable(book));
}

/** Whether a voucher for so much is news, and more than the chain would pay as last seen. */
export function isBeyond(book: Book, cumulative: Amount): boolean {
  return cumulative > held(book) && cumulative > book.claimed + payable(book);
}

/** Amount that we hold, were not paid, and that the pot still has: what is lost if nobody ever claims. */
export function outstanding({ highest, claimed, balance, closeAt }: Book): Amount {
  if (closeAt === FINALIZED || !highest || highest.cumulative <= claimed) return 0n as Amount;
  return least((highest.cumulative - claimed) as Amount, balance);
}

/** Sorts amounts; of two that are the same the one that was first stays it. */
export const mostFirst = (a: bigint, b: bigint) => (a === b ? 0 : a < b ? 1 : -1);

/** Why the lane should be claimed now; undefined if that would bring no more than it costs, or can wait. */
export function urge(book: Book, now: number, rules: Rules = {}): Urge | undefined {
  const worth = claimable(book);
  const { closeAt, ceiling, claimed, until, highest } = book;
  const { claimCost } = rules;
  if (worth === 0n || worth <= (claimCost ?? 0n)) return undefined;
  if (closeAt !== 0) return "closing";
  if (ceiling > claimed && until - now < (rules.claimMargin ?? MARGIN)) return "lapsing";
  const cap = softCapOf(rules);
  if (cap !== undefined && exposed(book, now, rules) > cap) return "exposed";
  if (claimCost === undefined) return undefined;
  if (worth >= WORTH * claimCost) return "worth";
  const quiet = highest?.at !== undefined && now - highest.at >= QUIET_S;
  return quiet && worth >= QUIET * claimCost ? "quiet" : undefined;
}

/** Whether to claim before a page is frozen: what it holds is ten times what that costs. */
export function worthBeforeFreezing(book: Book, { claimCost }: Rules): boolean {
  return claimCost !== undefined && claimable(book) >= HIDDEN * most(claimCost, 1n as Amount);
}

/** What a person must be told of: this much is lost unless it is claimed before the unix second `before`. */
export interface Due {
  readonly amount: Amount;
  readonly before: number;
}

/** What is lost, and when, unless it is claimed; undefined while nothing is, or it is less than the gas. */
export function dueSoon(book: Book, now: number, rules: Rules = {}): Due | undefined {
  const why = urge(book, now, rules);
  const amount = claimable(book);
  if (why === "closing") return { amount, before: book.closeAt };
  if (why === "lapsing" && now <= book.until) return { amount, before: book.until };
  return undefined;
}

const nothing: readonly Effect[] = [];

/** The next book, and what must be done, in order. An event that does not apply changes nothing. */
export function step(
  book: Book,
  event: Event,
  rules: Rules = {},
): readonly [Book, readonly Effect[]] {
  switch (event.type) {
    case "delivered":
      if (event.amount <= 0n) return [book, nothing];
      return [
        {
          ...book,
          accrued: (book.accrued + event.amount) as Amount,
          unpaid: (book.unpaid + event.amount) as Amount,
          taken: book.taken + (event.amount * SEGMENT) / (event.segment ?? event.amount),
        },
        [{ do: "store" }],
      ];
    case "forgiven": {
      const forgiven = least((book.forgiven + event.amount) as Amount, book.unpaid);
      return forgiven <= book.forgiven
        ? [book, nothing]
        : [{ ...book, forgiven }, [{ do: "store" }]];
    }
    case "voucher":
      return onVoucher(book, event, rules);
    case "chain":
      return onChain(book, event, rules);
  }
}

/** Refreshes in a row that must agree before we believe that the chain went back, and not that a server lags behind. */
export const DOUBTS = 3;

function onChain(book: Book, seen: ChainView, rules: Rules): readonly [Book, readonly Effect[]] {
  const behind =
    seen.claimed < book.claimed || (book.closeAt === FINALIZED && seen.closeAt !== FINALIZED);
  const { doubts: before = 0, ...certain } = book;
  const reorg = behind && before + 1 >= DOUBTS;
  // Final is for ever, and what was paid never falls, unless a reorganisation or a restored chain undid them.
  const closeAt = book.closeAt === FINALIZED && !reorg ? FINALIZED : seen.closeAt;
  const claimed = reorg ? seen.claimed : most(seen.claimed, book.claimed);
  const balance = closeAt === FINALIZED ? (0n as Amount) : seen.balance;
  const reserved = closeAt === FINALIZED ? (0n as Amount) : seen.reserved;
  const { ceiling, until, now } = seen;
  const doubts = behind && !reorg ? before + 1 : 0;
  const grace = Math.max(book.grace, graceOf(now - (book.began ?? now)));
  const next: Book = {
    ...certain,
    closeAt,
    claimed,
    balance,
    reserved,
    ceiling,
    until,
    grace,
    ...(doubts > 0 && { doubts }),
  };
  const effects: Effect[] = [];
  if (reorg) effects.push({ do: "reorg", from: book.claimed, to: claimed });
  const total = held(book);
  let credited = book.credited;
  // A guarantee or a claim came: what was held back counts now.
  if (closeAt === 0 && total > credited && within(next, now, rules)) {
    effects.push({ do: "credit", credited: (total - credited) as Amount });
    credited = total;
  }
  const why = urge(next, now, rules);
  if (why !== undefined) effects.push({ do: "claim", why });
  const seenBefore =
    closeAt === book.closeAt &&
    claimed === book.claimed &&
    balance === book.balance &&
    reserved === book.reserved &&
    ceiling === book.ceiling &&
    until === book.until &&
    grace === book.grace &&
    doubts === before &&
    credited === book.credited;
  if (seenBefore) return [book, effects];
  return [{ ...next, ...paid(book, credited), credited }, [{ do: "store" }, ...effects]];
}

/** True while work may go on for what we hold. */
function within(book: Book, now: number, rules: Rules): boolean {
  const cap = softCapOf(rules);
  return unpayable(book) === 0n && (cap === undefined || exposed(book, now, rules) <= cap);
}

/** Amount that we hold, were not paid, and that the chain would not pay now. */
function unpayable(book: Book): Amount {
  const due = held(book) - book.claimed;
  const pays = payable(book);
  return (due > pays ? due - pays : 0n) as Amount;
}

function onVoucher(
  book: Book,
  { cumulative, signature, now }: Extract<Event, { type: "voucher" }>,
  rules: Rules,
): readonly [Book, readonly Effect[]] {
  const refuse = (reason: VoucherReason) => [book, [{ do: "refuse" as const, reason }]] as const;
  const before = held(book);
  if (cumulative < before)
    return refuse({ code: "VOUCHER_STALE", amount: cumulative, held: before });
  // Twice the same acts once; the signature may differ in nothing that matters.
  if (cumulative === before) return [book, [{ do: "credit", credited: 0n as Amount }]];
  // What the chain has paid needs no second delivery: after lost books the lane goes on from there.
  const increment = (cumulative - most(before, book.claimed)) as Amount;
  const owed = (book.accrued > before ? book.accrued - before : 0n) as Amount;
  const { prepay, minDelta = 1n as Amount } = rules;
  if (cumulative - before < minDelta)
    return refuse({
      code: "VOUCHER_DUST",
      increment: (cumulative - before) as Amount,
      min: minDelta,
    });
  if (prepay !== undefined && increment > owed + prepay)
    return refuse({ code: "VOUCHER_OVER_OWED", increment, owed });
  if (book.closeAt === FINALIZED) return refuse({ code: "VOUCHER_POT_FINAL" });
  const pot = (book.balance + book.claimed) as Amount;
  if (cumulative > pot) return refuse({ code: "VOUCHER_OVER_POT", amount: cumulative, pot });
  const next: Book = { ...book, highest: { cumulative, signature, at: now } };
  const why = urge(next, now, rules);
  const claim: readonly Effect[] = why === undefined ? [] : [{ do: "claim", why }];
  // Both are worth having, because the chain may still pay them; no reason to go on working.
  const keep = (reason: VoucherReason, ...more: readonly Effect[]) =>
    [next, [{ do: "store" as const }, { do: "refuse" as const, reason }, ...more]] as const;
  if (book.closeAt !== 0)
    return keep({ code: "VOUCHER_POT_CLOSING", closeAt: book.closeAt }, ...claim);
  if (!within(next, now, rules)) {
    const short = unpayable(next);
    const reason: VoucherReason = {
      code: "VOUCHER_UNGUARANTEED",
      exposed: most(exposed(next, now, rules), short),
      softCap: softCapOf(rules) ?? (0n as Amount),
      ...(short > 0n && { unpayable: short }),
    };
    return keep(reason, { do: "ask" }, ...claim);
  }
  return [
    { ...next, ...paid(book, cumulative), credited: cumulative },
    [{ do: "store" }, { do: "credit", credited: (cumulative - book.credited) as Amount }, ...claim],
  ];
}
