import type { Wei } from "@tabcast/runtime";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { replay } from "../test/replay.ts";
import { FINALIZED } from "./final.ts";
import * as Payee from "./payee.ts";
import * as Payer from "./payer.ts";
import type { Address, Hex, Lane } from "./types.ts";
import { laneKey } from "./voucher.ts";

const wei = (value: bigint | number) => BigInt(value) as Wei;
const sig = (n: bigint | number) => `0x${n.toString(16).padStart(130, "0")}` as Hex;
const CLOSE_AT = 1_800_000_000;

/** 50 delivered, 20 vouchered, 10 claimed, 90 left in the pot. */
function sample(state: "open" | "closing" | "final"): Payee.Book {
  return {
    accrued: wei(50),
    highest: { cumulative: wei(20), signature: sig(20) },
    claimed: wei(10),
    balance: state === "final" ? wei(0) : wei(90),
    closeAt: { open: 0, closing: CLOSE_AT, final: FINALIZED }[state],
  };
}

const voucher = (cumulative: number): Payee.Event => ({
  type: "voucher",
  cumulative: wei(cumulative),
  signature: sig(cumulative),
});
const chain = (closeAt: number, claimed = 10, balance = 90): Payee.Event => ({
  type: "chain",
  closeAt,
  claimed: wei(claimed),
  balance: wei(balance),
});
const events = {
  delivered: { type: "delivered", amount: wei(5) } as Payee.Event,
  higher: voucher(30),
  same: voucher(20),
  lower: voucher(19),
  overPot: voucher(101),
  opens: chain(0),
  closes: chain(CLOSE_AT),
  ends: chain(FINALIZED),
};

type State = "open" | "closing" | "final";
const does = (effects: readonly Payee.Effect[]) =>
  effects.map((effect) => (effect.do === "refuse" ? effect.reason.code : effect.do));
const table = {
  open: {
    delivered: ["open", ["store"]],
    higher: ["open", ["store", "credit"]],
    same: ["open", ["credit"]],
    lower: ["open", ["VOUCHER_STALE"]],
    overPot: ["open", ["VOUCHER_OVER_POT"]],
    opens: ["open", []],
    closes: ["closing", ["store", "claim"]],
    ends: ["final", ["store"]],
  },
  closing: {
    delivered: ["closing", ["store"]],
    higher: ["closing", ["store", "VOUCHER_POT_CLOSING", "claim"]],
    same: ["closing", ["credit"]],
    lower: ["closing", ["VOUCHER_STALE"]],
    overPot: ["closing", ["VOUCHER_OVER_POT"]],
    opens: ["open", ["store"]],
    closes: ["closing", []],
    ends: ["final", ["store"]],
  },
  final: {
    delivered: ["final", ["store"]],
    higher: ["final", ["VOUCHER_POT_FINAL"]],
    same: ["final", ["credit"]],
    lower: ["final", ["VOUCHER_STALE"]],
    overPot: ["final", ["VOUCHER_POT_FINAL"]],
    opens: ["final", []],
    closes: ["final", []],
    ends: ["final", []],
  },
} satisfies Record<State, Record<keyof typeof events, readonly [State, readonly string[]]>>;

describe("every state with every event", () => {
  for (const [from, row] of Object.entries(table))
    for (const [name, [to, effects]] of Object.entries(row))
      test(`${from} + ${name} -> ${to}, ${effects.join(" then ") || "nothing to do"}`, () => {
        const [next, done] = Payee.step(sample(from as State), events[name as keyof typeof events]);
        expect(Payee.state(next)).toBe(to);
        expect(does(done)).toEqual(effects);
      });
});

describe("a payee", () => {
  test("credits only the increment", () => {
    const [, effects] = Payee.step(sample("open"), voucher(33));
    expect(effects).toContainEqual({ do: "credit", credited: 13n });
  });

  test("keeps a voucher of a closing pot, because claims go on until the end", () => {
    const [next] = Payee.step(sample("closing"), voucher(33));
    expect(next.highest?.cumulative).toBe(33n);
    expect(Payee.claimable(next)).toBe(23n);
  });

  test("refuses more than is owed plus what may be paid ahead, if told to", () => {
    const rules = { prepay: wei(5) };
    expect(does(Payee.step(sample("open"), voucher(55), rules)[1])).toEqual(["store", "credit"]);
    expect(Payee.step(sample("open"), voucher(56), rules)).toEqual([
      sample("open"),
      [{ do: "refuse", reason: { code: "VOUCHER_OVER_OWED", increment: 36n, owed: 30n } }],
    ]);
  });

  test("can claim what it holds and was not paid, as far as the pot goes", () => {
    expect(Payee.claimable(sample("open"))).toBe(10n);
    expect(Payee.claimable({ ...sample("open"), balance: wei(4) })).toBe(4n);
    expect(Payee.claimable({ ...sample("open"), claimed: wei(25) })).toBe(0n);
    expect(Payee.claimable(sample("final"))).toBe(0n);
  });

  test("believes no server that takes a payment or an end back", () => {
    expect(Payee.step(sample("open"), chain(0, 3, 97))[0].claimed).toBe(10n);
    expect(Payee.step(sample("final"), chain(0))[0].closeAt).toBe(FINALIZED);
  });

  test("does not hurry to the chain when a close leaves nothing to claim", () => {
    const paid = { ...sample("open"), claimed: wei(20) };
    expect(does(Payee.step(paid, chain(CLOSE_AT, 20, 80))[1])).toEqual(["store"]);
  });

  test(`never falls, and never holds more than the pot covered (SEED=${replay.seed})`, () => {
    const amount = fc.bigInt({ min: -5n, max: 150n }).map(wei);
    const anyEvent: fc.Arbitrary<Payee.Event> = fc.oneof(
      fc.record({ type: fc.constant("delivered" as const), amount }),
      amount.map((n) => ({ type: "voucher" as const, cumulative: n, signature: sig(1) })),
      fc.record({
        type: fc.constant("chain" as const),
        balance: fc.bigInt({ min: 0n, max: 100n }).map(wei),
        claimed: fc.bigInt({ min: 0n, max: 100n }).map(wei),
        closeAt: fc.constantFrom(0, CLOSE_AT, FINALIZED),
      }),
    );
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 40 }), (sequence) => {
        let book = Payee.fresh({ balance: wei(100), claimed: wei(0), closeAt: 0 });
        for (const event of sequence) {
          const [next, effects] = Payee.step(book, event);
          expect(next.accrued).toBeGreaterThanOrEqual(book.accrued);
          expect(next.claimed).toBeGreaterThanOrEqual(book.claimed);
          const [was, is] = [book.highest?.cumulative ?? 0n, next.highest?.cumulative ?? 0n];
          expect(is).toBeGreaterThanOrEqual(was);
          if (is > was) expect(is).toBeLessThanOrEqual(book.balance + book.claimed);
          // A changed book is stored before anything else happens.
          if (next !== book) expect(effects[0]).toEqual({ do: "store" });
          book = next;
        }
      }),
      replay,
    );
  });
});

/** Payer and payee as pure books over a line that loses, repeats and reorders, with crashes back to what was stored. */
describe("payer and payee over a bad line", () => {
  const lane: Lane = { payee: `0x${"aa".repeat(20)}` as Address, lane: 1 };
  const key = laneKey(lane);
  type Move =
    | {
        readonly do: "pay";
        readonly amount: Wei;
        readonly diesAfter: "intent" | "signing" | "never";
      }
    | { readonly do: "deliver" | "repeat"; readonly pick: number }
    | { readonly do: "payerCrash" | "payeeCrash" | "hello" };
  const anyMove: fc.Arbitrary<Move> = fc.oneof(
    fc.record({
      do: fc.constant("pay" as const),
      amount: fc.bigInt({ min: 1n, max: 20n }).map(wei),
      diesAfter: fc.constantFrom("intent" as const, "signing" as const, "never" as const),
    }),
    fc.record({ do: fc.constantFrom("deliver" as const, "repeat" as const), pick: fc.nat() }),
    fc.record({ do: fc.constantFrom("payerCrash", "payeeCrash", "hello") }),
  );

  test(`both end at the highest that was signed, and nobody is paid twice (SEED=${replay.seed})`, () => {
    fc.assert(
      fc.property(fc.array(anyMove, { maxLength: 60 }), (moves) => {
        let payer = Payer.opened(wei(1000));
        let payee = Payee.fresh({ balance: wei(1000), claimed: wei(0), closeAt: 0 });
        const line: Payer.Signed[] = [];
        let decided = 0n;
        let credited = 0n;
        /** Each total is signed once at most in meaning: the same amount gives the same bytes. */
        const perform = (event: Payer.Event, diesAfter = "never") => {
          const [next, effects] = Payer.step(payer, event);
          payer = next;
          for (const effect of effects) {
            if (effect.do === "sign") {
              if (diesAfter === "intent") return;
              const { cumulative } = effect;
              const [stored, more] = Payer.step(payer, {
                type: "signed",
                lane,
                cumulative,
                signature: sig(cumulative),
              });
              if (diesAfter === "signing") return;
              payer = stored;
              for (const out of more)
                if (out.do === "send") line.push({ cumulative, signature: sig(cumulative) });
            } else if (effect.do === "send") {
              line.push({ cumulative: effect.cumulative, signature: effect.signature });
            }
          }
        };
        const receive = ({ cumulative, signature }: Payer.Signed) => {
          const [next, effects] = Payee.step(payee, { type: "voucher", cumulative, signature });
          payee = next;
          for (const effect of effects) if (effect.do === "credit") credited += effect.credited;
        };
        for (const move of moves) {
          if (move.do === "pay") {
            const before = Payer.intended(payer);
            perform({ type: "owe", lane, amount: move.amount }, move.diesAfter);
            decided += Payer.intended(payer) - before;
          } else if (move.do === "deliver" || move.do === "repeat") {
            const at = move.pick % Math.max(1, line.length);
            const message = line[at];
            if (message) receive(message);
            if (move.do === "deliver") line.splice(at, 1);
          } else if (move.do === "hello") {
            const { highest } = payee;
            if (highest) perform({ type: "shown", lane, ...highest });
          } else if (move.do === "payerCrash") {
            perform({ type: "resumed" });
          }
          expect(payee.highest?.cumulative ?? 0n).toBeLessThanOrEqual(Payer.intended(payer));
          expect(credited).toBe(payee.highest?.cumulative ?? 0n);
        }
        // The line is repaired: the payer starts again and sends its highest.
        perform({ type: "resumed" });
        const last = payer.lanes.get(key)?.signed;
        if (last) receive(last);
        expect(payee.highest?.cumulative ?? 0n).toBe(decided);
        expect(credited).toBe(decided);
      }),
      replay,
    );
  });
});
