import { type Amount, type Clock, type Millis, systemClock } from "@tabcast/runtime";
import { privateKeyToAccount } from "viem/accounts";
import { beforeEach, describe, expect, test } from "vitest";
import { ledger as chainOf, type Ledger, NOW } from "../../test/ledger.ts";
import { LANE, potConfig, purseParts, worker } from "../../test/purse-parts.ts";
import { ChainError, type Sent, type Wallet } from "../chain/chain.ts";
import { potId as potIdOf, separator } from "../config.ts";
import type { Domain, Hex, PurseNews } from "../types.ts";
import { claimAll, claimIfWorthIt, withdraw } from "./claim.ts";
import { LaneLedger } from "./lane-ledger.ts";
import type { PurseParts } from "./parts.ts";
import * as Payee from "./payee.ts";

const amount = (value: number | bigint) => BigInt(value) as Amount;
const domain: Domain = { chainId: 31337, contract: `0x${"ab".repeat(20)}` };
const other = privateKeyToAccount(`0x${"44".repeat(32)}`).address;
const person = { address: worker.address, provider: { request: async () => undefined } } as Wallet;
/** What a claim costs on the chain of these tests. */
const COST = 120_000;
const { signal } = new AbortController();

let now: number;
let waits: number[];
let chain: Ledger;
let news: PurseNews[];
let rules: Payee.Rules;
let pots: number;
beforeEach(() => {
  now = 0;
  waits = [];
  chain = chainOf(domain);
  news = [];
  rules = {};
  pots = 0;
});

function partsFor(account: Wallet | undefined): PurseParts {
  const clock: Clock = {
    ...systemClock,
    now: () => now as Millis,
    timeout: (ms) => {
      waits.push(ms);
      return signal;
    },
  };
  return purseParts(chain, {
    clock,
    account,
    signal,
    rules: () => rules,
    tell: (one) => void news.push(one),
  });
}

/** A lane that holds so much in a pot that closes soon, and has it. */
async function holding(parts: PurseParts, held: number, closes = true): Promise<LaneLedger> {
  const config = potConfig(++pots);
  await chain.deposit(worker, config, {
    amount: amount(10 ** 9),
    signerGas: 0n as never,
    signal,
  });
  const potId = potIdOf(separator(domain), config);
  if (closes) chain.close(potId, NOW + 900);
  const view = { balance: amount(10 ** 9), reserved: amount(0), claimed: amount(0), closeAt: 0 };
  const book = Payee.fresh({ ...view, ceiling: amount(0), until: 0, now: NOW });
  const ledger = new LaneLedger(parts, { lane: LANE, potId, config, book });
  if (held > 0) {
    const signature = `0x${"00".repeat(65)}` as Hex;
    await ledger.apply({ type: "voucher", cumulative: amount(held), signature, now: NOW });
  }
  return ledger;
}
const claims = () => chain.asked.get("claim") ?? 0;
const reverts = (error: string) => async () => {
  throw new ChainError({ code: "CHAIN_REVERTED", error, args: [] }, error);
};
const sent = (...events: readonly Record<string, unknown>[]): Sent => ({
  hash: "0x",
  block: 1n,
  gas: 1n,
  cost: 1n as never,
  events: events.map((event) => ({ hash: "0x", block: 1n, index: 0, ...event })) as never,
});

describe("a claim that nobody asked for", () => {
  test("it is sent where it brings more than its quote, and not where it brings as much", async () => {
    const parts = partsFor(worker);
    await claimIfWorthIt(parts, await holding(parts, COST), "closing");
    expect(claims()).toBe(0);
    const ledger = await holding(parts, COST + 1);
    await claimIfWorthIt(parts, ledger, "closing");
    expect(claims()).toBe(1);
    expect([ledger.book.claimed, ledger.claiming]).toEqual([amount(COST + 1), 0]);
    expect(news).toContainEqual({ type: "claimed", potId: ledger.potId, paid: amount(COST + 1) });
  });

  test("it is sent by nobody where the tab has no account, holds nothing, or claims already", async () => {
    await claimIfWorthIt(
      partsFor(undefined),
      await holding(partsFor(worker), 10 * COST),
      "closing",
    );
    const parts = partsFor(worker);
    await claimIfWorthIt(parts, await holding(parts, 0), "closing");
    const busy = await holding(parts, 10 * COST);
    busy.claiming = 1;
    await claimIfWorthIt(parts, busy, "closing");
    expect([claims(), busy.claiming, news]).toEqual([0, 1, []]);
  });

  test("it is not sent where a look at its turn shows that it can wait", async () => {
    const parts = partsFor(worker);
    await claimIfWorthIt(parts, await holding(parts, 10 * COST, false), "closing");
    expect([claims(), chain.asked.get("quote")]).toEqual([0, undefined]);
  });

  test("a person is asked only for what would be lost", async () => {
    const parts = partsFor(person);
    for (const why of ["worth", "quiet", "exposed"] as const)
      await claimIfWorthIt(parts, await holding(parts, 10 * COST), why);
    expect(claims()).toBe(0);
    for (const why of ["closing", "lapsing"] as const)
      await claimIfWorthIt(parts, await holding(parts, 10 * COST), why);
    expect(claims()).toBe(2);
    for (const why of ["worth", "quiet", "exposed"] as const)
      await claimIfWorthIt(partsFor(worker), await holding(parts, 10 * COST), why);
    expect(claims()).toBe(5);
  });

  test("a person who said no is asked again after ten minutes, and a key that failed at once", async () => {
    let asked = 0;
    chain.instead.claim = async () => {
      asked++;
      throw new ChainError({ code: "CHAIN_REJECTED" }, "no");
    };
    for (const [account, after] of [
      [person, 600_000],
      [worker, 0],
    ] as const) {
      [now, asked] = [5_000, 0];
      const parts = partsFor(account);
      const ledger = await holding(parts, 10 * COST);
      const claim = () => claimIfWorthIt(parts, ledger, "closing");
      await expect(claim()).rejects.toMatchObject({ code: "CHAIN_REJECTED" });
      now += after - 1;
      if (after > 0) await claim();
      expect(asked).toBe(1);
      now += 1;
      await expect(claim()).rejects.toMatchObject({ code: "CHAIN_REJECTED" });
      expect([asked, ledger.claiming]).toEqual([2, 0]);
    }
  });

  test("it may take ten minutes, a person's answer included", async () => {
    const parts = partsFor(worker);
    await claimIfWorthIt(parts, await holding(parts, 10 * COST), "closing");
    expect(waits).toEqual([600_000]);
  });

  test("a pot that somebody finalized meanwhile is no trouble, and any other refusal is", async () => {
    const parts = partsFor(worker);
    const failing = async (claim: typeof chain.instead.claim) => {
      const ledger = await holding(parts, 10 * COST);
      if (claim) chain.instead.claim = claim;
      return claimIfWorthIt(parts, ledger, "closing");
    };
    await failing(reverts("PotIsFinal"));
    await expect(failing(reverts("PotNotFound"))).rejects.toMatchObject({ code: "CHAIN_REVERTED" });
    const rejected = async () => {
      throw new ChainError({ code: "CHAIN_REJECTED" }, "no");
    };
    await expect(failing(rejected)).rejects.toMatchObject({ code: "CHAIN_REJECTED" });
    const foreign = async () => {
      throw Object.assign(new Error("PotIsFinal"), {
        reason: { code: "CHAIN_REVERTED", error: "PotIsFinal" },
      });
    };
    await expect(failing(foreign)).rejects.toThrow("PotIsFinal");
  });
});

describe("what a claim brought", () => {
  test("it is what the contract says that it paid to this lane of this payee, and what bounced is told", async () => {
    const ours = { payee: worker.address, lane: LANE };
    chain.instead.claim = async () =>
      sent(
        { type: "claimed", ...ours, paid: 7n },
        { type: "claimed", ...ours, lane: 8, paid: 50n },
        { type: "claimed", ...ours, payee: other, paid: 300n },
        { type: "claimed", ...ours, paid: 2n },
        { type: "bounced", ...ours, shortfall: 4n },
        { type: "bounced", ...ours, lane: 8, shortfall: 6n },
        { type: "reserved", ...ours, ceiling: 1n, until: 1 },
      );
    const parts = partsFor(worker);
    const ledger = await holding(parts, 10 * COST);
    expect(await claimAll(parts, [ledger], worker, { signal })).toBe(9n);
    const { potId } = ledger;
    expect(news.filter(({ type }) => type !== "due")).toEqual([
      { type: "bounced", potId, shortfall: 4n },
      { type: "claimed", potId, paid: 9n },
    ]);
  });

  test("all lanes are claimed whatever it costs, a single wei too, and what holds nothing is not", async () => {
    const parts = partsFor(worker);
    const lanes = [
      await holding(parts, 1),
      await holding(parts, 0),
      await holding(parts, 5, false),
    ];
    expect(await claimAll(parts, lanes, worker, { signal })).toBe(6n);
    expect([claims(), lanes.map(({ claiming }) => claiming)]).toEqual([2, [0, 0, 0]]);
    expect(await claimAll(parts, lanes, worker, { signal })).toBe(0n);
    expect(claims()).toBe(2);
  });

  test("a lane that holds nothing costs one look", async () => {
    const parts = partsFor(worker);
    expect(await claimAll(parts, [await holding(parts, 0)], worker, { signal })).toBe(0n);
    expect(chain.asked.get("snapshot")).toBe(1);
  });

  test("a lane that another tab claimed a moment before is not claimed again", async () => {
    const parts = partsFor(worker);
    const ledger = await holding(parts, 10 * COST);
    const { highest, config } = ledger;
    if (highest === undefined) throw new Error("it holds nothing");
    let looks = 0;
    chain.instead.snapshot = async (...call) => {
      if (++looks === 2) await chain.claim(worker, config, [highest], { signal });
      delete chain.instead.snapshot;
      const answer = await chain.snapshot(...call);
      if (looks < 2) chain.instead.snapshot = again;
      return answer;
    };
    const again = chain.instead.snapshot;
    expect(await claimAll(parts, [ledger], worker, { signal })).toBe(0n);
    expect([claims(), looks]).toEqual([1, 2]);
  });

  test("no claim of its own accord begins while all are claimed", async () => {
    const parts = partsFor(worker);
    const ledger = await holding(parts, 10 * COST);
    const seen: number[] = [];
    chain.instead.claim = async () => {
      seen.push(ledger.claiming);
      return sent();
    };
    await claimAll(parts, [ledger], worker, { signal });
    expect([seen, ledger.claiming]).toEqual([[1], 0]);
  });

  test("a lane that fails keeps no other from being claimed, and is told of at the end", async () => {
    const parts = partsFor(worker);
    const lanes = [await holding(parts, 3), await holding(parts, 4), await holding(parts, 5)];
    const errors = ["PotIsFinal", "PotNotFound", "PotIsClosed"];
    chain.instead.claim = async () => reverts(errors.shift() ?? "")();
    await expect(claimAll(parts, lanes, worker, { signal })).rejects.toThrow("PotNotFound");
    expect(errors).toEqual([]);
    // A pot that somebody finalized has nothing for us, which is no failure.
    chain.instead.claim = reverts("PotIsFinal");
    expect(await claimAll(parts, lanes, worker, { signal })).toBe(0n);
  });
});

describe("a chain that is silent while it is claimed", () => {
  /** Claims a lane; while the chain keeps its answer to the look `n` of the claim, work is delivered on the lane. */
  async function deliveredIn(n: number, claim: (ledger: LaneLedger) => Promise<unknown>) {
    const ledger = await holding(partsFor(worker), 10 * COST);
    const [asked, answered] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const { snapshot } = chain;
    let looks = 0;
    chain.instead.snapshot = async (...call) => {
      if (++looks === n) {
        asked.resolve();
        await answered.promise;
      }
      return snapshot(...call);
    };
    const claimed = claim(ledger);
    await asked.promise;
    await ledger.post({ type: "delivered", amount: amount(1) });
    answered.resolve();
    await claimed;
    delete chain.instead.snapshot;
    const { book } = ledger;
    return { looks, accrued: book.accrued, claimed: book.claimed };
  }
  const all = { accrued: 1n, claimed: amount(10 * COST) };

  test.each([1, 2])(
    "the lane's books go on during look %i of a claim that nobody asked for",
    async (n) => {
      const claim = (one: LaneLedger) => claimIfWorthIt(partsFor(worker), one, "closing");
      expect(await deliveredIn(n, claim)).toEqual({ looks: 2, ...all });
    },
  );

  test.each([1, 2, 3])("the lane's books go on during look %i of a claim of all", async (n) => {
    const claim = (one: LaneLedger) => claimAll(partsFor(worker), [one], worker, { signal });
    expect(await deliveredIn(n, claim)).toEqual({ looks: 3, ...all });
  });
});

describe("a payee's credit", () => {
  test("all of it is sent to the payee, and nothing where there is none", async () => {
    const parts = partsFor(worker);
    let sends = 0;
    chain.instead.credit = async () => amount(1);
    chain.instead.withdraw = async () => {
      sends++;
      return sent(
        { type: "withdrawn", account: worker.address, to: worker.address, amount: 4n },
        { type: "withdrawn", account: other, to: other, amount: 60n },
        { type: "final", account: worker.address, refund: 8n, amount: 8n },
        { type: "withdrawn", account: worker.address, to: worker.address, amount: 3n },
      );
    };
    expect(await withdraw(parts, worker, { signal })).toBe(7n);
    chain.instead.credit = async () => amount(0);
    expect([await withdraw(parts, worker, { signal }), sends]).toEqual([0n, 1]);
  });
});
