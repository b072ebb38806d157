/**
 * The worker's side of one lane, as a pure function.
 *
 *   trusted --voucher--> soft <--chain: lapsed-- reserved
 *                          └----chain: guaranteed---^
 *   any of them <--chain--> closing --chain: final--> settled, or lost if less was paid than we hold
 *
 * A lane's state is read off the book by `state`, so it cannot contradict an amount.
 *
 * Authority: `highest` for what is owed, the contract for what was paid and guaranteed. Caches: `claimed`, `balance`, `closeAt`,
 * `ceiling`, `until`. Never falls: `accrued`, `highest`, `credited`; `claimed`, unless the chain itself goes back. Stored before
 * a result is sent: `accrued`. Stored before a voucher is acknowledged: `highest`. Always: credited ≤ highest, and no credit is
 * given above what is guaranteed plus `softCap`.
 */
import type { Wei } from "@tabcast/runtime";
import { FINALIZED } from "../final.ts";
import { least, most } from "../least.ts";
import type { Hex } from "../types.ts";
import type { VoucherReason } from "../voucher.ts";

export interface Book {
  /** Wei of work delivered on this lane. */
  readonly accrued: Wei;
  /** The highest voucher, if any. */
  readonly highest?: { readonly cumulative: Wei; readonly signature: Hex };
  /** Wei that the contract paid to this lane, as last seen. */
  readonly claimed: Wei;
  /** Wei that the pot had at the last refresh. */
  readonly balance: Wei;
  /** As in the contract: 0 open, a unix second while closing, FINALIZED. */
  readonly closeAt: number;
  /** The contract pays this total, wei, until the unix second `until`, whatever others are paid. */
  readonly ceiling: Wei;
  readonly until: number;
  /** The part of `highest` for which work went on, wei. */
  readonly credited: Wei;
  /** Wei of `accrued` that no credit has come for. */
  readonly unpaid: Wei;
  /** The part of `unpaid` that was said to be bad or not needed, wei: see `room`. */
  readonly forgiven: Wei;
  /** Refreshes in a row that showed less paid than before, or a final pot open. Missing: none. */
  readonly doubts?: number;
}

/** A pot and our lane in it, as one refresh from the chain shows them; `now` is the chain's unix second. */
export interface ChainView {
  readonly balance: Wei;
  readonly claimed: Wei;
  readonly closeAt: number;
  readonly ceiling: Wei;
  readonly until: number;
  readonly now: number;
}

export type Event =
  /** Work worth `amount` wei is about to be sent. */
  | { readonly type: "delivered"; readonly amount: Wei }
  /** Delivered work worth `amount` wei will not be paid: its verdict was bad, or another copy was before it. */
  | { readonly type: "forgiven"; readonly amount: Wei }
  /** A voucher for this lane came whose form and signature are already verified. */
  | {
      readonly type: "voucher";
      readonly cumulative: Wei;
      readonly signature: Hex;
      /** The chain's unix second, as far as we can tell without asking. */
      readonly now: number;
    }
  /** Our own RPC server told us how pot and lane stand. */
  | ({ readonly type: "chain" } & ChainView);

export type Effect =
  /** Write the book, durably, before the next effect. */
  | { readonly do: "store" }
  /** `credited` wei more are sure: go on working. */
  | { readonly do: "credit"; readonly credited: Wei }
  | { readonly do: "refuse"; readonly reason: VoucherReason }
  /** What we hold is not safe for long: bring the voucher to the chain, if that is worth the gas. */
  | { readonly do: "claim" }
  /** Tell the payer that we want a guarantee. */
  | { readonly do: "ask" }
  /** The chain itself went back: less is paid than before, and what we hold is worth claiming again. */
  | { readonly do: "reorg"; readonly from: Wei; readonly to: Wei };

export interface Rules {
  /** Wei that a voucher may run ahead of delivered work. Undefined: no limit, since being paid early costs us nothing. */
  readonly prepay?: Wei;
  /** Least that a voucher must add, wei: who signs dust makes us verify for nothing. Default 1. */
  readonly minDelta?: Wei;
  /** Wei vouchered beyond what is guaranteed for which work still goes on. Undefined: no limit. */
  readonly softCap?: Wei;
  /** Seconds before `until` from which a guarantee is not relied on. Default 180. Source: facts of payments, section 7. */
  readonly claimMargin?: number;
}

/** A lane in a pot that was just checked on chain. */
export function fresh({ now: _, ...chain }: ChainView): Book {
  const none = 0n as Wei;
  return { accrued: none, credited: none, unpaid: none, forgiven: none, ...chain };
}

export type State = "trusted" | "soft" | "reserved" | "closing" | "settled" | "lost";

/** Where the lane is in its life at the chain's unix second `now`. */
export function state(book: Book, now: number): State {
  const held = book.highest?.cumulative ?? 0n;
  if (book.closeAt === FINALIZED) return book.claimed >= held ? "settled" : "lost";
  if (book.closeAt !== 0) return "closing";
  if (guaranteed(book, now) > 0n) return "reserved";
  return held > 0n ? "soft" : "trusted";
}

/** Wei that the contract will still pay to this lane at the unix second `at`, whatever others are paid. */
export function guaranteed({ ceiling, claimed, until }: Book, at: number): Wei {
  return (at <= until && ceiling > claimed ? ceiling - claimed : 0n) as Wei;
}

/** Wei that we hold, were not paid and are not guaranteed for `claimMargin` seconds more. */
export function exposed(book: Book, now: number, { claimMargin = MARGIN }: Rules = {}): Wei {
  const open =
    (book.highest?.cumulative ?? 0n) - book.claimed - guaranteed(book, now + claimMargin);
  return (open > 0n ? open : 0n) as Wei;
}

/**
 * Segments that may be delivered unpaid: two, and four once the chain has paid us for ten. The facts of payments (section 7) name one
 * for an unknown payer; but a segment is paid after its spot check, and by then a live stream's next one is due.
 */
const WINDOW = { stranger: 2n, known: 4n, knownAfter: 10n };
/** Of what was credited, one part in so many may be forgiven: spot checks err, and copies lose races, but not more often. */
const FORGIVEN_PART = 10n;

/**
 * Wei of work that may still be delivered before the pot pays for more; below zero where too much is out already. At most `most`
 * segments of `segment` wei, and no more than this pot has earned with us, may be unpaid at once; a tenth of what was credited does
 * not count where it was said to be bad or not needed. Whoever pays less than a segment is worth keeps the rest of it unpaid.
 */
export function room(book: Book, of: { readonly segment: Wei; readonly most: number }): Wei {
  const { unpaid, forgiven, credited, claimed } = book;
  const known = claimed >= WINDOW.knownAfter * of.segment && claimed > 0n;
  const window = least(BigInt(of.most) as Wei, (known ? WINDOW.known : WINDOW.stranger) as Wei);
  const waived = least(forgiven, (credited / FORGIVEN_PART) as Wei);
  return (window * of.segment - (unpaid - waived)) as Wei;
}

/**
 * The book as a tab goes on with it after a reload or a crash, in which work may have been lost on its way: half of what is unpaid no
 * longer counts, so that the window is open again for one segment or two.
 */
export function reopened(book: Book): Book {
  return { ...book, ...paid(book, book.unpaid - book.unpaid / 2n) };
}

/** Unpaid work after `amount` wei more are credited; what was forgiven is part of what is unpaid. */
function paid({ unpaid, forgiven }: Book, amount: bigint): Pick<Book, "unpaid" | "forgiven"> {
  const left = (unpaid > amount ? unpaid - amount : 0n) as Wei;
  return { unpaid: left, forgiven: least(forgiven, left) };
}

/** Default `claimMargin`, in seconds: time to notice, and for three tries to get into a block. */
const MARGIN = 180;

/** Wei that a claim would bring now: what we hold and was not paid, as far as the pot goes. */
export function claimable(book: Book): Wei {
  if (book.closeAt === FINALIZED || !book.highest) return 0n as Wei;
  const due = book.highest.cumulative - book.claimed;
  if (due <= 0n) return 0n as Wei;
  return least(due as Wei, book.balance);
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
          accrued: (book.accrued + event.amount) as Wei,
          unpaid: (book.unpaid + event.amount) as Wei,
        },
        [{ do: "store" }],
      ];
    case "forgiven": {
      const forgiven = least((book.forgiven + event.amount) as Wei, book.unpaid);
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
  const balance = closeAt === FINALIZED ? (0n as Wei) : seen.balance;
  const { ceiling, until, now } = seen;
  const doubts = behind && !reorg ? before + 1 : 0;
  const next: Book = {
    ...certain,
    closeAt,
    claimed,
    balance,
    ceiling,
    until,
    ...(doubts > 0 && { doubts }),
  };
  const effects: Effect[] = [];
  if (reorg) effects.push({ do: "reorg", from: book.claimed, to: claimed });
  const held = (book.highest?.cumulative ?? 0n) as Wei;
  let credited = book.credited;
  // A guarantee or a claim came: what was held back counts now.
  if (closeAt === 0 && held > credited && within(next, now, rules)) {
    effects.push({ do: "credit", credited: (held - credited) as Wei });
    credited = held;
  }
  const changed =
    closeAt !== book.closeAt ||
    claimed !== book.claimed ||
    balance !== book.balance ||
    ceiling !== book.ceiling ||
    until !== book.until ||
    doubts !== before ||
    credited !== book.credited;
  if (claimable(next) > 0n) {
    const closes = closeAt !== 0 && (book.closeAt === 0 || reorg);
    const lapses = ceiling > claimed && until - now < (rules.claimMargin ?? MARGIN);
    if (closes || lapses || !within(next, now, rules)) effects.push({ do: "claim" });
  }
  if (!changed) return [book, effects];
  return [
    { ...next, ...paid(book, credited - book.credited), credited },
    [{ do: "store" }, ...effects],
  ];
}

/** True while work may go on for what we hold. */
function within(book: Book, now: number, rules: Rules): boolean {
  return rules.softCap === undefined || exposed(book, now, rules) <= rules.softCap;
}

function onVoucher(
  book: Book,
  { cumulative, signature, now }: Extract<Event, { type: "voucher" }>,
  rules: Rules,
): readonly [Book, readonly Effect[]] {
  const refuse = (reason: VoucherReason) => [book, [{ do: "refuse" as const, reason }]] as const;
  const held = (book.highest?.cumulative ?? 0n) as Wei;
  if (cumulative < held) return refuse({ code: "VOUCHER_STALE", amount: cumulative, held });
  // Twice the same acts once; the signature may differ in nothing that matters.
  if (cumulative === held) return [book, [{ do: "credit", credited: 0n as Wei }]];
  // What the chain has paid needs no second delivery: after lost books the lane goes on from there.
  const increment = (cumulative - most(held, book.claimed)) as Wei;
  const owed = (book.accrued > held ? book.accrued - held : 0n) as Wei;
  const { prepay, minDelta = 1n as Wei } = rules;
  if (cumulative - held < minDelta)
    return refuse({ code: "VOUCHER_DUST", increment: (cumulative - held) as Wei, min: minDelta });
  if (prepay !== undefined && increment > owed + prepay)
    return refuse({ code: "VOUCHER_OVER_OWED", increment, owed });
  if (book.closeAt === FINALIZED) return refuse({ code: "VOUCHER_POT_FINAL" });
  const pot = (book.balance + book.claimed) as Wei;
  if (cumulative > pot) return refuse({ code: "VOUCHER_OVER_POT", amount: cumulative, pot });
  const next: Book = { ...book, highest: { cumulative, signature } };
  // Both are worth having, because the chain may still pay them; no reason to go on working.
  if (book.closeAt !== 0)
    return [
      next,
      [
        { do: "store" },
        { do: "refuse", reason: { code: "VOUCHER_POT_CLOSING", closeAt: book.closeAt } },
        { do: "claim" },
      ],
    ];
  if (!within(next, now, rules)) {
    const exposure = exposed(next, now, rules);
    const softCap = rules.softCap as Wei;
    return [
      next,
      [
        { do: "store" },
        { do: "refuse", reason: { code: "VOUCHER_UNGUARANTEED", exposed: exposure, softCap } },
        { do: "ask" },
        { do: "claim" },
      ],
    ];
  }
  return [
    { ...next, ...paid(book, cumulative - book.credited), credited: cumulative },
    [{ do: "store" }, { do: "credit", credited: (cumulative - book.credited) as Wei }],
  ];
}
