/**
 * The worker's side of one lane, as a pure function.
 *
 *   open <--chain--> closing --chain--> final
 *     └───────────────chain──────────────┘
 *
 * Authority: `highest` for what is owed, the contract's counter for what was paid. Cache: `claimed`, `balance`, `closeAt`. Never
 * falls: `accrued`, `highest`, `claimed`. Stored before a result is sent: `accrued`. Stored before a voucher is acknowledged:
 * `highest`.
 */
import type { Wei } from "@tabcast/runtime";
import { FINALIZED } from "./final.ts";
import { least, most } from "./least.ts";
import type { Hex } from "./types.ts";
import type { VoucherReason } from "./voucher.ts";

export interface Book {
  /** Wei of work delivered on this lane. */
  readonly accrued: Wei;
  /** The highest voucher, if any. */
  readonly highest?: { readonly cumulative: Wei; readonly signature: Hex };
  /** Wei that the contract paid to this lane, as last seen. */
  readonly claimed: Wei;
  /** Wei that the pot held when last seen. */
  readonly balance: Wei;
  /** As in the contract: 0 open, a unix second while closing, FINALIZED. */
  readonly closeAt: number;
}

export type Event =
  /** Work worth `amount` wei is about to be sent. */
  | { readonly type: "delivered"; readonly amount: Wei }
  /** A voucher for this lane came whose form and signature are already verified. */
  | { readonly type: "voucher"; readonly cumulative: Wei; readonly signature: Hex }
  /** Our own RPC server told us the pot's state. */
  | {
      readonly type: "chain";
      readonly balance: Wei;
      readonly claimed: Wei;
      readonly closeAt: number;
    };

export type Effect =
  /** Write the book, durably, before the next effect. */
  | { readonly do: "store" }
  /** `credited` wei more are sure: go on working. */
  | { readonly do: "credit"; readonly credited: Wei }
  | { readonly do: "refuse"; readonly reason: VoucherReason }
  /** The pot closes and we hold more than was paid: bring the voucher to the chain. */
  | { readonly do: "claim" };

export interface Rules {
  /** Wei that a voucher may run ahead of delivered work. Undefined: no limit, since being paid early costs us nothing. */
  readonly prepay?: Wei;
}

/** A lane in a pot that was just checked on chain. */
export function fresh(chain: { balance: Wei; claimed: Wei; closeAt: number }): Book {
  return {
    accrued: 0n as Wei,
    claimed: chain.claimed,
    balance: chain.balance,
    closeAt: chain.closeAt,
  };
}

/** The lane's state, by the chain's word. */
export function state(book: Book): "open" | "closing" | "final" {
  if (book.closeAt === 0) return "open";
  return book.closeAt === FINALIZED ? "final" : "closing";
}

/** Wei that a claim would bring now: what we hold and was not paid, as far as the pot goes. */
export function claimable(book: Book): Wei {
  if (state(book) === "final" || !book.highest) return 0n as Wei;
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
      return [{ ...book, accrued: (book.accrued + event.amount) as Wei }, [{ do: "store" }]];
    case "voucher":
      return onVoucher(book, event.cumulative, event.signature, rules);
    case "chain": {
      const before = state(book);
      // Final is for ever: an RPC server that lags behind cannot take it back, nor lower what was paid.
      const closeAt = before === "final" ? book.closeAt : event.closeAt;
      const claimed = most(event.claimed, book.claimed);
      const balance = closeAt === FINALIZED ? (0n as Wei) : event.balance;
      if (closeAt === book.closeAt && claimed === book.claimed && balance === book.balance)
        return [book, nothing];
      const next: Book = { ...book, closeAt, claimed, balance };
      const closes = before === "open" && state(next) === "closing" && claimable(next) > 0n;
      return [next, closes ? [{ do: "store" }, { do: "claim" }] : [{ do: "store" }]];
    }
  }
}

function onVoucher(
  book: Book,
  cumulative: Wei,
  signature: Hex,
  { prepay }: Rules,
): readonly [Book, readonly Effect[]] {
  const refuse = (reason: VoucherReason) => [book, [{ do: "refuse" as const, reason }]] as const;
  const held = (book.highest?.cumulative ?? 0n) as Wei;
  if (cumulative < held) return refuse({ code: "VOUCHER_STALE", amount: cumulative, held });
  // Twice the same acts once; the signature may differ in nothing that matters.
  if (cumulative === held) return [book, [{ do: "credit", credited: 0n as Wei }]];
  const increment = (cumulative - held) as Wei;
  const owed = (book.accrued > held ? book.accrued - held : 0n) as Wei;
  if (prepay !== undefined && increment > owed + prepay)
    return refuse({ code: "VOUCHER_OVER_OWED", increment, owed });
  if (state(book) === "final") return refuse({ code: "VOUCHER_POT_FINAL" });
  const pot = (book.balance + book.claimed) as Wei;
  if (cumulative > pot) return refuse({ code: "VOUCHER_OVER_POT", amount: cumulative, pot });
  const next: Book = { ...book, highest: { cumulative, signature } };
  if (book.closeAt !== 0)
    // Worth having, because claims go on until the end; no reason to go on working.
    return [
      next,
      [
        { do: "store" },
        { do: "refuse", reason: { code: "VOUCHER_POT_CLOSING", closeAt: book.closeAt } },
        { do: "claim" },
      ],
    ];
  return [next, [{ do: "store" }, { do: "credit", credited: increment }]];
}
