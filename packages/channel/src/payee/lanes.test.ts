import { type Amount, type Clock, type Millis, systemClock } from "@tabcast/runtime";
import { beforeEach, describe, expect, test } from "vitest";
import { FINALIZED } from "../final.ts";
import { type MemoryStore, memory } from "../store/memory.ts";
import { StoreError } from "../store/store.ts";
import type { Address, Hex, PotConfig } from "../types.ts";
import { LaneLedger } from "./lane-ledger.ts";
import { laneChange, laneGone, type StoredLane } from "./lane-record.ts";
import { Lanes, MOST_LANES } from "./lanes.ts";
import type { PurseParts } from "./parts.ts";
import type * as Payee from "./payee.ts";
import { lockOf } from "./take-lane.ts";

const amount = (value: number) => BigInt(value) as Amount;
const payee: Address = `0x${"aa".repeat(20)}`;
const OWN = 1;
/** What a claim costs. */
const COST = 10;
/** The chain's unix second, and ours. */
const UNIX = 1_790_000_000;
const { signal } = new AbortController();

let now: number;
let store: MemoryStore;
let parts: PurseParts;
beforeEach(() => {
  now = 0;
  store = memory();
  const unix = () => (UNIX * 1_000) as Millis;
  const clock: Clock = { ...systemClock, now: () => now as Millis, unix };
  const rules = () => ({ claimCost: amount(COST) });
  parts = { store, clock, payee, lane: OWN, rules, signal } as unknown as PurseParts;
});

/** A lane in a pot that holds `held`, all of which the pot has; nothing of it was claimed unless told. */
function lane(
  n: number,
  held: number,
  more: Partial<Payee.Book> & { in?: number } = {},
): StoredLane {
  const { in: number = OWN, ...book } = more;
  const none = amount(0);
  return {
    lane: number,
    potId: `0x${n.toString(16).padStart(64, "0")}` as Hex,
    config: {} as PotConfig,
    book: {
      accrued: none,
      credited: none,
      unpaid: none,
      forgiven: none,
      before: none,
      taken: 0n,
      grace: 0,
      claimed: none,
      balance: amount(1_000),
      reserved: none,
      ceiling: none,
      closeAt: 0,
      until: 0,
      ...(held > 0 && { highest: { cumulative: amount(held), signature: "0x" as Hex } }),
      ...book,
    },
  };
}
const open = (...stored: readonly StoredLane[]) => new Lanes(parts, stored);
/** Stores lanes as other tabs left them. */
const leave = (...stored: readonly StoredLane[]) =>
  store.write(stored.map((one) => laneChange(payee, one)));
const potsOf = (lanes: Lanes) => lanes.all().map(({ potId }) => Number(potId));
/** A full purse of worthless lanes, from 1_000 on, each used a millisecond after the other, and what is beside them. */
async function full(beside: readonly StoredLane[]): Promise<Lanes> {
  const lanes = open();
  const dust = Array.from({ length: MOST_LANES - beside.length }, (_, i) => lane(1_000 + i, 0));
  for (const one of [...beside, ...dust]) {
    now++;
    await lanes.add(new LaneLedger(parts, one));
  }
  return lanes;
}

describe("the lanes that a purse looks after", () => {
  test("those come first that a claim would bring most, and of two that bring the same the older one", () => {
    const three = lane(3, 30);
    const lanes = open(lane(1, 20), lane(2, 10), three, lane(4, 20), lane(5, 0));
    expect(potsOf(lanes)).toEqual([3, 1, 4, 2, 5]);
    expect(lanes.get(three.potId.toUpperCase().replace("0X", "0x") as Hex)?.potId).toBe(
      three.potId,
    );
    expect(lanes.get(lane(9, 0).potId)).toBeUndefined();
  });

  test("a tab takes its own lane's pots from the store, and half of what they owed for", () => {
    const lanes = open(lane(1, 0, { unpaid: amount(8), taken: 2n }), lane(2, 0, { in: 2 }));
    expect(lanes.all().map(({ potId, book }) => [Number(potId), book.unpaid])).toEqual([[1, 4n]]);
  });

  test("a lane of the payee is found by pot and number, in whatever letters the pot is written: the tab's own, and one that is looked after", async () => {
    await leave(lane(0xab, 20, { in: 2 }), lane(0xcd, 20, { in: 2 }));
    const lanes = open(lane(0xab, 30));
    await lanes.adopt();
    const { potId } = lane(0xab, 0);
    const shouted = potId.replace("ab", "AB") as Hex;
    for (const pot of [potId, shouted])
      expect([OWN, 2].map((n) => lanes.of(pot, n)?.book.highest?.cumulative)).toEqual([30n, 20n]);
    expect(lanes.of(potId, 3)).toBeUndefined();
    expect([OWN, 2].map((n) => lanes.of(lane(9, 0).potId, n))).toEqual([undefined, undefined]);
    expect(lanes.of(lane(0xcd, 0).potId, OWN)).toBeUndefined();
  });

  test("the vouchers of which something is outstanding are named, that with most first, a single wei too", () => {
    const claimed = { claimed: amount(30) };
    const lanes = open(
      lane(1, 1),
      lane(2, 0),
      lane(3, 20),
      lane(4, 30, claimed),
      // It is worth least to a claim, for the pot has promised it to others, and is owed all the same.
      lane(5, 40, { reserved: amount(1_000) }),
      lane(6, 20),
    );
    const held = lanes.held().map(({ voucher, outstanding }) => [voucher.potId, outstanding]);
    const named = [[5, 40n] as const, [3, 20n] as const, [6, 20n] as const, [1, 1n] as const];
    expect(held).toEqual(named.map(([n, outstanding]) => [lane(n, 0).potId, outstanding]));
    expect(lanes.held()[0]?.voucher).toMatchObject({ payee, lane: OWN, cumulative: 40n });
  });

  test("what live guarantees cover is what is owed, no more than is guaranteed, and nothing of those that ended", () => {
    expect(open(lane(1, 20)).guaranteed()).toBe(0n);
    const until = { until: UNIX + 60 };
    const lanes = open(
      lane(1, 20, { ceiling: amount(50), ...until }),
      lane(2, 20, { ceiling: amount(7), ...until }),
      lane(3, 20, { ceiling: amount(50), until: UNIX - 1 }),
      lane(4, 20),
    );
    expect(lanes.guaranteed()).toBe(27n);
  });

  test("the sums are of all lanes, those included that made room", async () => {
    const gone = lane(1, COST, { accrued: amount(25), claimed: amount(5), closeAt: FINALIZED });
    const lanes = await full([gone, lane(2, 0), lane(3, 40, { accrued: amount(3) })]);
    const sums = { accrued: 28n, vouchered: 50n, claimed: 5n, outstanding: 40n };
    expect(lanes.sums()).toEqual(sums);
    await lanes.add(new LaneLedger(parts, lane(4, 0)));
    expect(potsOf(lanes)).not.toContain(1);
    expect(lanes.sums()).toEqual(sums);
    await lanes.add(new LaneLedger(parts, lane(5, 0)));
    expect(lanes.sums()).toEqual(sums);
  });
});

describe("room for a lane", () => {
  /** Which of these go, in order, while so many others come. */
  async function going(beside: readonly StoredLane[], others: number): Promise<number[]> {
    const lanes = await full(beside);
    const gone: number[] = [];
    for (let i = 0; i < others; i++) {
      const before = potsOf(lanes);
      await lanes.add(new LaneLedger(parts, lane(9_000 + i, 0)));
      const after = potsOf(lanes);
      expect(after).toHaveLength(MOST_LANES);
      gone.push(...before.filter((potId) => !after.includes(potId)));
    }
    return gone;
  }

  test("256 lanes of a tab are kept", async () => {
    expect(MOST_LANES).toBe(256);
    expect(potsOf(await full([]))).toHaveLength(256);
  });

  test("a final pot goes first, then what is not used for longest, and last what owes for work", async () => {
    const [owing, used] = [lane(1, 0, { unpaid: amount(1) }), lane(2, 0)];
    const final = lane(3, 0, { closeAt: FINALIZED, unpaid: amount(1) });
    expect(await going([owing, used, final], 3)).toEqual([3, 2, 1_000]);
    expect(await going([owing], MOST_LANES)).not.toContain(1);
    const all = Array.from({ length: MOST_LANES }, (_, i) => ({ ...owing, ...lane(i, 0) }));
    const owes = all.map((one) => ({ ...one, book: owing.book }));
    expect(await going(owes, 2)).toEqual([0, 9_000]);
  });

  test("a lane that was used just now is kept, however long it is there", async () => {
    const lanes = await full([]);
    const first = lanes.get(lane(1_000, 0).potId);
    if (first) first.usedAt = ++now;
    await lanes.add(new LaneLedger(parts, lane(9_000, 0)));
    expect(potsOf(lanes)).toContain(1_000);
    expect(potsOf(lanes)).not.toContain(1_001);
  });

  test("a lane that is worth more than its claim costs makes no room, and one that is worth as much does", async () => {
    expect(await going([lane(1, COST + 1), lane(2, COST)], 1)).toEqual([2]);
  });

  test("the lane that comes is no room for itself, and goes over the bound where each other one is worth its claim", async () => {
    const lanes = await full(Array.from({ length: MOST_LANES }, (_, i) => lane(i, 50)));
    await lanes.add(new LaneLedger(parts, lane(9_000, 0)));
    expect(potsOf(lanes)).toHaveLength(MOST_LANES + 1);
    // What is over the bound goes at once when it can.
    await lanes.add(new LaneLedger(parts, lane(9_001, 0)));
    expect(potsOf(lanes)).toHaveLength(MOST_LANES + 1);
    expect(potsOf(lanes)).not.toContain(9_000);
  });

  test("while nobody has asked what a claim costs, only a lane that holds nothing makes room", async () => {
    parts = { ...parts, rules: () => ({}) };
    expect(await going([lane(1, 1)], 1)).toEqual([1_000]);
    expect(await going([lane(1, 0)], 1)).toEqual([1]);
  });

  test("what made room is forgotten on disk", async () => {
    const lanes = await full([lane(1, 0)]);
    await leave(lane(1, 0), lane(2, 0));
    await lanes.add(new LaneLedger(parts, lane(9_000, 0)));
    expect((await store.list("purse-lane/")).map(([key]) => key)).toHaveLength(1);
  });
});

describe("what other tabs left behind", () => {
  test("a tab takes over what closed tabs hold, and neither its own lane nor what holds nothing", async () => {
    await leave(lane(1, 20, { in: 2 }), lane(2, 0, { in: 2 }), lane(3, 0, { in: 3 }));
    await leave(lane(4, 1, { in: 4 }), lane(5, 50));
    const lanes = open();
    await lanes.adopt();
    expect(potsOf(lanes)).toEqual([1, 4]);
    await lanes.adopt();
    expect(potsOf(lanes)).toEqual([1, 4]);
    // Under their locks, of which those that hold nothing are free.
    const free = await Promise.allSettled(
      [2, 3, 4].map((n) => store.share().lock(lockOf(payee, n), { signal, patience: 1 })),
    );
    expect(free.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "rejected"]);
  });

  test("a tab leaves alone what an open tab writes, and tells of a store that fails", async () => {
    await leave(lane(1, 20, { in: 2 }), lane(2, 10, { in: 3 }));
    const release = await store.share().lock(lockOf(payee, 2), { signal, patience: 1 });
    const lanes = open();
    await lanes.adopt();
    expect(potsOf(lanes)).toEqual([2]);
    release();
    await lanes.adopt();
    expect(potsOf(lanes)).toEqual([1, 2]);
    const failing = { ...parts, store: { ...store, lock: () => Promise.reject(new Error("no")) } };
    await leave(lane(3, 20, { in: 4 }));
    await expect(new Lanes(failing as unknown as PurseParts, []).adopt()).rejects.toThrow("no");
    failing.store.lock = () => Promise.reject(new StoreError({ code: "STORE_CLOSED" }, "closed"));
    await expect(new Lanes(failing as unknown as PurseParts, []).adopt()).rejects.toThrow("closed");
  });

  test("a tab that opens beside others waits a twentieth of a second for the lane of each, and for none that holds nothing", async () => {
    const patience: number[] = [];
    const timeout = (ms: number) => {
      patience.push(ms);
      return AbortSignal.abort();
    };
    store = memory({ ...systemClock, timeout });
    parts = { ...parts, store };
    await leave(lane(1, 20, { in: 2 }), lane(2, 20, { in: 3 }), lane(3, 0, { in: 4 }));
    for (const n of [2, 3, 4]) await store.lock(lockOf(payee, n), { signal, patience: 0 });
    patience.length = 0;
    await open().adopt();
    expect(patience).toEqual([50, 50]);
  });

  test("a tab whose lane was emptied while its lock was waited for leaves it to others", async () => {
    await leave(lane(1, 20, { in: 2 }), lane(2, 20, { in: 3 }));
    const lock: MemoryStore["lock"] = async (name, options) => {
      const release = await store.lock(name, options);
      if (name === lockOf(payee, 2)) await store.write([laneGone(payee, lane(1, 0, { in: 2 }))]);
      return release;
    };
    parts = { ...parts, store: { ...store, lock, list: store.list.bind(store) } as MemoryStore };
    const lanes = open();
    await lanes.adopt();
    expect(potsOf(lanes)).toEqual([2]);
    (await store.share().lock(lockOf(payee, 2), { signal, patience: 1 }))();
    // It may be held in again, and left behind again.
    parts.store.lock = store.lock;
    await leave(lane(3, 20, { in: 2 }));
    await lanes.adopt();
    expect(potsOf(lanes)).toEqual([2, 3]);
  });

  test("a tab takes over 64 lanes at most, those first that hold most over all their pots", async () => {
    const many = Array.from({ length: 65 }, (_, i) => lane(100 + i, 20, { in: 100 + i }));
    // In two pots of ten and twelve: more than in one of twenty.
    await leave(...many, lane(1, 10, { in: 9_000 }), lane(2, 12, { in: 9_000 }));
    await leave(lane(3, 19, { in: 9_001 }));
    const lanes = open();
    await lanes.adopt();
    const numbers = [...new Set(lanes.all().map((one) => one.lane))];
    expect(numbers).toHaveLength(64);
    expect(numbers).toContain(9_000);
    expect(numbers).not.toContain(9_001);
    await lanes.adopt();
    expect(new Set(lanes.all().map((one) => one.lane)).size).toBe(64);
  });

  test("a tab lets go of a lane that has nothing left, and not while it is claimed or a voucher comes", async () => {
    const left = lane(1, 20, { in: 2, accrued: amount(30) });
    await leave(left, lane(2, 1, { in: 3 }));
    const lanes = open();
    await lanes.adopt();
    const ledger = lanes.all().find((one) => one.lane === 2);
    if (ledger === undefined) throw new Error("it was not taken over");
    const seen = { balance: amount(980), claimed: amount(20), reserved: amount(0) };
    const chain = { ...seen, closeAt: 0, ceiling: amount(0), until: 0, now: 1 };
    ledger.claiming = 1;
    await ledger.apply({ type: "chain", ...chain });
    lanes.letGo();
    expect(potsOf(lanes)).toEqual([2, 1]);
    ledger.claiming = 0;
    ledger.coming = 1;
    lanes.letGo();
    expect(potsOf(lanes)).toEqual([2, 1]);
    ledger.coming = 0;
    lanes.letGo();
    expect(potsOf(lanes)).toEqual([2]);
    expect(lanes.sums()).toEqual({
      accrued: 30n,
      vouchered: 21n,
      claimed: 20n,
      outstanding: 1n,
    });
    (await store.share().lock(lockOf(payee, 2), { signal, patience: 1 }))();
  });

  test("a voucher that waits for the chain is written before other tabs may have its lane", async () => {
    await leave(lane(1, 20, { in: 2 }));
    const lanes = open();
    await lanes.adopt();
    const [ledger] = lanes.all();
    const waits = Promise.withResolvers<void>();
    const taken = ledger?.vouchers.run(async () => {
      await waits.promise;
      const event = { type: "voucher", signature: "0x", now: UNIX } as const;
      await ledger.post({ ...event, cumulative: amount(30) });
      await expect(store.share().lock(lockOf(payee, 2), { signal, patience: 1 })).rejects.toThrow();
    });
    const closed = lanes.close();
    await new Promise((resolve) => setImmediate(resolve));
    waits.resolve();
    await Promise.all([taken, closed]);
    expect(ledger?.book.highest?.cumulative).toBe(30n);
  });
});

describe("what was left unpaid in a pot", () => {
  const left = async (lanes: Lanes, n = 1) =>
    (await lanes.leftIn(lane(n, 0).potId)).map(({ unpaid }) => unpaid);

  test("it is what closed tabs left in that pot, a single wei too, and not the tab's own lane nor one that is paid", async () => {
    await leave(
      lane(1, 0, { unpaid: amount(30) }),
      lane(1, 0, { unpaid: amount(1), in: 2 }),
      lane(1, 0, { in: 3 }),
      lane(1, 0, { unpaid: amount(8), in: 4 }),
      lane(2, 0, { unpaid: amount(9), in: 2 }),
    );
    expect(await left(open())).toEqual([1n, 8n]);
    expect(await left(open(), 3)).toEqual([]);
    // Their locks are free again.
    for (const n of [2, 4]) (await store.share().lock(lockOf(payee, n), { signal, patience: 1 }))();
  });

  test("an open tab is another worker, and what this tab looks after counts", async () => {
    await leave(
      lane(1, 20, { unpaid: amount(3), in: 2 }),
      lane(1, 0, { unpaid: amount(5), in: 3 }),
    );
    const release = await store.share().lock(lockOf(payee, 3), { signal, patience: 1 });
    const lanes = open();
    await lanes.adopt();
    expect(await left(lanes)).toEqual([3n]);
    release();
    expect(await left(lanes)).toEqual([3n, 5n]);
    // It goes on looking after it.
    const other = store.share().lock(lockOf(payee, 2), { signal, patience: 1 });
    await expect(other).rejects.toMatchObject({ code: "STORE_LOCKED" });
  });
});
