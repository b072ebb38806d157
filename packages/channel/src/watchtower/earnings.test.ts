import { Amount, type Clock, systemClock, Wei } from "@tabcast/runtime";
import { privateKeyToAccount } from "viem/accounts";
import { beforeEach, describe, expect, test } from "vitest";
import { type Ledger, ledger } from "../../test/ledger.ts";
import * as Share from "../share.ts";
import { type MemoryStore, memory } from "../store/memory.ts";
import type { Domain } from "../types.ts";
import { openEarnings, WITHDRAW_GAS, worthWithdrawing } from "./earnings.ts";

const signal = new AbortController().signal;
const domain: Domain = { chainId: 31_337, contract: `0x${"ab".repeat(20)}` };
const payer = privateKeyToAccount(`0x${"11".repeat(32)}`);
const account = privateKeyToAccount(`0x${"22".repeat(32)}`);
const COST = 1_000n;

let chain: Ledger;
let store: MemoryStore;
let withdrawn: bigint[];
let now: number;
beforeEach(() => {
  chain = ledger(domain);
  chain.instead.quote = async () => ({ gas: 1n, cost: Wei.of(COST) });
  store = memory();
  withdrawn = [];
  now = 0;
});

const open = () =>
  openEarnings({
    ...{ chain, store, account, beneficiary: account.address, signal },
    clock: { ...systemClock, now: () => now } as Clock,
    onWithdrawn: (amount) => void withdrawn.push(amount),
  });
/** Gas for which a withdrawal costs next to nothing before it is quoted. */
const gas = { price: Wei.zero, low: false };

/** A share of so much becomes the account's credit. */
async function share(amount: bigint): Promise<Amount> {
  const salt = `0x${"00".repeat(32)}` as const;
  const config = {
    payer: payer.address,
    signer: payer.address,
    token: `0x${"00".repeat(20)}`,
    challengePeriod: 900,
    salt,
  } as const;
  const cumulative = Amount.of(amount * 5n);
  await chain.deposit(payer, config, { amount: cumulative, signerGas: Wei.zero, signal });
  const lane = Share.laneOf(20, lanes++);
  const voucher = { potId: salt, payee: payer.address, lane, cumulative, signature: "0x" } as const;
  const { address: beneficiary } = account;
  await chain.claimAsWatchtower(account, config, [voucher], { beneficiary, signal });
  return Amount.of(amount);
}
let lanes = 0;

describe("what a watchtower's shares earned", () => {
  test("is withdrawn at ten times the cost, and not before", async () => {
    expect(worthWithdrawing(Amount.of(9_999n), Amount.of(COST), false)).toBe(false);
    expect(worthWithdrawing(Amount.of(10_000n), Amount.of(COST), false)).toBe(true);
    expect(worthWithdrawing(Amount.zero, Amount.zero, false)).toBe(false);
    const earnings = await open();
    await earnings.add(await share(9_999n));
    await earnings.withdraw(gas);
    expect(withdrawn).toEqual([]);
    await earnings.add(await share(1n));
    await earnings.withdraw(gas);
    await earnings.withdraw(gas);
    expect(withdrawn).toEqual([10_000n]);
    expect(earnings.earned()).toBe(0n);
  });

  test("is withdrawn at anything above the cost where its account could not pay for two claims", async () => {
    expect(worthWithdrawing(Amount.of(COST), Amount.of(COST), true)).toBe(false);
    expect(worthWithdrawing(Amount.of(COST + 1n), Amount.of(COST), true)).toBe(true);
    const earnings = await open();
    await earnings.add(await share(COST + 1n));
    await earnings.withdraw({ ...gas, low: true });
    expect(withdrawn).toEqual([COST + 1n]);
  });

  test("waits for ten times the cost all the same where it is a token, which pays for no gas", async () => {
    Object.assign(chain.currency, { token: `0x${"55".repeat(20)}` });
    const earnings = await open();
    await earnings.add(await share(COST + 1n));
    await earnings.withdraw({ ...gas, low: true });
    expect(withdrawn).toEqual([]);
  });

  test("asks the chain nothing while the gas alone is more than a tenth of it", async () => {
    const earnings = await open();
    await earnings.add(await share(10n * WITHDRAW_GAS - 1n));
    await earnings.withdraw({ price: Wei.of(1n), low: false });
    expect(chain.asked.get("credit")).toBeUndefined();
  });

  test("is known after a restart, and other credit of the account is none of it", async () => {
    await share(50_000n); // not by this watchtower's claim
    const first = await open();
    await first.add(await share(20_000n));
    const second = await open();
    expect(second.earned()).toBe(20_000n);
    await second.withdraw(gas);
    expect(withdrawn).toEqual([20_000n]);
    expect(await chain.credit(account.address, { signal })).toBe(50_000n);
    expect((await open()).earned()).toBe(0n);
  });

  test("is what is left of it where its owner withdrew the credit", async () => {
    const earnings = await open();
    await earnings.add(await share(30_000n));
    await chain.withdrawTo(account, account.address, Amount.of(30_000n), { signal });
    for (let look = 0; look < 3; look++) await earnings.withdraw(gas);
    expect(withdrawn).toEqual([]);
    expect(earnings.earned()).toBe(0n);
  });

  test("is not forgotten where two looks in a row show less: a server may lag behind the claim", async () => {
    const earnings = await open();
    await earnings.add(await share(30_000n));
    for (let time = 0; time < 2; time++) {
      chain.instead.credit = async () => Amount.zero;
      for (let look = 0; look < 2; look++) await earnings.withdraw(gas);
      expect(earnings.earned()).toBe(30_000n);
      delete chain.instead.credit;
      await earnings.withdraw(gas);
      expect(earnings.earned()).toBe(0n);
      expect(withdrawn).toEqual(Array.from({ length: time + 1 }, () => 30_000n));
      await earnings.add(await share(30_000n));
    }
  });

  test("is tried again ten minutes after a failure, and not before", async () => {
    const earnings = await open();
    await earnings.add(await share(30_000n));
    chain.instead.withdrawTo = async () => {
      throw new Error("the server was away");
    };
    await expect(earnings.withdraw(gas)).rejects.toThrow("the server was away");
    delete chain.instead.withdrawTo;
    now = 599_999;
    await earnings.withdraw(gas);
    expect(withdrawn).toEqual([]);
    now = 600_000;
    await earnings.withdraw(gas);
    expect(withdrawn).toEqual([30_000n]);
  });

  test("is not guessed where its record is unreadable", async () => {
    await store.write([[`tower-earned/${account.address.toLowerCase()}`, { so: "much" }]]);
    await expect(open()).rejects.toMatchObject({ code: "STORE_CORRUPT" });
  });
});
