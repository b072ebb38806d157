import * as Money from "@tabcast/tab/money";
import { describe, expect, test } from "vitest";
import { ofPayer, ofWorker, type PayerMoney, type WorkerMoney } from "./duties.ts";
import { moment } from "./format.ts";

const eth = Money.coin();
const NOW = 1_800_000_000;
const calm: WorkerMoney = { due: [], unguaranteed: 0, keepers: 2, canClaim: true };
const payer: PayerMoney = { debt: 0n, keyKept: false };

describe("a worker's owner", () => {
  test("has nothing to do while nothing is at stake", () => {
    expect(ofWorker(calm, eth)).toEqual([]);
    expect(ofWorker({ ...calm, keepers: undefined }, eth)).toEqual([]);
  });

  test("must claim before the first pot closes, and is told what is at stake in all", () => {
    const due = [
      { amount: 10n ** 15n, before: NOW + 900 },
      { amount: 10n ** 15n, before: NOW + 300 },
    ];
    const [first, ...rest] = ofWorker({ ...calm, due }, eth);
    expect(first?.what).toBe(`Claim before ${moment(NOW + 300)}, or 0.002 ETH may be lost`);
    expect(first?.next).toContain("This tab claims by itself");
    expect(first?.by).toBe(NOW + 300);
    expect(rest).toEqual([]);
    expect(ofWorker({ ...calm, due, canClaim: false }, eth)[0]?.next).toBe(
      "Connect the wallet of this address, then press Claim.",
    );
  });

  test("is told why the tab waits, and how to end it", () => {
    const [first] = ofWorker({ ...calm, unguaranteed: 1 }, eth);
    expect(first?.what).toBe("1 stream owes you more than is guaranteed, so this tab waits");
    expect(first?.next).toMatch(/^Press Claim\./);
    expect(ofWorker({ ...calm, unguaranteed: 2 }, eth)[0]?.what).toMatch(/^2 streams owe you/);
  });

  test("must keep the tab open where no other tab keeps what it earned", () => {
    expect(ofWorker({ ...calm, keepers: 0 }, eth)).toMatchObject([
      {
        what: "No other tab keeps what you earned",
        next: "Keep this tab open until it is claimed.",
      },
    ]);
  });

  test("reads of what has an hour first", () => {
    const all = ofWorker(
      { due: [{ amount: 1n, before: NOW }], unguaranteed: 1, keepers: 0, canClaim: true },
      eth,
    );
    expect(all.map(({ by }) => by)).toEqual([NOW, Infinity, Infinity]);
  });
});

describe("a broadcaster", () => {
  test("has nothing to do while the deposit lasts", () => {
    expect(ofPayer(payer, eth, NOW)).toEqual([]);
  });

  test("must add to a deposit that ends soon, and at once where workers earned more", () => {
    expect(ofPayer({ ...payer, lowFor: 720 }, eth, NOW)).toEqual([
      {
        what: "The deposit lasts about 12 minutes more",
        next: "Add to it below, or workers leave when it is used up.",
        by: NOW + 720,
      },
    ]);
    const [first, ...rest] = ofPayer({ ...payer, lowFor: 720, debt: 10n ** 15n }, eth, NOW);
    expect(first?.what).toBe("The deposit is used up, and workers earned 0.001 ETH more");
    expect(rest).toEqual([]);
  });

  test("must keep the tab open until workers have claimed, by the person's own clock", () => {
    // The chain's clock is a day ahead.
    const chain = NOW + 86_400;
    const [first] = ofPayer({ ...payer, settling: { until: chain + 900, now: chain } }, eth, NOW);
    expect(first?.what).toBe(`Keep this tab open until ${moment(NOW + 900)}`);
    expect(first?.by).toBe(NOW + 900);
  });

  test("is told in dollars what workers did not get, and why", () => {
    const usdc: Money.Unit = { kind: "token", symbol: "USDC", decimals: 6, dollars: true };
    const [first] = ofPayer({ ...payer, unpaid: { workers: 2, owed: 3_318n } }, usdc, NOW);
    expect(first?.what).toBe("2 workers got 0.332 ¢ less than was signed");
    expect(first?.next).toContain("worth less than its gas");
  });

  test("sends gas where what was set aside runs low, after all that has an hour", () => {
    const all = ofPayer({ ...payer, lacksGas: 5n, lowFor: 60 }, eth, NOW);
    expect(all.map(({ next }) => next)).toEqual([
      expect.stringContaining("Add to it below"),
      expect.stringContaining("Send some below"),
    ]);
  });

  test("settles once more where money for gas stayed out, after all that has an hour", () => {
    const all = ofPayer({ ...payer, keyKept: true, lowFor: 60 }, eth, NOW);
    expect(all.map(({ what }) => what)).toEqual([
      "The deposit lasts about 1 minute more",
      "A little money for gas did not come back yet",
    ]);
  });
});

test("every duty is one clause and has one next step, without words of the trade", () => {
  const all = [
    ...ofWorker(
      { due: [{ amount: 5n, before: NOW }], unguaranteed: 1, keepers: 0, canClaim: false },
      eth,
    ),
    ...ofPayer(
      {
        debt: 1n,
        lowFor: 1,
        lacksGas: 1n,
        settling: { until: 1, now: 0 },
        keyKept: true,
        unpaid: { workers: 1, owed: 1n },
      },
      eth,
      NOW,
    ),
  ];
  expect(all).toHaveLength(8);
  for (const { what, next } of all) {
    expect(what).not.toMatch(/\.$|wei|voucher|lane/);
    expect(next).toMatch(/^[A-Z].*\.$/);
  }
});
