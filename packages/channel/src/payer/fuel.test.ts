import { readFileSync } from "node:fs";
import type { Amount } from "@tabcast/runtime";
import { describe, expect, test } from "vitest";
import { BYTES, END, lane, type Paying, type PayingOptions, paying } from "../../test/paying.ts";
import { ChainError } from "../chain/chain.ts";
import { costOf, endCost, ownLane, refuel, takeCredit } from "./fuel.ts";

/* The gas of a pot's end over a chain in memory: what is set aside for it, and what the session key takes out of the pot. */

const { signal } = new AbortController();
const waits = { signal };
const TOLL = 160_000n + 2n * BYTES;

const measured = JSON.parse(
  readFileSync(new URL("../../../contracts/snapshots/TabcastPot.json", import.meta.url), "utf8"),
) as Readonly<Record<string, string>>;
const units = (name: string) => BigInt(measured[name] ?? Number.NaN);
/** Units of gas of a transaction that only sends coins. */
const TRANSFER = 21_000n;

describe("what the end of a pot is said to cost", () => {
  /** Units of gas and transactions of the end of a pot with so many lanes. */
  async function ends(lanes: number) {
    const owed = Array.from({ length: lanes }, (_, n) => ({ lane: lane(n), signed: 1n }));
    const { parts, chain } = await paying({ deposit: 1_000n, owed });
    Object.assign(chain.fees, { unit: 1n, transaction: 0n });
    const gas = await endCost(parts, waits);
    Object.assign(chain.fees, { unit: 0n, transaction: 1n });
    return { gas, transactions: await endCost(parts, waits) };
  }

  test("it covers what its steps take on chain, and is no more than a half above that", async () => {
    const steps =
      units("startClose") +
      units("finalizeClose") +
      units("withdraw: to a fresh account") +
      TRANSFER;
    const { gas } = await ends(0);
    expect(gas).toBeGreaterThanOrEqual(steps);
    expect(gas).toBeLessThan((steps * 3n) / 2n);
    const row = units("pay 200: 16 warm") / 200n;
    const more = (await ends(151)).gas - gas;
    expect(more).toBeGreaterThanOrEqual(151n * row);
    expect(more).toBeLessThan((151n * row * 3n) / 2n);
  });

  test("it counts a transaction for each step and for each 150 lanes", async () => {
    const transactions = await Promise.all(
      [0, 1, 150, 151].map(async (lanes) => (await ends(lanes)).transactions),
    );
    expect(transactions).toEqual([4n, 5n, 5n, 6n]);
  });

  test("what an account cannot pay is priced all the same, and what the chain refuses is an error", async () => {
    const { parts, chain, key, config } = await paying({ deposit: 1_000n });
    const price = () => costOf(parts, key.address, { do: "pay", config, rows: [] }, waits);
    const cost = await price();
    chain.coins.set(key.address, 0n);
    expect(await price()).toBe(cost);
    chain.instead.quote = async () => {
      throw new ChainError({ code: "CHAIN_REVERTED", error: "PotIsFinal", args: [] }, "it is over");
    };
    await expect(price()).rejects.toThrow("it is over");
    chain.instead.quote = async () => {
      throw new TypeError("a bug");
    };
    await expect(price()).rejects.toThrow("a bug");
  });
});

describe("gas out of the pot", () => {
  const WANT = 5_000n;
  /** What a pot takes for its gas, wei; undefined if it takes none. */
  async function take(pot: Paying): Promise<bigint | undefined> {
    const { pot: state } = await pot.chain.look(pot.potId, [], waits);
    const taken = await refuel(pot.parts, { pot: state }, WANT, waits);
    expect(await pot.paid(ownLane(pot.parts))).toEqual([taken ?? 0n]);
    return taken;
  }
  const open = (more: Partial<PayingOptions> = {}) =>
    paying({ deposit: 10n ** 7n, spare: 0n, ...more });

  test("it is what is wanted and what taking it costs, and none of it stays in the contract", async () => {
    const pot = await open();
    expect(await take(pot)).toBe(WANT + TOLL);
    expect(await pot.chain.credit(pot.key.address, waits)).toBe(0n);
    const have = await pot.chain.balance(pot.key.address, waits);
    expect(have).toBeGreaterThanOrEqual(END + WANT);
    const real = units("pay 1: fresh lane and credit") + units("withdraw: to a fresh account");
    expect(TOLL - 2n * BYTES).toBeGreaterThanOrEqual(real);
    expect(TOLL - 2n * BYTES).toBeLessThan((real * 3n) / 2n);
  });

  test("it is taken in the session key's own lane, number 0, where a tab that starts again finds it", async () => {
    const pot = await open();
    expect(ownLane(pot.parts)).toEqual({ payee: pot.key.address, lane: 0 });
    expect(await take(pot)).toBe(WANT + TOLL);
  });

  test("a pot gives what it promises nobody, to the last wei, and not a wei more", async () => {
    const promised = 40n;
    for (const [deposit, taken] of [
      [WANT + TOLL + promised, WANT + TOLL],
      [WANT + TOLL + promised - 1n, undefined],
    ] as const) {
      const pot = await open({ deposit });
      pot.chain.guarantee(pot.potId, lane(1), promised, 2_000_000_000);
      expect(await take(pot)).toBe(taken);
    }
  });

  test("a key takes gas with what that costs, and none with a wei less", async () => {
    for (const [have, taken] of [
      [TOLL, WANT + TOLL],
      [TOLL - 1n, undefined],
    ] as const) {
      const pot = await open();
      pot.chain.coins.set(pot.key.address, have);
      expect(await take(pot)).toBe(taken);
    }
  });

  test("what the books owe to workers is nobody's gas, though the chain does not know of it yet", async () => {
    const pot = await open({ owed: [{ lane: lane(1), signed: 10n ** 7n }] });
    expect(await take(pot)).toBeUndefined();
    expect(pot.times("pay")).toEqual([]);
  });

  test("a pot in a token has no gas to give, nor one whose session key has gone home", async () => {
    const token = await open({ config: { token: `0x${"cc".repeat(20)}` } });
    expect(await take(token)).toBeUndefined();
    expect(await take(await open({ key: false }))).toBeUndefined();
  });
});

describe("what the contract owes the session key", () => {
  test.each([0n, 1n])(
    "a credit of %s wei leaves nothing in the contract, and costs nothing if it is none",
    async (wei) => {
      const pot = await paying({ deposit: 1_000n });
      if (wei > 0n) await pot.claim(ownLane(pot.parts), wei);
      await takeCredit(pot.parts, waits);
      expect(await pot.chain.credit(pot.key.address, waits)).toBe(0n);
      expect(pot.times("withdraw")).toHaveLength(Number(wei));
    },
  );

  test("a key that has gone home withdraws nothing", async () => {
    const pot = await paying({ deposit: 1_000n, key: false });
    await pot.claim(ownLane(pot.parts), 5n as Amount);
    await takeCredit(pot.parts, waits);
    expect(pot.times("withdraw")).toEqual([]);
  });
});
