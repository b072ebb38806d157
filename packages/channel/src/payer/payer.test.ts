import type { Amount } from "@tabcast/runtime";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { replay } from "../../test/replay.ts";
import type { Address, Hex, Lane } from "../types.ts";
import { laneKey } from "../voucher.ts";
import * as Payer from "./payer.ts";

const wei = (value: bigint | number) => BigInt(value) as Amount;
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

const freed = { claimed: wei(1), ceiling: wei(1), until: 0, version: 1 };
const given = { claimed: wei(1), ceiling: wei(50), until: NOW + 600, version: 2 };
const events = {
  owe: { type: "owe", lane: a, amount: wei(1) },
  takeGas: { type: "takeGas", lane: a, amount: wei(1) },
  signed: { type: "signed", lane: a, cumulative: wei(10), signature: sig(10) },
  shown: { type: "shown", lane: a, cumulative: wei(12), signature: sig(12) },
  told: { type: "told", lane: a, cumulative: wei(3) },
  asked: { type: "asked", lane: a },
  chain: { type: "chain", lanes: [{ ...a, ...freed }] },
  confirmed: { type: "confirmed", lanes: [{ ...a, ...given }] },
  due: { type: "due", now: NOW, gas: wei(1) },
  failed: { type: "failed" },
  toppedUp: { type: "toppedUp", amount: wei(9) },
  depositLost: { type: "depositLost", amount: wei(9) },
  resumed: { type: "resumed" },
  settle: { type: "settle" },
  finalized: { type: "finalized" },
} satisfies Record<Payer.Event["type"], Payer.Event>;

type Cell = readonly [next: Payer.Life, effects: readonly Payer.Effect["do"][]];
// A missing cell does not compile.
const table = {
  paying: {
    owe: ["paying", ["storeLane", "sign"]],
    takeGas: ["paying", ["storeLane", "sign"]],
    signed: ["paying", ["storeLane", "send"]],
    shown: ["paying", ["storeLane"]],
    told: ["paying", ["send"]],
    asked: ["paying", []],
    chain: ["paying", []],
    confirmed: ["reserved", []],
    due: ["reserving", ["reserve"]],
    failed: ["paying", []],
    toppedUp: ["paying", ["storeState"]],
    depositLost: ["paying", ["storeState"]],
    resumed: ["paying", ["sign"]],
    settle: ["closing", ["storeState"]],
    finalized: ["abandoned", ["storeState"]],
  },
  reserving: {
    owe: ["reserving", ["storeLane", "sign"]],
    takeGas: ["reserving", ["storeLane", "sign"]],
    signed: ["reserving", ["storeLane", "send"]],
    shown: ["reserving", ["storeLane"]],
    told: ["reserving", ["send"]],
    asked: ["reserving", []],
    chain: ["reserving", []],
    confirmed: ["reserved", []],
    due: ["reserving", []],
    failed: ["paying", []],
    toppedUp: ["reserving", ["storeState"]],
    depositLost: ["reserving", ["storeState"]],
    resumed: ["reserving", ["sign"]],
    settle: ["closing", ["storeState"]],
    finalized: ["abandoned", ["storeState"]],
  },
  reserved: {
    owe: ["reserved", ["storeLane", "sign"]],
    takeGas: ["reserved", ["storeLane", "sign"]],
    signed: ["reserved", ["storeLane", "send"]],
    shown: ["reserved", ["storeLane"]],
    told: ["reserved", ["send"]],
    asked: ["reserved", []],
    chain: ["paying", []],
    confirmed: ["reserved", []],
    due: ["reserving", ["reserve"]],
    failed: ["reserved", []],
    toppedUp: ["reserved", ["storeState"]],
    depositLost: ["reserved", ["storeState"]],
    resumed: ["reserved", ["sign"]],
    settle: ["closing", ["storeState"]],
    finalized: ["abandoned", ["storeState"]],
  },
  closing: {
    owe: ["closing", ["refuse"]],
    takeGas: ["closing", ["storeLane", "sign"]],
    signed: ["closing", ["storeLane", "send"]],
    shown: ["closing", ["storeLane"]],
    told: ["closing", ["send"]],
    asked: ["closing", []],
    chain: ["closing", []],
    confirmed: ["closing", []],
    due: ["closing", []],
    failed: ["closing", []],
    toppedUp: ["closing", ["storeState"]],
    depositLost: ["closing", ["storeState"]],
    resumed: ["closing", ["sign"]],
    settle: ["closing", []],
    finalized: ["abandoned", ["storeState"]],
  },
  settled: {
    owe: ["settled", ["refuse"]],
    takeGas: ["settled", []],
    signed: ["abandoned", ["storeLane", "send"]],
    shown: ["abandoned", ["storeLane"]],
    told: ["settled", ["send"]],
    asked: ["settled", []],
    chain: ["settled", []],
    confirmed: ["settled", []],
    due: ["settled", []],
    failed: ["settled", []],
    toppedUp: ["settled", []],
    depositLost: ["settled", []],
    resumed: ["settled", []],
    settle: ["settled", []],
    finalized: ["settled", []],
  },
  abandoned: {
    owe: ["abandoned", ["refuse"]],
    takeGas: ["abandoned", []],
    signed: ["abandoned", ["storeLane", "send"]],
    shown: ["abandoned", ["storeLane"]],
    told: ["abandoned", ["send"]],
    asked: ["abandoned", []],
    chain: ["abandoned", []],
    confirmed: ["abandoned", []],
    due: ["abandoned", []],
    failed: ["abandoned", []],
    toppedUp: ["abandoned", []],
    depositLost: ["abandoned", []],
    resumed: ["abandoned", []],
    settle: ["abandoned", []],
    finalized: ["abandoned", []],
  },
} satisfies Record<Payer.Life, Record<Payer.Event["type"], Cell>>;

/** An open book of one lane. */
const held = (deposited: Amount, lane: Payer.LaneBook): Payer.Book => ({
  state: "open",
  deposited,
  lanes: new Map([[laneKey(lane), lane]]),
});

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
      {
        do: "reserve",
        rows: [{ ...a, ceiling: 82n, until: NOW + 600, version: 1 }],
        lapsed: [],
      },
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

  test("guarantees are not renewed for workers that are gone, and bind nothing for them in four hours", () => {
    const done = {
      intent: wei(1_000_000),
      signed: { cumulative: wei(1_000_000), signature: sig(1) },
    };
    const chain = { claimed: wei(1_000_000), ceiling: wei(1_000_000), until: 0, version: 0 };
    const earned = { at: NOW - 121, intent: wei(1_000_000) };
    let book = held(wei(100_000_000), { ...a, ...done, since: NOW - 600, earned, chain });
    let reserves = 0;
    for (let t = 0; t <= 4 * 3600; t += 25) {
      const [next, effects] = Payer.step(book, { type: "due", now: NOW + t, gas: wei(10) });
      book = next;
      for (const effect of effects) {
        if (effect.do !== "reserve") continue;
        reserves++;
        const rows = effect.rows.map((row) => ({ ...row, ...chain, version: row.version + 1 }));
        [book] = Payer.step(book, { type: "confirmed", lanes: rows });
      }
    }
    expect(reserves).toBe(0);
    // Its worker is back: it earns, and is guaranteed again.
    [book] = Payer.step(book, { type: "owe", lane: a, amount: wei(900_000) });
    expect(due(book, 10, NOW + 4 * 3600 + 1)[1]).toHaveLength(1);
  });

  test("guarantees that lapsed bind their part until they are freed, which happens once it is worth more than is left", () => {
    const chain = { claimed: wei(10), ceiling: wei(80), until: NOW - 1, version: 1 };
    const gone = { ...a, intent: wei(10), since: NOW - 9000, chain };
    const book = held(wei(100), gone);
    expect(Payer.free(book)).toBe(20n);
    const [freeing, effects] = due(book, 1, NOW);
    expect(effects).toEqual([{ do: "reserve", rows: [], lapsed: [a] }]);
    expect(Payer.free(freeing)).toBe(20n);
    expect(due(freeing, 1, NOW + 25)[1]).toEqual([]); // one is on its way
    const lanes = [{ ...a, ...chain, ceiling: wei(10), version: 2 }];
    expect(Payer.free(Payer.step(freeing, { type: "confirmed", lanes })[0])).toBe(90n);
    // A last second is still the worker's; more is left than is bound; the gas is dearer.
    expect(due(book, 1, NOW - 1)[1]).toEqual([]);
    expect(due({ ...book, deposited: wei(160) }, 1, NOW)[1]).toEqual([]);
    expect(due(book, 70, NOW)[1]).toEqual([]);
    expect(due(book, 69, NOW)[1]).toHaveLength(1);
  });

  test("guarantees of a lane that lapsed may be given anew for less than they were", () => {
    const chain = { claimed: wei(1), ceiling: wei(90), until: NOW - 1, version: 3 };
    const [, effects] = due(held(wei(100), { ...a, intent: wei(10), since: NOW - 100, chain }));
    expect(effects).toEqual([
      { do: "reserve", rows: [{ ...a, ceiling: 82n, until: NOW + 600, version: 3 }], lapsed: [] },
    ]);
  });

  test("guarantees name the chain's version again after a reorganisation, once three refreshes agree on it", () => {
    const chain = { claimed: wei(0), ceiling: wei(3_000_000), until: NOW + 600, version: 5 };
    const back = { ...a, claimed: wei(0), ceiling: wei(0), until: 0, version: 4 };
    let book = held(wei(100_000_000), { ...a, intent: wei(1_000_000), since: NOW - 600, chain });
    const see = (state: typeof back) => {
      [book] = Payer.step(book, { type: "chain", lanes: [state] });
      return book.lanes.get(laneKey(a))?.chain?.version;
    };
    // A server that lags now and then never says the same three times in a row.
    const now = { ...a, ...chain };
    expect([see(back), see(back), see(now), see(back), see({ ...back, version: 3 })]).toEqual(
      Array(5).fill(5),
    );
    expect([see(back), see(back), see(back)]).toEqual([5, 5, 4]);
    [book] = Payer.step(book, { type: "owe", lane: a, amount: wei(1) });
    expect(due(book, 10)[1]).toMatchObject([{ do: "reserve", rows: [{ version: 4 }] }]);
  });

  test("a payment that a reorganisation undid is taken back from the books, and what was owed stays owed", () => {
    const chain = { claimed: wei(5), ceiling: wei(5), until: 0, version: 0 };
    let book = held(wei(100), { ...a, intent: wei(5), chain });
    const lanes = [{ ...a, ...chain, claimed: wei(0), ceiling: wei(0) }];
    for (let i = 0; i < 3; i++) [book] = Payer.step(book, { type: "chain", lanes });
    expect(book.lanes.get(laneKey(a))).toMatchObject({ intent: 5n, chain: { claimed: 0n } });
  });

  test("a server that says more was paid than is owed raises nothing that is signed, and leaves less to promise", () => {
    const chain = { claimed: wei(80), ceiling: wei(0), until: 0, version: 1 };
    for (const before of [held(wei(100), { ...a, intent: wei(5) }), Payer.opened(wei(100))]) {
      const [book] = Payer.step(before, { type: "chain", lanes: [{ ...a, ...chain }] });
      const owed = before.lanes.get(laneKey(a))?.intent ?? 0n;
      const [, effects] = Payer.step(book, { type: "owe", lane: a, amount: wei(1) });
      expect(effects).toContainEqual({ do: "sign", lane: a, cumulative: owed + 1n });
      expect(Payer.free(book)).toBe(20n);
    }
  });

  test("guarantees are renewed while less than a minute of work is left in them, and not at a minute", () => {
    const until = NOW + 600;
    const renewed = (ceiling: number) => {
      const chain = { claimed: wei(0), ceiling: wei(ceiling), until, version: 1 };
      return due(held(wei(10_000), { ...a, intent: wei(100), since: NOW - 100, chain }))[1].length;
    };
    expect([renewed(159), renewed(160)]).toEqual([1, 0]);
  });

  test("guarantees that live are never made smaller, in their last second neither", () => {
    const given = (until: number) => {
      const chain = { claimed: wei(1), ceiling: wei(90), until, version: 3 };
      return due(held(wei(1000), { ...a, intent: wei(10), since: NOW - 100, chain }))[1][0];
    };
    expect(given(NOW)).toMatchObject({ rows: [{ ceiling: 90n }] });
    expect(given(NOW - 1)).toMatchObject({ rows: [{ ceiling: 82n }] });
  });

  test("guarantees are for workers that earned in the last two minutes, or ask", () => {
    const lane = { ...a, intent: wei(100), since: NOW - 600 };
    const reserves = (ago: number, more: Partial<Payer.LaneBook> = {}) => {
      const earned = { at: NOW - ago, intent: wei(100) };
      return due(held(wei(10_000), { ...lane, earned, ...more }))[1].length;
    };
    expect([reserves(120), reserves(121), reserves(121, { asked: true })]).toEqual([1, 0, 1]);
  });

  test("guarantees of a single wei are given, and freed, like any other", () => {
    const lane = { ...a, intent: wei(1), since: NOW - 100, asked: true };
    expect(due(held(wei(100), lane), 0)[1]).toMatchObject([{ rows: [{ ceiling: 8n }] }]);
    const chain = { claimed: wei(0), ceiling: wei(11), until: NOW - 1, version: 1 };
    const earned = { at: NOW - 9000, intent: wei(10) };
    const gone = { ...a, intent: wei(10), since: NOW - 9000, earned, chain };
    expect(due(held(wei(11), gone), 0)[1]).toMatchObject([{ lapsed: [a] }]);
    // As much is left as it binds: nobody waits for that.
    expect(due(held(wei(12), gone), 0)[1]).toEqual([]);
  });

  test("guarantees cover what is owed where nothing is left, and nothing where that is paid", () => {
    const rows = (lane: Payer.LaneBook) => {
      const [reserve] = due(held(lane.intent, lane), 0)[1];
      return reserve?.do === "reserve" ? reserve.rows : [];
    };
    const lane = { ...a, since: NOW - 100 };
    for (const amount of [1, 10])
      expect(rows({ ...lane, intent: wei(amount) })).toMatchObject([
        { ceiling: wei(amount), version: 0 },
      ]);
    const chain = { claimed: wei(10), ceiling: wei(10), until: 0, version: 1 };
    expect(rows({ ...lane, intent: wei(10), chain })).toEqual([]);
  });

  test("guarantees that a lapsed one covers take nothing from what other lanes may be guaranteed", () => {
    const chain = { claimed: wei(1), ceiling: wei(90), until: NOW - 1, version: 3 };
    const lanes = [
      { ...a, intent: wei(10), since: NOW - 100, chain },
      { ...b, intent: wei(10), since: NOW - 100 },
    ].map((lane) => [laneKey(lane), lane] as const);
    const book = { ...held(wei(200), { ...a, intent: wei(0) }), lanes: new Map(lanes) };
    expect(due(book)[1]).toMatchObject([{ rows: [{ ceiling: 82n }, { ceiling: 60n }] }]);
  });

  test("guarantees share what there is for them, 150 lanes at a time, and whoever got one asks no more", () => {
    const many = Array.from({ length: 151 }, (_, lane) => {
      const one = { ...a, lane, intent: wei(10), since: NOW - 100, asked: true };
      return [laneKey(one), one] as const;
    });
    const [book, [reserve]] = due({
      ...held(wei(0), { ...a, intent: wei(0) }),
      deposited: wei(1_510 + 200),
      lanes: new Map(many),
    });
    const rows = reserve?.do === "reserve" ? reserve.rows : [];
    expect(rows).toHaveLength(150);
    // Half of the 200 that nobody is promised: 72 for the first lane, and what is left for the second.
    expect(rows.slice(0, 3).map(({ ceiling }) => ceiling)).toEqual([82n, 38n, 10n]);
    expect([...book.lanes.values()].map(({ asked }) => asked)).toEqual([
      ...Array(150).fill(false),
      true,
    ]);
  });

  test("guarantees that lapsed are freed, and none of the lanes beside them", () => {
    const chain = { claimed: wei(0), ceiling: wei(80), until: NOW - 1, version: 1 };
    const earned = { at: 0, intent: wei(10) };
    const lanes = [
      { ...a, intent: wei(10), since: NOW - 9000, earned, chain },
      { ...b, intent: wei(10), since: NOW },
    ].map((lane) => [laneKey(lane), lane] as const);
    const book = { ...held(wei(100), { ...a, intent: wei(0) }), lanes: new Map(lanes) };
    expect(due(book)[1]).toEqual([{ do: "reserve", rows: [], lapsed: [a] }]);
  });

  test("guarantees that live are not freed, and neither are lanes that have none", () => {
    const gone = { ...a, intent: wei(10), since: NOW - 9000, earned: { at: 0, intent: wei(10) } };
    const chain = { claimed: wei(0), ceiling: wei(10), until: NOW + 500, version: 1 };
    for (const lane of [gone, { ...gone, chain }, { ...gone, chain: { ...chain, until: 0 } }])
      expect(due(held(wei(10), lane), 0)[1]).toEqual([]);
    const claimed = { claimed: wei(10), ceiling: wei(10), until: NOW - 1, version: 1 };
    expect(Payer.lapsed({ chain: claimed }, NOW)).toBe(false);
    expect(Payer.lapsed({ chain: { ...claimed, claimed: wei(9) } }, NOW)).toBe(true);
  });

  test("the deposit's end is told from the rate so far, of lanes that are older than a minute", () => {
    expect(Payer.lasts(sample("paying"), NOW)).toBe(9_900);
    expect(Payer.lasts(sample("paying"), NOW - 39)).toBe(6_039);
    expect(Payer.lasts(sample("paying"), NOW - 40)).toBeUndefined();
    expect(Payer.lasts(held(wei(5), { ...a, intent: wei(1) }), NOW)).toBeUndefined();
    expect(Payer.lasts(Payer.opened(wei(5)), NOW)).toBeUndefined();
  });

  test("the deposit's end is known where less than a part is spent in a day", () => {
    const slow = { ...a, intent: wei(1), since: NOW - 100_000 };
    expect(Payer.lasts(held(wei(3), slow), NOW)).toBe(200_000);
  });
});

describe("a payer's books", () => {
  test("a payer's books count what was signed, and a lane that was never signed for, or looked at, as nothing", () => {
    const fresh = { ...b, intent: wei(0) };
    const book = { ...sample("open"), lanes: new Map(sample("open").lanes).set(laneKey(b), fresh) };
    expect(Payer.signed(book)).toBe(5n);
    expect([Payer.free(book), Payer.debts(book)]).toEqual([90n, 0n]);
    expect(Payer.life(book, fresh)).toBe("paying");
    expect(Payer.life({ ...book, state: "final" }, fresh)).toBe("settled");
    const chain = { claimed: wei(0), ceiling: wei(1), until: 0, version: 0 };
    expect(Payer.life(book, { ...fresh, chain })).toBe("reserved");
    const signed = { cumulative: wei(1), signature: sig(1) };
    expect(Payer.life({ ...book, state: "final" }, { ...fresh, signed })).toBe("abandoned");
    expect(Payer.free({ ...book, deposited: wei(11) })).toBe(1n);
    expect(Payer.free({ ...book, deposited: wei(10) })).toBe(0n);
    expect(Payer.free({ ...book, deposited: wei(9) })).toBe(0n);
  });

  test("a payer remembers a lane that the chain shows only if it was paid, and owes it nothing more", () => {
    const state = { ceiling: wei(0), until: 0, version: 0 };
    const see = (claimed: number) =>
      Payer.step(Payer.opened(wei(100)), {
        type: "chain",
        lanes: [{ ...b, ...state, claimed: wei(claimed) }],
      })[0].lanes.get(laneKey(b))?.intent;
    expect([see(0), see(1)]).toEqual([undefined, 0n]);
  });
});

describe("a payer", () => {
  test("a payer owes at most the deposit, over all lanes together", () => {
    const [one] = Payer.step(Payer.opened(wei(100)), { type: "owe", lane: a, amount: wei(60) });
    expect(Payer.free(one)).toBe(40n);
    const [two, effects] = Payer.step(one, { type: "owe", lane: b, amount: wei(41) });
    expect(Payer.intended(two)).toBe(60n);
    expect(effects).toEqual([
      { do: "storeLane", lane: { ...b, intent: 0n, debt: 41n } },
      { do: "refuse", reason: { code: "POT_EMPTY", need: 41n, free: 40n } },
    ]);
    const [three] = Payer.step(one, { type: "owe", lane: b, amount: wei(40) });
    expect(Payer.free(three)).toBe(0n);
  });

  test("a payer may owe all that a voucher can say, and leaves no debt behind", () => {
    const most = 2n ** 96n - 1n;
    const [book, effects] = Payer.step(Payer.opened(wei(most)), {
      type: "owe",
      lane: a,
      amount: wei(most),
    });
    expect(effects.at(-1)).toEqual({ do: "sign", lane: a, cumulative: most });
    expect(book.lanes.get(laneKey(a))).toEqual({ ...a, intent: most });
  });

  test("a payer's last wei of debt stays a debt until it is covered", () => {
    let book = held(wei(10), { ...a, intent: wei(10), debt: wei(3) });
    for (const [amount, left] of [
      [2n, 1n],
      [0n, 1n],
      [-1n, 1n],
      [1n, 0n],
    ] as const) {
      [book] = Payer.step(book, { type: "toppedUp", amount: wei(amount) });
      expect(Payer.debts(book)).toBe(left);
    }
    expect(book).toEqual(held(wei(13), { ...a, intent: wei(13) }));
    for (const amount of [0, -1])
      expect(Payer.step(book, { type: "toppedUp", amount: wei(amount) })).toEqual([book, []]);
  });

  test("a payer takes no gas where none is asked for, and none of a final pot", () => {
    for (const amount of [0, -1])
      expect(Payer.step(sample("open"), { type: "takeGas", lane: b, amount: wei(amount) })).toEqual(
        [sample("open"), []],
      );
    const take = { type: "takeGas", lane: b, amount: wei(1) } as const;
    expect(Payer.step(sample("settled"), take)[1]).toEqual([]);
    expect(Payer.step(sample("open"), take)[1].at(-1)).toMatchObject({ cumulative: 1n });
  });

  test("a payer remembers once who asks for a guarantee, of lanes of its own while the pot is open", () => {
    const [wants] = Payer.step(sample("open"), { type: "asked", lane: a });
    expect(wants.lanes.get(laneKey(a))?.asked).toBe(true);
    expect(Payer.step(wants, { type: "asked", lane: a })[0]).toBe(wants);
    for (const [life, lane] of [
      ["open", b],
      ["closing", a],
      ["settled", a],
    ] as const) {
      const book = sample(life);
      expect(Payer.step(book, { type: "asked", lane })[0]).toBe(book);
    }
  });

  test("a payer signs again what was not signed when its tab died, from the first wei, and nothing else", () => {
    const signs = (lane: Payer.LaneBook) =>
      Payer.step(held(wei(100), lane), { type: "resumed" })[1].map((effect) => effect.do);
    const signed = (n: number) => ({ cumulative: wei(n), signature: sig(n) });
    expect(signs({ ...a, intent: wei(1) })).toEqual(["sign"]);
    expect(signs({ ...a, intent: wei(0) })).toEqual([]);
    expect(signs({ ...a, intent: wei(2), signed: signed(1) })).toEqual(["sign"]);
    expect(signs({ ...a, intent: wei(2), signed: signed(2) })).toEqual([]);
    const first = { type: "signed", lane: a, ...signed(1) } as const;
    expect(Payer.step(held(wei(100), { ...a, intent: wei(1) }), first)[1]).toHaveLength(2);
  });

  test("a payer may owe to any lane what it says is free, and not a wei more", () => {
    const chain = { claimed: wei(0), ceiling: wei(80), until: NOW + 500, version: 1 };
    const book = held(wei(100), { ...a, intent: wei(50), since: NOW - 100, chain });
    expect(Payer.free(book)).toBe(20n);
    const owe = (lane: Lane, amount: bigint) =>
      Payer.step(book, { type: "owe", lane, amount: wei(amount) })[1].at(-1)?.do;
    for (const lane of [a, b]) expect(owe(lane, Payer.free(book))).toBe("sign");
    expect(owe(b, Payer.free(book) + 1n)).toBe("refuse");
  });

  test("a payer remembers what was earned and is not covered, and owes it after a top-up", () => {
    let book = held(wei(100), { ...a, intent: wei(95) });
    for (const amount of [8n, 9n])
      [book] = Payer.step(book, { type: "owe", lane: b, amount: wei(amount) });
    expect([Payer.debts(book), Payer.intended(book)]).toEqual([17n, 95n]);
    // What is covered is owed at once, with as much of the debt as the rest covers.
    const [small, signs] = Payer.step(book, { type: "owe", lane: b, amount: wei(3) });
    expect(signs.at(-1)).toEqual({ do: "sign", lane: b, cumulative: 5n });
    expect(Payer.debts(small)).toBe(15n);
    const [some, effects] = Payer.step(book, { type: "toppedUp", amount: wei(4) });
    expect(effects.map((effect) => effect.do)).toEqual(["storeState", "storeLane", "sign"]);
    expect([Payer.debts(some), Payer.intended(some)]).toEqual([8n, 104n]);
    const [all] = Payer.step(some, { type: "toppedUp", amount: wei(50) });
    expect([Payer.debts(all), Payer.intended(all), Payer.free(all)]).toEqual([0n, 112n, 42n]);
  });

  test("a payer lets go of what the chain undid of its deposit, to the last wei and no further", () => {
    const lose = (amount: number) =>
      Payer.step(Payer.opened(wei(100)), { type: "depositLost", amount: wei(amount) });
    expect(lose(0)).toEqual([Payer.opened(wei(100)), []]);
    for (const [lost, left] of [
      [1, 99],
      [100, 0],
      [101, 0],
    ] as const)
      expect(lose(lost)).toEqual([Payer.opened(wei(left)), [{ do: "storeState", state: "open" }]]);
  });

  test("a payer takes gas for its session key only out of what nobody is promised", () => {
    const chain = { claimed: wei(0), ceiling: wei(80), until: NOW + 500, version: 1 };
    const book = held(wei(100), { ...a, intent: wei(50), chain });
    const take = (amount: number) =>
      Payer.step(book, { type: "takeGas", lane: b, amount: wei(amount) });
    expect(take(20)[1].at(-1)).toEqual({ do: "sign", lane: b, cumulative: 20n });
    expect(take(21)).toEqual([book, []]);
  });

  test("a payer whose older books came back takes gas beyond what the chain has paid its own lane, within the deposit", () => {
    const chain = { claimed: wei(60), ceiling: wei(0), until: 0, version: 0 };
    const book = held(wei(100), { ...b, intent: wei(10), chain });
    const take = (amount: number) =>
      Payer.step(book, { type: "takeGas", lane: b, amount: wei(amount) });
    expect(take(40)[1].at(-1)).toEqual({ do: "sign", lane: b, cumulative: 100n });
    expect(take(41)).toEqual([book, []]);
  });

  test("a payer owes a debt when a guarantee is freed, and before it settles", () => {
    const chain = { claimed: wei(0), ceiling: wei(95), until: NOW - 1, version: 1 };
    let book = held(wei(100), { ...a, intent: wei(40), chain });
    [book] = Payer.step(book, { type: "owe", lane: b, amount: wei(30) });
    expect(Payer.debts(book)).toBe(30n);
    const lanes = [{ ...a, ...chain, ceiling: wei(0), version: 2 }];
    const [, freeing] = Payer.step(book, { type: "chain", lanes });
    expect(freeing.at(-1)).toEqual({ do: "sign", lane: b, cumulative: 30n });
    const [, settling] = Payer.step(book, { type: "settle" });
    expect(settling.map((effect) => effect.do)).toEqual(["storeLane", "sign", "storeState"]);
    expect(settling[1]).toMatchObject({ cumulative: 5n });
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
    // One that it had not stored yet takes nothing back of what it decided to owe.
    const newer = { ...same, cumulative: wei(7), signature: sig(7) };
    expect(Payer.step(sample("open"), newer)[0].lanes.get(laneKey(a))).toMatchObject({
      intent: 10n,
      signed: { cumulative: 7n },
    });
  });

  test("a payer answers a word without a signature only where it signed more than that", () => {
    const told = (lane: Lane, cumulative: number) =>
      Payer.step(sample("open"), { type: "told", lane, cumulative: wei(cumulative) })[1];
    expect(told(a, 4)).toEqual([{ do: "send", lane: a, cumulative: 5n, signature: sig(5) }]);
    expect([told(a, 5), told(a, 6), told(b, 0)]).toEqual([[], [], []]);
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
      fc.record({ type: fc.constant("toppedUp" as const), amount }),
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
          if (event.type !== "owe" && event.type !== "toppedUp")
            expect(Payer.step(next, event)[0]).toEqual(next);
          book = next;
        }
      }),
      replay,
    );
  });
});
