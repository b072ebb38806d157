import type { Amount } from "@tabcast/runtime";
import { describe, expect, test } from "vitest";
import type { Address } from "../types.ts";
import type { Kept } from "./delegated.ts";
import { due } from "./due.ts";

const wei = (value: bigint) => value as Amount;

describe("what is due", () => {
  const row = (cumulative: bigint, more: Partial<Kept> & { claimed?: bigint } = {}): Kept => ({
    voucher: {
      potId: "0x",
      payee: `0x${"22".repeat(20)}` as Address,
      lane: Number(cumulative),
      cumulative: wei(cumulative),
      signature: "0x",
    },
    cumulative: wei(cumulative),
    lane: { claimed: wei(more.claimed ?? 0n), ceiling: wei(0n), until: 0 },
    value: { sure: wei(0n), all: wei(0n) },
    ...more,
  });
  /** A row costs 60,000 wei, and a claim 50,000 beside. */
  const cost = { now: 1_500, claimCost: wei(50_000n), rowCost: wei(60_000n) };
  const closing = { closeAt: 2_000, balance: wei(1_000_000n), reserved: wei(0n) };
  const lanesOf = (...of: Parameters<typeof due>) => due(...of).map(({ row }) => row.voucher.lane);

  test("nothing is due of an open or final pot, nor in the first half of the challenge", () => {
    const rows = [row(500_000n)];
    expect(lanesOf(closing, 1_000, rows, cost)).toEqual([500_000]);
    expect(due(closing, 1_000, rows, { ...cost, now: 1_499 })).toEqual([]);
    expect(due({ ...closing, closeAt: 0 }, 1_000, rows, cost)).toEqual([]);
    expect(due({ ...closing, closeAt: 2 ** 32 - 1 }, 1_000, rows, cost)).toEqual([]);
  });

  test("a row is due only if it pays more than its gas, counting what the pot still has and has promised to nobody", () => {
    const rows = [row(60_000n), row(60_001n), row(600_000n, { claimed: 590_000n }), row(950_000n)];
    expect(lanesOf(closing, 1_000, rows, cost)).toEqual([60_001, 950_000]);
    expect(due(closing, 1_000, rows, cost).map(({ pays }) => pays)).toEqual([60_001n, 939_999n]);
    expect(due({ ...closing, reserved: wei(940_000n) }, 1_000, rows, cost)).toEqual([]);
  });

  test("a claim is due only if its rows together pay for the rest of its gas as well", () => {
    expect(due(closing, 1_000, [row(110_000n)], cost)).toEqual([]);
    expect(lanesOf(closing, 1_000, [row(110_001n)], cost)).toEqual([110_001]);
    expect(lanesOf(closing, 1_000, [row(85_000n), row(85_001n)], cost)).toHaveLength(2);
    expect(lanesOf(closing, 1_000, [row(85_000n), row(84_999n)], cost)).toEqual([]);
  });

  test("where gas costs twice as much, a row and a claim must pay twice as much", () => {
    const dear = { ...cost, claimCost: wei(100_000n), rowCost: wei(120_000n) };
    expect(lanesOf(closing, 1_000, [row(220_000n)], dear)).toEqual([]);
    expect(lanesOf(closing, 1_000, [row(220_001n)], dear)).toEqual([220_001]);
    expect(lanesOf(closing, 1_000, [row(120_000n), row(500_000n)], dear)).toEqual([500_000]);
    expect(lanesOf(closing, 1_000, [row(120_001n), row(500_000n)], dear)).toHaveLength(2);
  });

  test("a row that bounced is due again only where the chain would pay more than it was to pay then", () => {
    const bounced = wei(200_000n);
    expect(lanesOf(closing, 1_000, [row(200_000n, { bounced })], cost)).toEqual([]);
    expect(lanesOf(closing, 1_000, [row(200_001n, { bounced })], cost)).toEqual([200_001]);
  });
});
