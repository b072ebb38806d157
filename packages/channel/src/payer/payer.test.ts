import type { Wei } from "@tabcast/runtime";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { replay } from "../../test/replay.ts";
import type { Address, Hex, Lane } from "../types.ts";
import { laneKey } from "../voucher.ts";
import * as Payer from "./payer.ts";

const wei = (value: bigint | number) => BigInt(value) as Wei;
const a: Lane = { payee: `0x${"aa".repeat(20)}` as Address, lane: 1 };
const b: Lane = { payee: `0x${"bb".repeat(20)}` as Address, lane: 2 };
const sig = (n: number) => `0x${n.toString(16).padStart(130, "0")}` as Hex;

const NOW = 1_790_000_000;

/** A book with lane `a` intended to 10 and signed to 5, 100 s old, in the state asked for. */
function sample(life: Payer.Life | "open"): Payer.Book {
  const final = life === "settled" || life === "abandoned";
  const claimed = wei(life === "settled" ? 5 : 1);
  const lane: Payer.LaneBook = {
    ...a,
    intent: wei(10),
    signed: { cumulative: wei(5), signature: sig(5) },
    since: NOW - 100,
    chain: {
      claimed,
      ceiling: life === "reserved" ? wei(40) : claimed,
      until: life === "reserved" ? NOW + 50 : 0,
      version: 1,
    },
    ...(life === "reserving" && { reserving: wei(40) }),
  };
  const state = life === "closing" ? "closing" : final ? "final" : "open";
  return {
    state,
    deposited: wei(life === "open" ? 100 : 1000),
    lanes: new Map([[laneKey(a), lane]]),
  };
}

const lapsed = { claimed: wei(1), ceiling: wei(1), until: 0, version: 1 };
const given = { claimed: wei(1), ceiling: wei(50), until: NOW + 600, version: 2 };
const events = {
  owe: { type: "owe", lane: a, amount: wei(1) },
  signed: { type: "signed", lane: a, cumulative: wei(10), signature: sig(10) },
  shown: { type: "shown", lane: a, cumulative: wei(12), signature: sig(12) },
  told: { type: "told", lane: a, cumulative: wei(3) },
  asked: { type: "asked", lane: a },
  chain: { type: "chain", now: NOW, lanes: [{ ...a, ...lapsed }] },
  confirmed: { type: "confirmed", now: NOW, lanes: [{ ...a, ...given }] },
  due: { type: "due", now: NOW, gas: wei(1) },
  failed: { type: "failed" },
  toppedUp: { type: "toppedUp", amount: wei(9) },
  resumed: { type: "resumed" },
  settle: { type: "settle" },
  finalized: { type: "finalized" },
} satisfies Record<Payer.Event["type"], Payer.Event>;

type Cell = readonly [next: Payer.Life, effects: readonly Payer.Effect["do"][]];
// A missing cell does not compile.
const table = {
  paying: {
    owe: ["paying", ["storeLane", "sign"]],
    signed: ["paying", ["storeLane", "send"]],
    shown: ["paying", ["storeLane"]],
    told: ["paying", ["send"]],
    asked: ["paying", []],
    chain: ["paying", []],
    confirmed: ["reserved", []],
    due: ["reserving", ["reserve"]],
    failed: ["paying", []],
    toppedUp: ["paying", ["storeState"]],
    resumed: ["paying", ["sign"]],
    settle: ["closing", ["storeState"]],
    finalized: ["abandoned", ["storeState"]],
  },
  reserving: {
    owe: ["reserving", ["storeLane", "sign"]],
    signed: ["reserving", ["storeLane", "send"]],
    shown: ["reserving", ["storeLane"]],
    told: ["reserving", ["send"]],
    asked: ["reserving", []],
    chain: ["reserving", []],
    confirmed: ["reserved", []],
    due: ["reserving", []],
    failed: ["paying", []],
    toppedUp: ["reserving", ["storeState"]],
    resumed: ["reserving", ["sign"]],
    settle: ["closing", ["storeState"]],
    finalized: ["abandoned", ["storeState"]],
  },
  reserved: {
    owe: ["reserved", ["storeLane", "sign"]],
    signed: ["reserved", ["storeLane", "send"]],
    shown: ["reserved", ["storeLane"]],
    told: ["reserved", ["send"]],
    asked: ["reserved", []],
    chain: ["paying", []],
    confirmed: ["reserved", []],
    due: ["reserving", ["reserve"]],
    failed: ["reserved", []],
    toppedUp: ["reserved", ["storeState"]],
    resumed: ["reserved", ["sign"]],
    settle: ["closing", ["storeState"]],
    finalized: ["abandoned", ["storeState"]],
  },
  closing: {
    owe: ["closing", ["refuse"]],
    signed: ["closing", ["storeLane", "send"]],
    shown: ["closing", ["storeLane"]],
    told: ["closing", ["send"]],
    asked: ["closing", []],
    chain: ["closing", []],
    confirmed: ["closing", []],
    due: ["closing", []],
    failed: ["closing", []],
    toppedUp: ["closing", ["storeState"]],
    resumed: ["closing", ["sign"]],
    settle: ["closing", []],
    finalized: ["abandoned", ["storeState"]],
  },
  settled: {
    owe: ["settled", ["refuse"]],
    signed: ["abandoned", ["storeLane", "send"]],
    shown: ["abandoned", ["storeLane"]],
    told: ["settled", ["send"]],
    asked: ["settled", []],
    chain: ["settled", []],
    confirmed: ["settled", []],
    due: ["settled", []],
    failed: ["settled", []],
    toppedUp: ["settled", []],
    resumed: ["settled", []],
    settle: ["settled", []],
    finalized: ["settled", []],
  },
  abandoned: {
    owe: ["abandoned", ["refuse"]],
    signed: ["abandoned", ["storeLane", "send"]],
    shown: ["abandoned", ["storeLane"]],
    told: ["abandoned", ["send"]],
    asked: ["abandoned", []],
    chain: ["abandoned", []],
    confirmed: ["abandoned", []],
    due: ["abandoned", []],
    failed: ["abandoned", []],
    toppedUp: ["abandoned", []],
    resumed: ["abandoned", []],
    settle: ["abandoned", []],
    finalized: ["abandoned", []],
  },
} satisfies Record<Payer.Life, Record<Payer.Event["type"], Cell>>;

describe("every state with every event", () => {
  for (const [life, row] of Object.entries(table))
    for (const [type, [next, effects]] of Object.entries(row))
      test(`${life} + ${type} -> ${next}, ${effects.join(" then ") || "nothing to do"}`, () => {
        const before = sample(life as Payer.Life);
        const lifeOf = (book: Payer.Book) => {
          const lane = book.lanes.get(laneKey(a));
          return lane && Payer.life(book, lane);
        };
        expect(lifeOf(before)).toBe(life);
        const [book, done] = Payer.step(before, events[type as Payer.Event["type"]]);
        expect(lifeOf(book)).toBe(next);
        expect(done.map((effect) => effect.do)).toEqual(effects);
      });
});

describe("guarantees", () => {
  const due = (book: Payer.Book, gas = 1, now = NOW) =>
    Payer.step(book, { type: "due", now, gas: wei(gas) });

  test("guarantees cover what is owed and ten minutes at the lane's rate, with a fifth more", () => {
    const [, effects] = due(sample("paying"));
    // 10 wei in 100 s: 60 in ten minutes, and 12 more.
    expect(effects).toEqual([
      { do: "reserve", rows: [{ ...a, ceiling: 82n, until: NOW + 600, version: 1 }] },
    ]);
  });

  test("guarantees are not given where ten minutes are worth less than ten times their gas", () => {
    expect(due(sample("paying"), 6)[1]).toHaveLength(1);
    expect(due(sample("paying"), 7)[1]).toEqual([]);
  });

  test("guarantees are given only to lanes that have lived for more than a minute", () => {
    expect(due(sample("paying"), 1, NOW - 40)[1]).toEqual([]);
    expect(due(sample("paying"), 1, NOW - 39)[1]).toHaveLength(1);
  });

  test("guarantees are renewed at half-life, and not before if there is headroom", () => {
    const [asked] = Payer.step(sample("paying"), {
      type: "confirmed",
      now: NOW,
      lanes: [{ ...a, ...given, ceiling: wei(82) }],
    });
    expect(due(asked, 1, NOW + 300)[1]).toEqual([]);
    expect(due(asked, 1, NOW + 301)[1]).toHaveLength(1);
    const [wants] = Payer.step(asked, { type: "asked", lane: a });
    expect(due(wants, 1, NOW + 1)[1]).toHaveLength(1);
  });

  test("guarantees take at most half of what nobody is promised, and other lanes cannot be owed it", () => {
    const [book, effects] = due({ ...sample("paying"), deposited: wei(40) });
    // 30 are free: 15 of them may be promised.
    expect(effects).toMatchObject([{ do: "reserve", rows: [{ ceiling: 25n }] }]);
    const owe = (lane: Lane, amount: number) =>
      Payer.step(book, { type: "owe", lane, amount: wei(amount) })[1].at(-1)?.do;
    expect([owe(b, 15), owe(b, 16), owe(a, 30), owe(a, 31)]).toEqual([
      "sign",
      "refuse",
      "sign",
      "refuse",
    ]);
  });

  test("the deposit's end is told from the rate so far", () => {
    expect(Payer.lasts(sample("paying"), NOW)).toBe(9_900);
    expect(Payer.lasts(Payer.opened(wei(5)), NOW)).toBeUndefined();
  });
});

describe("a payer", () => {
  test("a payer owes at most the deposit, over all lanes together", () => {
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

  test.each([0n, -1n, 2n ** 96n])("a payer never owes %s wei", (amount) => {
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
  ])("a payer remembers no debt to what is no lane: $payee, $lane", (lane) => {
    const [book, effects] = Payer.step(sample("open"), { type: "owe", lane, amount: wei(1) });
    expect(book).toEqual(sample("open"));
    expect(effects).toMatchObject([{ do: "refuse", reason: { code: "POT_BAD_LANE" } }]);
  });

  test("a payer lets no signature out that is over its stored intent, or for a lane it never owed", () => {
    for (const event of [
      { type: "signed", lane: a, cumulative: wei(11), signature: sig(11) },
      { type: "signed", lane: b, cumulative: wei(1), signature: sig(1) },
      { type: "signed", lane: a, cumulative: wei(5), signature: sig(5) },
    ] as const)
      expect(Payer.step(sample("open"), event)).toEqual([sample("open"), []]);
  });

  test("a payer answers an old voucher with its highest, and the same one with nothing", () => {
    const old = { type: "shown", lane: a, cumulative: wei(3), signature: sig(3) } as const;
    expect(Payer.step(sample("open"), old)).toEqual([
      sample("open"),
      [{ do: "send", lane: a, cumulative: 5n, signature: sig(5) }],
    ]);
    const same = { type: "shown", lane: a, cumulative: wei(5), signature: sig(5) } as const;
    expect(Payer.step(sample("open"), same)).toEqual([sample("open"), []]);
  });

  test("a payer takes back a debt that it forgot, and owes on top of it", () => {
    const [book] = Payer.step(Payer.opened(wei(100)), {
      type: "shown",
      lane: a,
      cumulative: wei(30),
      signature: sig(30),
    });
    const [, effects] = Payer.step(book, { type: "owe", lane: a, amount: wei(5) });
    expect(effects).toContainEqual({ do: "sign", lane: a, cumulative: 35n });
  });

  test("a payer finds lanes whatever case the payee is written in", () => {
    const upper = { ...a, payee: `0x${"AA".repeat(20)}` as Address };
    const [book] = Payer.step(sample("open"), { type: "owe", lane: upper, amount: wei(1) });
    expect(book.lanes.size).toBe(1);
    expect(Payer.intended(book)).toBe(11n);
  });

  test(`a payer's book never falls, never signs past its intent or deposit, and acts once on a repeated event (SEED=${replay.seed})`, () => {
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
