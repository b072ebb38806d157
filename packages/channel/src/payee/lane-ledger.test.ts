import { type Amount, type Clock, type Millis, systemClock } from "@tabcast/runtime";
import { beforeEach, describe, expect, test } from "vitest";
import { ledger as chainOf, NOW } from "../../test/ledger.ts";
import { LANE, potConfig, purseParts } from "../../test/purse-parts.ts";
import { potId as potIdOf, separator } from "../config.ts";
import type { Domain, Hex, PurseNews } from "../types.ts";
import { LaneLedger, viewOf } from "./lane-ledger.ts";
import type { PurseParts } from "./parts.ts";
import * as Payee from "./payee.ts";

const amount = (value: number) => BigInt(value) as Amount;
const domain: Domain = { chainId: 31337, contract: `0x${"ab".repeat(20)}` };
const config = potConfig(1);
const potId = potIdOf(separator(domain), config);
const { signal } = new AbortController();
const CHAIN: Payee.ChainView = {
  balance: amount(100),
  reserved: amount(0),
  claimed: amount(0),
  closeAt: 0,
  ceiling: amount(0),
  until: 0,
  now: NOW,
};

let now: number;
let unix: number;
let rules: Payee.Rules;
let news: PurseNews[];
let parts: PurseParts;
let lane: LaneLedger;
beforeEach(() => {
  [now, unix, rules, news] = [0, 5_000, {}, []];
  const clock: Clock = { ...systemClock, now: () => now as Millis, unix: () => unix as Millis };
  parts = purseParts(chainOf(domain), {
    clock,
    rules: () => rules,
    tell: (one) => void news.push(one),
  });
  lane = new LaneLedger(parts, { lane: LANE, potId, config, book: Payee.fresh(CHAIN) });
});

const delivered = (value: number) => lane.post({ type: "delivered", amount: amount(value) });
const voucher = (total: number) =>
  lane.post({ type: "voucher", cumulative: amount(total), signature: "0x" as Hex, now: NOW });
/** One look, which shows so much. */
const shown = (more: Partial<Payee.ChainView> = {}) =>
  lane.queue.run(() => lane.see({ ...CHAIN, ...more }, lane.beginLook()));

describe("a lane's books", () => {
  test("they know the chain's time from the last look, and their own clock's before the first", async () => {
    expect(lane.chainNow).toBe(5);
    unix = 5_001;
    expect(lane.chainNow).toBe(6);
    await shown();
    expect(lane.chainNow).toBe(NOW);
    unix += 2_000;
    expect(lane.chainNow).toBe(NOW + 2);
  });

  test("the lane is in use while it has work or vouchers, and not for being looked at", async () => {
    now = 1_000;
    await shown({ balance: amount(70) });
    expect(lane.usedAt).toBe(0);
    await delivered(10);
    expect(lane.usedAt).toBe(1_000);
    now = 2_000;
    await voucher(10);
    expect(lane.usedAt).toBe(2_000);
  });

  test("vouchers may cause four looks at once, also when the clock has just begun, and no more than that later", () => {
    const may = (times: number) => Array.from({ length: times }, () => lane.mayRefresh());
    expect(may(5)).toEqual([true, true, true, true, false]);
    now = 1_500;
    expect(may(2)).toEqual([true, false]);
    now = 60_000;
    expect(may(5)).toEqual([true, true, true, true, false]);
  });

  test("a pot of which a look says nothing is one that does not exist, with nothing in it", () => {
    const none = amount(0);
    const nothing = { balance: none, reserved: none, claimed: none, ceiling: none, until: 0 };
    expect(viewOf(undefined, NOW)).toEqual({ ...nothing, closeAt: 0, exists: false, now: NOW });
  });

  test("a look that another has overtaken shows nothing new", async () => {
    const [early, late] = [lane.beginLook(), lane.beginLook()];
    await lane.queue.run(() => lane.see({ ...CHAIN, balance: amount(70) }, late));
    await lane.queue.run(() => lane.see({ ...CHAIN, balance: amount(90) }, early));
    expect(lane.book.balance).toBe(70n);
  });

  describe("looks again until it is sure that the chain went back", () => {
    let looks: number;
    /** What the chain does when it is asked, before it answers that the lane was paid nothing. */
    let asked: () => Promise<unknown>;
    beforeEach(async () => {
      [looks, asked] = [0, async () => undefined];
      await voucher(20);
      await shown({ claimed: amount(20), balance: amount(80) });
      const { chain } = parts;
      Object.assign((chain as ReturnType<typeof chainOf>).instead, {
        snapshot: async () => {
          looks++;
          await asked();
          const pot = { balance: amount(100), reserved: amount(0), closeAt: 0, exists: true };
          const row = { claimed: amount(0), ceiling: amount(0), until: 0, version: 0 };
          return { block: 1n, now: NOW, pots: [{ ...pot, lanes: [row] }] };
        },
      });
    });

    test("three times at most", async () => {
      await lane.refreshUntilSure({ signal });
      expect([looks, lane.book.claimed]).toEqual([3, 0n]);
      expect(news).toEqual([{ type: "reorg", potId, from: 20n, to: 0n }]);
      await lane.refreshUntilSure({ signal });
      expect(looks).toBe(4);
    });

    test("and is, once a look that began later sees what was known", async () => {
      asked = async () => looks === 2 && shown({ claimed: amount(20), balance: amount(80) });
      await lane.refreshUntilSure({ signal });
      expect([looks, lane.book.claimed, lane.book.doubts, news]).toEqual([2, 20n, undefined, []]);
    });

    test("and believes the third that agrees, whoever looked", async () => {
      asked = async () => looks === 2 && shown({ claimed: amount(0), balance: amount(100) });
      await lane.refreshUntilSure({ signal });
      expect([looks, lane.book.claimed]).toEqual([3, 0n]);
    });

    test("and writes nothing once its owner has ended it, though the chain has answered", async () => {
      const ended = new AbortController();
      asked = async () => ended.abort();
      const { book } = lane;
      await expect(lane.refreshUntilSure(ended)).rejects.toBe(ended.signal.reason);
      expect([looks, lane.book]).toEqual([1, book]);
    });
  });
});

describe("what a person is told of a lane", () => {
  test("a guarantee is news when it comes, grows or is renewed, and not once it is used up", async () => {
    const guaranteed = (ceiling: number, until: number, claimed = 0) =>
      shown({ ceiling: amount(ceiling), until, claimed: amount(claimed) });
    await guaranteed(0, 0);
    await guaranteed(50, NOW + 3_600);
    await guaranteed(50, NOW + 3_600);
    await guaranteed(60, NOW + 3_600);
    await guaranteed(60, NOW + 7_200);
    await guaranteed(70, NOW + 7_200, 70);
    expect(news).toEqual([
      { type: "reserved", potId, ceiling: 50n, until: NOW + 3_600 },
      { type: "reserved", potId, ceiling: 60n, until: NOW + 3_600 },
      { type: "reserved", potId, ceiling: 60n, until: NOW + 7_200 },
    ]);
  });

  test("credit that was held back is news when a look brings it, a single wei too", async () => {
    rules = { softCap: amount(15) };
    await expect(voucher(16)).rejects.toMatchObject({ code: "VOUCHER_UNGUARANTEED" });
    expect(news).toEqual([{ type: "unguaranteed", potId }]);
    await shown();
    await shown({ claimed: amount(1), balance: amount(99) });
    await voucher(16);
    expect(news.slice(1)).toEqual([{ type: "credited", potId, credited: 16n }]);
    await expect(voucher(17)).rejects.toMatchObject({ code: "VOUCHER_UNGUARANTEED" });
    await shown({ claimed: amount(2), balance: amount(98) });
    expect(news.at(-1)).toEqual({ type: "credited", potId, credited: 1n });
  });

  test("what is lost, and when, is news once, and again when it is due at another time", async () => {
    await voucher(20);
    await shown({ closeAt: NOW + 900 });
    await shown({ closeAt: NOW + 900 });
    await shown({ closeAt: NOW + 1_800 });
    await shown();
    await shown({ closeAt: NOW + 1_800 });
    const due = { type: "due", potId, amount: 20n };
    expect(news).toEqual([
      { ...due, before: NOW + 900 },
      { ...due, before: NOW + 1_800 },
      { ...due, before: NOW + 1_800 },
    ]);
  });
});
