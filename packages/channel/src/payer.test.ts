import type { Wei } from "@tabcast/runtime";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { replay } from "../test/replay.ts";
import * as Payer from "./payer.ts";
import type { Address, Hex, Lane } from "./types.ts";
import { laneKey } from "./voucher.ts";

const wei = (value: bigint | number) => BigInt(value) as Wei;
const a: Lane = { payee: `0x${"aa".repeat(20)}` as Address, lane: 1 };
const b: Lane = { payee: `0x${"bb".repeat(20)}` as Address, lane: 2 };
const sig = (n: number) => `0x${n.toString(16).padStart(130, "0")}` as Hex;

/** A book with lane `a` intended to 10 and signed to 5, in the state asked for. */
function sample(state: Payer.Book["state"]): Payer.Book {
  const lane = { ...a, intent: wei(10), signed: { cumulative: wei(5), signature: sig(5) } };
  return { state, deposited: wei(100), lanes: new Map([[laneKey(a), lane]]) };
}

const events = {
  owe: { type: "owe", lane: a, amount: wei(1) },
  signed: { type: "signed", lane: a, cumulative: wei(10), signature: sig(10) },
  shown: { type: "shown", lane: a, cumulative: wei(12), signature: sig(12) },
  resumed: { type: "resumed" },
  settle: { type: "settle" },
  finalized: { type: "finalized" },
} satisfies Record<Payer.Event["type"], Payer.Event>;

type Cell = readonly [next: Payer.Book["state"], effects: readonly Payer.Effect["do"][]];
const table = {
  open: {
    owe: ["open", ["storeLane", "sign"]],
    signed: ["open", ["storeLane", "send"]],
    shown: ["open", ["storeLane"]],
    resumed: ["open", ["sign"]],
    settle: ["closing", ["storeState"]],
    finalized: ["final", ["storeState"]],
  },
  closing: {
    owe: ["closing", ["refuse"]],
    signed: ["closing", ["storeLane", "send"]],
    shown: ["closing", ["storeLane"]],
    resumed: ["closing", ["sign"]],
    settle: ["closing", []],
    finalized: ["final", ["storeState"]],
  },
  final: {
    owe: ["final", ["refuse"]],
    signed: ["final", ["storeLane", "send"]],
    shown: ["final", ["storeLane"]],
    resumed: ["final", []],
    settle: ["final", []],
    finalized: ["final", []],
  },
} satisfies Record<Payer.Book["state"], Record<Payer.Event["type"], Cell>>;

describe("every state with every event", () => {
  for (const [state, row] of Object.entries(table))
    for (const [type, [next, effects]] of Object.entries(row))
      test(`${state} + ${type} -> ${next}, ${effects.join(" then ") || "nothing to do"}`, () => {
        const [book, done] = Payer.step(
          sample(state as Payer.Book["state"]),
          events[type as Payer.Event["type"]],
        );
        expect(book.state).toBe(next);
        expect(done.map((effect) => effect.do)).toEqual(effects);
      });
});

describe("a payer", () => {
  test("owes at most the deposit, over all lanes together", () => {
    const [one] = Payer.step(Payer.opened(wei(100)), { type: "owe", lane: a, amount: wei(60) });
    expect(Payer.free(one)).toBe(40n);
    const [two, effects] = Payer.step(one, { type: "owe", lane: b, amount: wei(41) });
    expect(two).toBe(one);
    expect(effects).toEqual([
      { do: "refuse", reason: { code: "POT_EMPTY", need: 41n, free: 40n } },
    ]);
    const [three] = Payer.step(one, { type: "owe", lane: b, amount: wei(40) });
    expect(Payer.free(three)).toBe(0n);
  });

  test.each([0n, -1n, 2n ** 96n])("never owes %s wei", (amount) => {
    const [book, effects] = Payer.step(sample("open"), {
      type: "owe",
      lane: a,
      amount: wei(amount),
    });
    expect(book).toEqual(sample("open"));
    expect(effects).toEqual([{ do: "refuse", reason: { code: "POT_BAD_AMOUNT", amount } }]);
  });

  test.each([
    { payee: `0x${"aa".repeat(19)}` as Address, lane: 1 },
    { ...a, lane: -1 },
    { ...a, lane: 2 ** 32 },
    { ...a, lane: 0.5 },
  ])("remembers no debt to what is no lane: $payee, $lane", (lane) => {
    const [book, effects] = Payer.step(sample("open"), { type: "owe", lane, amount: wei(1) });
    expect(book).toEqual(sample("open"));
    expect(effects).toMatchObject([{ do: "refuse", reason: { code: "POT_BAD_LANE" } }]);
  });

  test("lets no signature out that is over its stored intent, or for a lane it never owed", () => {
    for (const event of [
      { type: "signed", lane: a, cumulative: wei(11), signature: sig(11) },
      { type: "signed", lane: b, cumulative: wei(1), signature: sig(1) },
      { type: "signed", lane: a, cumulative: wei(5), signature: sig(5) },
    ] as const)
      expect(Payer.step(sample("open"), event)).toEqual([sample("open"), []]);
  });

  test("answers an old voucher with its highest, and the same one with nothing", () => {
    const old = { type: "shown", lane: a, cumulative: wei(3), signature: sig(3) } as const;
    expect(Payer.step(sample("open"), old)).toEqual([
      sample("open"),
      [{ do: "send", lane: a, cumulative: 5n, signature: sig(5) }],
    ]);
    const same = { type: "shown", lane: a, cumulative: wei(5), signature: sig(5) } as const;
    expect(Payer.step(sample("open"), same)).toEqual([sample("open"), []]);
  });

  test("takes back a debt that it forgot, and owes on top of it", () => {
    const [book] = Payer.step(Payer.opened(wei(100)), {
      type: "shown",
      lane: a,
      cumulative: wei(30),
      signature: sig(30),
    });
    const [, effects] = Payer.step(book, { type: "owe", lane: a, amount: wei(5) });
    expect(effects).toContainEqual({ do: "sign", lane: a, cumulative: 35n });
  });

  test("finds lanes whatever case the payee is written in", () => {
    const upper = { ...a, payee: `0x${"AA".repeat(20)}` as Address };
    const [book] = Payer.step(sample("open"), { type: "owe", lane: upper, amount: wei(1) });
    expect(book.lanes.size).toBe(1);
    expect(Payer.intended(book)).toBe(11n);
  });

  test(`never falls, never signs past its intent or deposit, acts once on a repeated event (SEED=${replay.seed})`, () => {
    const lane = fc.constantFrom(a, b);
    const amount = fc.bigInt({ min: -5n, max: 60n }).map(wei);
    const anyEvent: fc.Arbitrary<Payer.Event> = fc.oneof(
      fc.record({ type: fc.constant("owe" as const), lane, amount }),
      fc.record({
        type: fc.constant("signed" as const),
        lane,
        cumulative: amount,
        signature: fc.constant(sig(1)),
      }),
      fc.constant({ type: "resumed" } as const),
      fc.constant({ type: "settle" } as const),
      fc.constant({ type: "finalized" } as const),
    );
    const order = { open: 0, closing: 1, final: 2 };
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 40 }), (sequence) => {
        let book = Payer.opened(wei(100));
        for (const event of sequence) {
          const [next, effects] = Payer.step(book, event);
          for (const [key, held] of book.lanes) {
            const now = next.lanes.get(key);
            expect(now?.intent ?? 0n).toBeGreaterThanOrEqual(held.intent);
            expect(now?.signed?.cumulative ?? 0n).toBeGreaterThanOrEqual(
              held.signed?.cumulative ?? 0n,
            );
          }
          for (const held of next.lanes.values())
            expect(held.signed?.cumulative ?? 0n).toBeLessThanOrEqual(held.intent);
          expect(Payer.intended(next)).toBeLessThanOrEqual(next.deposited);
          expect(order[next.state]).toBeGreaterThanOrEqual(order[book.state]);
          // Whatever is to be signed was stored first, and is exactly the stored intent.
          const signs = effects.findIndex((effect) => effect.do === "sign");
          const sign = effects[signs];
          if (sign?.do === "sign") {
            expect(next.lanes.get(laneKey(sign.lane))?.intent).toBe(sign.cumulative);
            if (event.type === "owe") expect(effects[signs - 1]?.do).toBe("storeLane");
          }
          if (event.type !== "owe") expect(Payer.step(next, event)[0]).toEqual(next);
          book = next;
        }
      }),
      replay,
    );
  });
});
