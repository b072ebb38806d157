import type { Amount } from "@tabcast/runtime";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { replay } from "../../test/replay.ts";
import { least } from "../least.ts";
import { brought, type Row, valued } from "./value.ts";

const wei = (value: bigint | number) => BigInt(value) as Amount;
const NOW = 1_000;
const row = (cumulative: number, claimed = 0, ceiling = 0, until = NOW): Row => ({
  cumulative: wei(cumulative),
  lane: { claimed: wei(claimed), ceiling: wei(ceiling), until },
});
const pot = (balance: number, reserved = 0) => ({ balance: wei(balance), reserved: wei(reserved) });
const values = (...of: Parameters<typeof valued>) => valued(...of).map(({ value }) => value);
const all = (...of: Parameters<typeof values>) => values(...of).map((value) => value.all);

describe("what vouchers are worth", () => {
  test("vouchers of a pot share what is promised to nobody, none more than it is owed", () => {
    expect(all(pot(100), [row(10), row(200), row(300)], NOW)).toEqual([10n, 45n, 45n]);
    expect(all(pot(100), [row(10, 4), row(20, 20)], NOW)).toEqual([6n, 0n]);
  });

  test("a guarantee is worth what it guarantees, and made-up lanes take nothing of it", () => {
    const sybils = Array.from({ length: 9 }, () => row(100));
    const [honest, ...others] = values(pot(100, 60), [row(80, 0, 60), ...sybils], NOW);
    expect(honest).toEqual({ sure: 60n, all: 64n });
    expect(others.map((other) => other.all)).toEqual(Array(9).fill(4n));
  });

  test("what is promised to others is worth nothing to a lane, and a lapsed guarantee is free once its lane claims", () => {
    expect(all(pot(100, 100), [row(50)], NOW)).toEqual([0n]);
    expect(all(pot(100, 100), [row(50, 0, 60, NOW - 1)], NOW)).toEqual([50n]);
    expect(all(pot(100, 100), [row(50, 0, 60, NOW)], NOW)).toEqual([50n]);
  });
});

describe("what a claim brings", () => {
  const anything = () => true;
  const bring = (balance: number, reserved: number, ...rows: readonly Row[]) =>
    brought(pot(balance, reserved), rows, NOW, anything).map(({ row, pays }) => [
      Number(row.cumulative),
      Number(pays),
    ]);
  const lapsed = (cumulative: number, ceiling: number) => row(cumulative, 0, ceiling, NOW - 1);

  test("a claim brings small rows first, so that a large one cannot starve them", () => {
    expect(bring(90, 0, row(80), row(30))).toEqual([
      [30, 30],
      [80, 60],
    ]);
  });

  test("a claim brings first what frees a lapsed guarantee of its own: others are paid from it", () => {
    const after = [
      [50, 50],
      [10, 10],
    ];
    expect(bring(60, 60, row(10), lapsed(50, 60))).toEqual(after);
    expect(bring(60, 60, lapsed(50, 60), row(10))).toEqual(after);
    expect(bring(5, 1, row(10), lapsed(50, 1))).toEqual([[50, 5]]);
    expect(bring(5, 1, lapsed(50, 1), row(10))).toEqual([[50, 5]]);
    expect(bring(90, 90, lapsed(50, 60), lapsed(20, 30))).toEqual([
      [20, 20],
      [50, 50],
    ]);
  });

  test("a claim has no row that brings nothing, though a single wei may be worth it", () => {
    expect(bring(1, 0, row(1), row(1))).toEqual([[1, 1]]);
  });

  test("rows of which the same is due are brought in the order in which they came", () => {
    const rows = [row(30, 10), row(40, 20), row(50, 30)];
    expect(bring(100, 0, ...rows)).toEqual([
      [30, 20],
      [40, 20],
      [50, 20],
    ]);
  });
});

/** The contract's arithmetic of a claim, row by row. Source: facts of payments, section 5. */
function claimed(
  { balance, reserved }: { balance: bigint; reserved: bigint },
  rows: readonly Row[],
): readonly bigint[] {
  let [b, r] = [balance, reserved];
  return rows.map(({ cumulative, lane: { claimed, ceiling, until } }) => {
    if (cumulative <= claimed) return 0n;
    let guaranteed = 0n;
    if (ceiling > claimed) {
      if (NOW <= until) guaranteed = ceiling - claimed;
      else r -= ceiling - claimed;
    }
    const [owed, there] = [cumulative - claimed, guaranteed + b - r];
    const amount = least(owed, there);
    r -= least(amount, guaranteed);
    b -= amount;
    return amount;
  });
}

const anyRow = fc
  .record({
    cumulative: fc.bigInt({ min: 0n, max: 60n }),
    claimed: fc.bigInt({ min: 0n, max: 40n }),
    ceiling: fc.bigInt({ min: 0n, max: 60n }),
    live: fc.boolean(),
  })
  .map(({ cumulative, claimed, ceiling, live }) =>
    row(Number(cumulative), Number(claimed), Number(ceiling), live ? NOW : NOW - 1),
  );
/** A pot whose promises to these lanes and to others are covered by its balance, as the contract keeps it. */
const anyPot = fc
  .record({
    rows: fc.array(anyRow, { maxLength: 8 }),
    others: fc.bigInt({ min: 0n, max: 50n }),
    free: fc.bigInt({ min: 0n, max: 100n }),
  })
  .map(({ rows, others, free }) => {
    const own = rows.reduce(
      (sum, { lane: { ceiling, claimed } }) => sum + (ceiling > claimed ? ceiling - claimed : 0n),
      0n,
    );
    return {
      rows,
      others,
      pot: { balance: wei(own + others + free), reserved: wei(own + others) },
    };
  });

test(`vouchers are worth what a claim of all would bring at least, and never what others are promised (SEED=${replay.seed})`, () => {
  fc.assert(
    fc.property(anyPot, ({ pot, rows, others }) => {
      const worth = values(pot, rows, NOW);
      const sum = worth.reduce((total, one) => total + one.all, 0n);
      expect(sum).toBeGreaterThanOrEqual(
        claimed(pot, rows).reduce((total, one) => total + one, 0n),
      );
      expect(sum).toBeLessThanOrEqual(pot.balance - others);
      for (const { sure, all } of worth) expect(sure).toBeLessThanOrEqual(all);
    }),
    replay,
  );
});

test(`a claim brings to the wei what was predicted for each of its rows (SEED=${replay.seed})`, () => {
  fc.assert(
    fc.property(anyPot, fc.bigInt({ min: 0n, max: 30n }), ({ pot, rows }, cost) => {
      const taken = brought(pot, rows, NOW, (_, pays) => pays > cost);
      expect(
        claimed(
          pot,
          taken.map((one) => one.row),
        ),
      ).toEqual(taken.map((one) => one.pays));
      for (const { pays } of taken) expect(pays).toBeGreaterThan(cost);
    }),
    replay,
  );
});
