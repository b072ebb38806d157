import type { Amount } from "@tabcast/runtime";
import { describe, expect, test } from "vitest";
import { NOW } from "../../test/ledger.ts";
import { BYTES, END, lane, type Paying, paying, payments, wallet } from "../../test/paying.ts";
import { ChainError, type Wallet } from "../chain/chain.ts";
import type { Lane } from "../types.ts";
import { payLanes, stillOwed } from "./pay-lanes.ts";

/* Payment of a pot's lanes over a chain in memory: who is paid, out of which coins, and what is said of the others. */

const { signal } = new AbortController();
const [A, B, C, D] = [lane(1), lane(2), lane(3), lane(4)];
/** Wei that a payment of so many rows, which frees so many lanes, is quoted. */
const quoted = (rows: number, freed = 0, bytes = BYTES) =>
  30_000n + 40_000n * BigInt(rows) + 10_000n * BigInt(freed) + bytes;
/** Wei that it costs the session key at most to take gas out of the pot. */
const TOLL = 160_000n + 2n * BYTES;
/** The lane in which the session key pays itself. */
const ownOf = ({ key }: Paying): Lane => ({ payee: key.address, lane: 0 });

async function pay({ parts }: Paying, payer?: Wallet) {
  const told: number[] = [];
  const paying = (lanes: number) => void told.push(lanes);
  const owing = await payLanes(parts, { payer, signal, paying });
  return { owing, told };
}
/** A guarantee of a lane until so many seconds from now. */
const guarantee = ({ chain, potId }: Paying, of: Lane, ceiling: bigint, seconds: number) =>
  chain.guarantee(potId, of, ceiling, NOW + seconds);
const nothing = { lanes: 0, owed: 0n, blockedUntil: 0 };

describe("who is paid", () => {
  test("every lane gets what was signed and not paid, be it a wei, and the others cost nothing", async () => {
    const pot = await paying({
      deposit: 1_000n,
      owed: [
        { lane: A, signed: 300n },
        { lane: B, signed: 201n },
        { lane: C, signed: 100n },
        { lane: D, intent: 5n },
      ],
    });
    await pot.claim(B, 200n);
    await pot.claim(C, 100n);
    expect(await pay(pot)).toEqual({ owing: nothing, told: [2] });
    expect(await pot.paid(A, B, C, D)).toEqual([300n, 201n, 100n, 0n]);
    expect(payments(pot)).toEqual([
      {
        by: pot.key.address,
        rows: [
          [A.lane, 300n],
          [B.lane, 201n],
        ],
        freed: [],
      },
    ]);
  });

  test("a pot that owes nothing is asked for once and sent nothing", async () => {
    const pot = await paying({ deposit: 1_000n, owed: [{ lane: A, signed: 300n }] });
    await pot.claim(A, 300n);
    expect(await pay(pot)).toEqual({ owing: nothing, told: [] });
    expect(pot.calls.map(({ name }) => name)).toEqual(["look"]);
  });

  test("a voucher that a worker shows while the chain answers is owed in full", async () => {
    const pot = await paying({ deposit: 1_000n });
    pot.chain.instead.look = async (...asked) => {
      delete pot.chain.instead.look;
      const seen = await pot.chain.look(...asked);
      const cumulative = 100n as Amount;
      await pot.books.post({ type: "shown", lane: A, cumulative, signature: "0x01" });
      return seen;
    };
    expect(await stillOwed(pot.parts, { signal })).toEqual({ ...nothing, lanes: 1, owed: 100n });
  });

  test("150 rows go in one transaction, those that are freed among them", async () => {
    const owed = Array.from({ length: 149 }, (_, n) => ({ lane: lane(10 + n), signed: 1_000n }));
    const pot = await paying({ deposit: 150_000n, owed });
    for (const gone of [A, B]) guarantee(pot, gone, 1_000n, -1);
    expect((await pay(pot)).owing).toEqual(nothing);
    expect(payments(pot).map(({ rows, freed }) => [rows.length, freed.length])).toEqual([
      [148, 2],
      [1, 0],
    ]);
    expect((await pot.paid(...owed.map(({ lane }) => lane))).every((one) => one === 1_000n)).toBe(
      true,
    );
  });

  test("without a session key the payer's wallet pays, and without one at hand nobody does", async () => {
    const pot = await paying({
      deposit: 1_000n,
      owed: [{ lane: A, signed: 300n }],
      key: false,
    });
    expect(await pay(pot)).toEqual({
      owing: { lanes: 1, owed: 300n, blockedUntil: 0 },
      told: [1],
    });
    expect(payments(pot)).toEqual([]);
    expect((await pay(pot, wallet)).owing).toEqual(nothing);
    expect(payments(pot)).toEqual([{ by: wallet.address, rows: [[A.lane, 300n]], freed: [] }]);
  });
});

describe("guarantees that stand in the way", () => {
  test("a pot that promises all that it has pays what it promises, be it a wei, and sends nothing in vain", async () => {
    const owed = [
      { lane: A, signed: 1n },
      { lane: B, signed: 50n },
      { lane: C, signed: 99n },
    ];
    const pot = await paying({ deposit: 100n, owed });
    guarantee(pot, A, 1n, 50);
    await pot.claim(C, 99n);
    expect(await pay(pot)).toEqual({
      owing: { lanes: 1, owed: 50n, blockedUntil: 0 },
      told: [1],
    });
    expect(payments(pot)).toMatchObject([{ rows: [[A.lane, 1n]] }]);
  });

  test("a pot with a wei to spare gives it to whom it owes", async () => {
    const pot = await paying({ deposit: 100n, owed: [{ lane: A, signed: 60n }, { lane: B }] });
    guarantee(pot, B, 99n, 50);
    expect((await pay(pot)).owing).toEqual({ lanes: 1, owed: 59n, blockedUntil: NOW + 50 });
    expect(payments(pot)).toHaveLength(1);
  });

  test("a lapsed guarantee of a worker that is gone is freed where its part is needed, and not else", async () => {
    for (const [signed, freed] of [
      [60n, false],
      [61n, true],
    ] as const) {
      const pot = await paying({ deposit: 100n, owed: [{ lane: A, signed }, { lane: B }] });
      guarantee(pot, B, 40n, -1);
      expect((await pay(pot)).owing).toEqual(nothing);
      expect(payments(pot).map((one) => one.freed)).toEqual([freed ? [B.lane] : []]);
    }
  });

  test("what is freed is told as no payment, and a debt that it covers is paid then", async () => {
    const pot = await paying({
      deposit: 100n,
      owed: [{ lane: A, signed: 75n }, { lane: B }, { lane: C, debt: 25n }],
    });
    await pot.claim(A, 75n);
    guarantee(pot, B, 25n, -1);
    expect(await pay(pot)).toEqual({ owing: nothing, told: [1] });
    expect(await pot.paid(C)).toEqual([25n]);
  });

  test("a lane's payment frees its own lapsed guarantee, and a living one of another stays", async () => {
    const owed = [{ lane: A, signed: 60n }, { lane: B, signed: 30n }, { lane: C }];
    const pot = await paying({ deposit: 100n, owed });
    guarantee(pot, B, 35n, -1);
    guarantee(pot, C, 10n, 50);
    expect((await pay(pot)).owing).toEqual(nothing);
    expect(payments(pot).map(({ freed }) => freed)).toEqual([[]]);
    expect((await pot.chain.pot(pot.potId, { signal })).reserved).toBe(10n);
  });

  test("a guarantee that the books do not know, of a wei even, is found in the chain's events and freed", async () => {
    const pot = await paying({
      deposit: 100n,
      owed: [{ lane: A, signed: 100n }, { lane: B }],
    });
    await pot.claim(A, 50n);
    guarantee(pot, C, 1n, -1);
    expect((await pay(pot)).owing).toEqual(nothing);
    expect(await pot.paid(A)).toEqual([100n]);
  });

  test("no events are asked for where the books explain all that is reserved", async () => {
    const pot = await paying({ deposit: 100n, owed: [{ lane: A, signed: 20n }, { lane: B }] });
    guarantee(pot, A, 30n, 50);
    guarantee(pot, B, 40n, 50);
    await pot.claim(A, 10n);
    expect((await pay(pot)).owing).toEqual(nothing);
    expect(pot.times("events")).toEqual([]);
  });

  test("what a living guarantee of others keeps back is owed until its last second, the last one's", async () => {
    const owed = [
      { lane: A, signed: 90n },
      { lane: B, debt: 25n },
      ...[C, D, lane(5)].map((lane) => ({ lane })),
    ];
    const pot = await paying({ deposit: 100n, owed });
    guarantee(pot, C, 20n, 0);
    guarantee(pot, D, 10n, -1);
    expect(await stillOwed(pot.parts, { signal })).toEqual({
      ...{ lanes: 2, owed: 115n, blockedUntil: NOW },
    });
    guarantee(pot, lane(5), 10n, 70);
    expect((await pay(pot)).owing).toEqual({ lanes: 2, owed: 45n, blockedUntil: NOW + 70 });
    expect(await pot.paid(A)).toEqual([70n]);
  });

  test("a single wei that is kept back is waited for too", async () => {
    const pot = await paying({ deposit: 100n, owed: [{ lane: A, signed: 61n }, { lane: B }] });
    guarantee(pot, B, 40n, 50);
    expect((await pay(pot)).owing).toEqual({ lanes: 1, owed: 1n, blockedUntil: NOW + 50 });
  });

  test("a lane with a debt beside what was signed is one lane", async () => {
    const pot = await paying({ deposit: 100n, owed: [{ lane: A, signed: 100n, debt: 7n }] });
    expect(await stillOwed(pot.parts, { signal })).toEqual({ ...nothing, lanes: 1, owed: 107n });
    expect((await pay(pot)).owing).toEqual({ ...nothing, lanes: 1, owed: 7n });
  });

  test("a guarantee that was used up stands in nobody's way, nor one where nothing is owed", async () => {
    const owed = [{ lane: A, signed: 90n }, { lane: B, signed: 30n }, { lane: C }];
    const pot = await paying({ deposit: 100n, owed });
    guarantee(pot, B, 30n, 700);
    await pot.claim(B, 30n);
    expect((await pay(pot)).owing).toEqual({ lanes: 1, owed: 20n, blockedUntil: 0 });
    const rich = await paying({ deposit: 200n, owed });
    guarantee(rich, C, 30n, 700);
    expect((await pay(rich)).owing).toEqual(nothing);
  });
});

describe("a session key that lacks the gas", () => {
  /** Ten lanes that are not worth their gas, of 1 to 10 wei. */
  const dust = Array.from({ length: 10 }, (_, i) => ({
    lane: lane(10 + i),
    signed: BigInt(i + 1),
  }));
  const DEAR = 200_000n;
  const dearly = async (spare: bigint, more: Partial<Parameters<typeof paying>[0]> = {}) => {
    // Each transaction is dear beside its rows, as on an L2.
    const ended = 4n * (DEAR - BYTES);
    const pot = await paying({ deposit: 10n ** 9n, owed: dust, spare: spare + ended, ...more });
    pot.chain.fees.transaction = DEAR;
    return pot;
  };

  test("it pays the most valuable lanes, as many as its coins are enough for, and asks few prices", async () => {
    const pot = await dearly(quoted(5, 0, DEAR));
    expect(await pay(pot)).toEqual({
      owing: { lanes: 5, owed: 15n, blockedUntil: 0 },
      told: [10, 5],
    });
    expect(payments(pot).map(({ rows }) => rows)).toEqual([
      [10n, 9n, 8n, 7n, 6n].map((wei) => [Number(wei) + 9, wei]),
    ]);
    expect(pot.times("quote").length).toBeLessThanOrEqual(5);
  });

  test("with a wei less than the last of them costs it pays one less", async () => {
    const pot = await dearly(quoted(5, 0, DEAR) - 1n);
    expect((await pay(pot)).owing.lanes).toBe(6);
  });

  test("with coins for the freeing of a lapsed guarantee alone it frees that", async () => {
    const owed = [{ lane: A, signed: 1n }, { lane: B, signed: 2n }, { lane: C }];
    const pot = await dearly(quoted(0, 1, DEAR), { deposit: 100n, owed });
    guarantee(pot, C, 98n, -1);
    expect((await pay(pot)).owing).toEqual({ lanes: 2, owed: 3n, blockedUntil: 0 });
    expect(payments(pot)).toEqual([{ by: pot.key.address, rows: [], freed: [C.lane] }]);
    const poor = await dearly(quoted(0, 1, DEAR) - 1n, { deposit: 100n, owed });
    guarantee(poor, C, 98n, -1);
    expect((await pay(poor)).owing).toMatchObject({ lanes: 2, owed: 3n });
    expect(payments(poor)).toEqual([]);
  });

  test("with coins for a row and the freeing it does both in one transaction", async () => {
    const owed = [{ lane: A, signed: 1n }, { lane: B, signed: 2n }, { lane: C }];
    const pot = await dearly(quoted(1, 1, DEAR), { deposit: 100n, owed });
    guarantee(pot, C, 98n, -1);
    expect((await pay(pot)).owing).toMatchObject({ lanes: 1, owed: 1n });
    expect(payments(pot)).toEqual([{ by: pot.key.address, rows: [[B.lane, 2n]], freed: [C.lane] }]);
  });

  test("what is exactly enough is not added to, and nobody is asked", async () => {
    const pot = await paying({
      deposit: 10n ** 9n,
      owed: [{ lane: A, signed: 10n ** 8n }],
      spare: quoted(1),
    });
    expect((await pay(pot, wallet)).owing).toEqual(nothing);
    expect(payments(pot)).toEqual([
      { by: pot.key.address, rows: [[A.lane, 10n ** 8n]], freed: [] },
    ]);
    expect(pot.news).toEqual([]);
  });

  test("where gas is free a key without coins pays everybody", async () => {
    const pot = await paying({ deposit: 1_000n, owed: dust });
    Object.assign(pot.chain.fees, { unit: 0n, transaction: 0n });
    pot.chain.coins.set(pot.key.address, 0n);
    expect((await pay(pot)).owing).toEqual(nothing);
    expect(payments(pot).map(({ rows }) => rows.length)).toEqual([10]);
  });

  test("it takes what it lacks out of the pot for lanes that are worth more than their gas, to the wei", async () => {
    const each = quoted(3, 1) / 4n;
    const owed = [
      { lane: A, signed: each + 1n },
      { lane: B, signed: each },
      { lane: C, signed: 1_000_000n },
    ];
    const pot = await paying({ deposit: 1_400_000n, owed, spare: 7n });
    guarantee(pot, D, 500_000n, -1);
    // What is taken for two rows and the freeing does not pay for the third, which is worth no more than its gas.
    expect((await pay(pot)).owing).toEqual({ lanes: 1, owed: each, blockedUntil: 0 });
    expect(await pot.paid(A, B, C, ownOf(pot))).toEqual([
      each + 1n,
      0n,
      1_000_000n,
      3n * each - 7n + TOLL,
    ]);
    expect(pot.news).toEqual([]);
  });

  test("one valuable lane is enough to take gas for, and what a key lacks for the end of the pot is taken too", async () => {
    for (const lacks of [0n, 1n, 40_000n]) {
      const owed = [{ lane: A, signed: 10n ** 8n }];
      const pot = await paying({ deposit: 10n ** 9n, owed, spare: -lacks });
      expect((await pay(pot)).owing).toEqual(nothing);
      expect(await pot.paid(ownOf(pot))).toEqual([quoted(1) + lacks + TOLL]);
      expect(await pot.chain.balance(pot.key.address, { signal })).toBeGreaterThanOrEqual(END);
    }
  });

  test("no gas is taken out of the pot for lanes that are not worth it", async () => {
    const pot = await paying({ deposit: 10n ** 9n, owed: dust, spare: 7n });
    expect((await pay(pot)).owing.lanes).toBe(10);
    expect(await pot.paid(ownOf(pot))).toEqual([0n]);
    expect(payments(pot)).toEqual([]);
  });

  test("the payer's wallet, if it is at hand and agrees, pays all lanes in its stead", async () => {
    const pot = await paying({ deposit: 1_000n, owed: dust, spare: quoted(1) });
    expect((await pay(pot, wallet)).owing).toEqual(nothing);
    expect(payments(pot).map(({ by, rows }) => [by, rows.length])).toEqual([[wallet.address, 10]]);
    expect(pot.news).toEqual([{ type: "walletAsked", step: "pay" }]);
  });

  test.each(["CHAIN_REJECTED", "CHAIN_INSUFFICIENT", "CHAIN_WRONG_ID"] as const)(
    "where the wallet pays nothing (%s) the key pays as much as it can",
    async (code) => {
      const pot = await paying({ deposit: 1_000n, owed: dust, spare: quoted(1) });
      const real = pot.chain.pay;
      pot.chain.instead.pay = async (by, ...rest) => {
        if (by === wallet) throw new ChainError({ code } as never, "no");
        return real(by, ...rest);
      };
      expect((await pay(pot, wallet)).owing).toEqual({ lanes: 9, owed: 45n, blockedUntil: 0 });
    },
  );

  test("a wallet's payment that fails for another reason is an error, and the key's coins stay", async () => {
    const pot = await paying({ deposit: 1_000n, owed: dust, spare: quoted(1) });
    pot.chain.instead.pay = async () => {
      throw new ChainError({ code: "CHAIN_FAILED" }, "the wallet is broken");
    };
    await expect(pay(pot, wallet)).rejects.toThrow("broken");
    expect(payments(pot).map(({ by }) => by)).toEqual([wallet.address]);
    pot.chain.instead.pay = async () => {
      throw new TypeError("a bug");
    };
    await expect(pay(pot, wallet)).rejects.toThrow("a bug");
  });
});
