import { readFileSync } from "node:fs";
import { type Amount, type Millis, systemClock, Wei } from "@tabcast/runtime";
import { beforeEach, describe, expect, test } from "vitest";
import { ledger as chainOf, type Ledger, NOW } from "../../test/ledger.ts";
import { LANE, potConfig, purseParts, worker } from "../../test/purse-parts.ts";
import { potId, separator } from "../config.ts";
import { FINALIZED } from "../final.ts";
import type { Domain, PotConfig } from "../types.ts";
import { Lanes } from "./lanes.ts";
import type { PurseParts } from "./parts.ts";
import * as Payee from "./payee.ts";
import { type TrustRules, trust } from "./trust.ts";

const amount = (value: number) => BigInt(value) as Amount;
const domain: Domain = { chainId: 31337, contract: `0x${"ab".repeat(20)}` };
const rules: TrustRules = { domain, minChallenge: 900, minBalance: amount(10), maxFeeBps: 50 };
const { signal } = new AbortController();
const potIdOf = (config: PotConfig) => potId(separator(domain), config);
const of = { segment: amount(10), most: 4 };

let chain: Ledger;
let troubles: unknown[];
let claimCost: Amount | undefined;
let parts: PurseParts;
let lanes: Lanes;
beforeEach(() => {
  chain = chainOf(domain);
  troubles = [];
  claimCost = undefined;
  parts = purseParts(chain, {
    rules: () => (claimCost === undefined ? {} : { claimCost }),
    setClaimCost: (cost) => {
      claimCost = cost;
    },
    trouble: (error) => void troubles.push(error),
  });
  lanes = new Lanes(parts, []);
});

const deposit = (config: PotConfig, wei: number) =>
  chain.deposit(worker, config, { amount: amount(wei), signerGas: Wei.zero, signal });
const trusted = (config: PotConfig, more: Partial<TrustRules> = {}, to = lanes) =>
  trust(parts, { ...rules, ...more }, to, { offered: domain, config, signal });
/** Trusts a pot that was opened with so much. */
async function opened(n: number, wei: number, more: Partial<PotConfig> = {}) {
  const config = potConfig(n, more);
  await deposit(config, wei);
  return trusted(config);
}
const bookOf = (potId: `0x${string}`) => {
  const ledger = lanes.get(potId);
  if (ledger === undefined) throw new Error("the pot was not trusted");
  return ledger;
};

describe("a pot that is to be trusted", () => {
  test("it has just as much, leaves just as long and costs just as much as is accepted, or says by how much it does not", async () => {
    Object.assign(chain.instead, { feeBps: 50 });
    await opened(1, 10);
    await expect(opened(2, 9)).rejects.toMatchObject({
      reason: { code: "POT_UNFUNDED", balance: 9n, min: 10n },
    });
    await opened(3, 10, { challengePeriod: 901 });
    const short = trusted(potConfig(1), { minChallenge: 901 });
    await expect(short).rejects.toMatchObject({
      reason: { code: "POT_CHALLENGE_SHORT", challengePeriod: 900, min: 901 },
    });
    Object.assign(chain.instead, { feeBps: 49 });
    await opened(4, 10);
    Object.assign(chain.instead, { feeBps: 51 });
    await expect(opened(5, 10)).rejects.toMatchObject({
      reason: { code: "POT_FEE", feeBps: 51, max: 50 },
    });
    expect(lanes.all()).toHaveLength(3);
  });

  test("it was opened, though a worker that asks for no money in it would take an empty one", async () => {
    const config = potConfig(1);
    const nothing = { minBalance: amount(0) };
    await expect(trusted(config, nothing)).rejects.toMatchObject({ code: "POT_UNFUNDED" });
    await deposit(config, 0);
    await trusted(config, nothing);
  });

  test("it neither closes nor is final, and each of the two is told", async () => {
    const [closing, final] = [potConfig(1), potConfig(2)];
    for (const config of [closing, final]) await deposit(config, 10);
    for (const closeAt of [1, NOW + 900]) {
      chain.close(potIdOf(closing), closeAt);
      await expect(trusted(closing)).rejects.toMatchObject({
        reason: { code: "POT_CLOSING", closeAt },
      });
    }
    chain.close(potIdOf(final), FINALIZED);
    await expect(trusted(final)).rejects.toMatchObject({ code: "POT_FINAL" });
  });

  test("it is on the one chain and contract that is believed", async () => {
    const config = potConfig(1);
    await deposit(config, 10);
    const offered = { ...domain, chainId: 1 };
    const elsewhere = trust(parts, rules, lanes, { offered, config, signal });
    await expect(elsewhere).rejects.toMatchObject({ code: "POT_ELSEWHERE" });
    expect(chain.asked.get("snapshot")).toBeUndefined();
  });
});

describe("a pot that is trusted", () => {
  test("trusted again it shows what was paid in meanwhile, and goes on with its book", async () => {
    const potId = await opened(1, 10);
    await bookOf(potId).post({ type: "delivered", amount: amount(10) });
    await deposit(potConfig(1), 30);
    expect(await trusted(potConfig(1))).toBe(potId);
    expect(bookOf(potId).book).toMatchObject({ balance: 40n, accrued: 10n });
    expect(await parts.store.list("purse-lane/")).toHaveLength(1);
  });

  test("trusted twice at once it has one book, with all that was delivered and paid", async () => {
    const config = potConfig(1);
    await deposit(config, 100);
    const { promise: late, resolve } = Promise.withResolvers<void>();
    let looks = 0;
    chain.instead.snapshot = async (...call) => {
      const second = ++looks === 2;
      delete chain.instead.snapshot;
      const seen = chain.snapshot(...call);
      chain.instead.snapshot = again;
      if (second) await late;
      return seen;
    };
    const again = chain.instead.snapshot;
    const [first, second] = [trusted(config), trusted(config)];
    const begun = bookOf(await first);
    await begun.post({ type: "delivered", amount: amount(9) });
    const room = Payee.room(begun.book, of);
    resolve();
    const potId = await second;
    expect(Payee.room(bookOf(potId).book, of)).toBe(room);
    expect(lanes.sums()).toMatchObject({ accrued: 9n });
  });

  test("its book knows the chain's time, which ours need not be", async () => {
    parts = { ...parts, clock: { ...systemClock, unix: () => 1_000 as Millis } };
    expect(bookOf(await opened(1, 10)).chainNow).toBe(NOW);
  });

  test("what a claim costs is asked before the first pot, once, and a chain that does not answer keeps no pot from being trusted", async () => {
    chain.instead.costOf = () => Promise.reject(new Error("the server was away"));
    await opened(1, 10);
    expect([troubles.map(String), claimCost]).toEqual([["Error: the server was away"], undefined]);
    delete chain.instead.costOf;
    await opened(2, 10);
    expect(claimCost).toBeGreaterThan(0n);
    chain.instead.costOf = () => Promise.reject(new Error("asked again"));
    await opened(3, 10);
    expect(troubles).toHaveLength(1);
  });

  test("a claim is taken to cost what the contract's gas snapshot says, and at most half as much again", async () => {
    const path = new URL("../../../contracts/snapshots/TabcastPot.json", import.meta.url);
    const gas = Number(JSON.parse(readFileSync(path, "utf8"))["claim 1: fresh lanes and credits"]);
    // The chain of these tests takes a wei for a unit of gas.
    await opened(1, 10);
    expect(Number(claimCost)).toBeGreaterThan(gas);
    expect(Number(claimCost)).toBeLessThan(1.5 * gas);
  });
});

describe("a new lane in a pot that owes us already", () => {
  test("it begins with room for one segment, not two, where a closed tab's lane has left work unpaid there", async () => {
    const config = potConfig(1);
    await deposit(config, 1_000);
    const potId = await trusted(config);
    const old = bookOf(potId);
    for (let i = 0; i < 2; i++)
      await old.post({ type: "delivered", amount: amount(10), segment: amount(10) });
    parts = { ...parts, lane: LANE + 1 };
    const other = new Lanes(parts, []);
    await trusted(config, {}, other);
    expect(Payee.room(other.get(potId)?.book, of)).toBe(10n);
    // Not for all time, if nobody was to blame.
    expect(other.get(potId)?.book.forgiven).toBe(10n);
    const another = potConfig(2);
    await deposit(another, 1_000);
    expect(Payee.room(other.get(await trusted(another, {}, other))?.book, of)).toBe(20n);
  });
});
