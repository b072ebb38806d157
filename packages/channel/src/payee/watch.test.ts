import { type Amount, type Clock, systemClock, Wei } from "@tabcast/runtime";
import { beforeEach, describe, expect, test } from "vitest";
import { ledger as chainOf, type Ledger, NOW } from "../../test/ledger.ts";
import { LANE, potConfig, purseParts, worker } from "../../test/purse-parts.ts";
import { potId as potIdOf, separator } from "../config.ts";
import { FINALIZED } from "../final.ts";
import type { Domain, Hex } from "../types.ts";
import { LaneLedger } from "./lane-ledger.ts";
import { Lanes } from "./lanes.ts";
import type { PurseParts } from "./parts.ts";
import * as Payee from "./payee.ts";
import { watchPots } from "./watch.ts";

const amount = (value: number) => BigInt(value) as Amount;
const domain: Domain = { chainId: 31337, contract: `0x${"ab".repeat(20)}` };
const { signal } = new AbortController();
/** Milliseconds between two looks. */
const REFRESH = 30_000;

let chain: Ledger;
let parts: PurseParts;
let lanes: Lanes;
let troubles: string[];
let claimCosts: Amount[];
/** How often other tabs' lanes were looked for. */
let adoptions: number;
beforeEach(() => {
  chain = chainOf(domain);
  [troubles, claimCosts, adoptions] = [[], [], 0];
  parts = purseParts(chain, {
    trouble: (error) => void troubles.push(`${error}`),
    setClaimCost: (cost) => void claimCosts.push(cost),
  });
  lanes = new Lanes(parts, []);
  lanes.adopt = async () => void adoptions++;
});

/** Watches until the purse is closed after so many looks; the milliseconds that passed between them. */
async function watched(times: number): Promise<readonly number[]> {
  const pauses: number[] = [];
  const sleep: Clock["sleep"] = async (ms) => {
    if (pauses.length + 1 === times) throw new Error("the purse was closed");
    pauses.push(ms);
  };
  const clock = { ...systemClock, sleep };
  await expect(watchPots({ ...parts, clock }, lanes, REFRESH)).rejects.toThrow("closed");
  return pauses;
}

/** A lane in a pot that has so much, of which its book knows nothing yet; it holds a voucher over `held`. */
async function lane(n: number, has: number, held = 0): Promise<LaneLedger> {
  const config = potConfig(n);
  await chain.deposit(worker, config, { amount: amount(has), signerGas: Wei.zero, signal });
  return known(potIdOf(separator(domain), config), held);
}
async function known(potId: Hex, held = 0): Promise<LaneLedger> {
  const none = amount(0);
  const view = { balance: amount(held), reserved: none, claimed: none, ceiling: none };
  const highest = { cumulative: amount(held), signature: "0x" as Hex };
  const fresh = Payee.fresh({ ...view, closeAt: 0, until: 0, now: NOW });
  const book = held > 0 ? { ...fresh, highest } : fresh;
  const ledger = new LaneLedger(parts, { lane: LANE, potId, config: potConfig(0), book });
  await lanes.add(ledger);
  return ledger;
}
const looks = () => chain.asked.get("snapshot") ?? 0;
/** The sizes of the requests that a look makes. */
function sizes(): number[] {
  const seen: number[] = [];
  const real = chain.snapshot.bind(chain);
  chain.instead.snapshot = (asked, waits) => {
    seen.push(asked.length);
    return real(asked, waits);
  };
  return seen;
}

describe("a purse that watches its pots", () => {
  test("it looks at once, and again after each pause, and asks what a claim costs for one transaction each time", async () => {
    const ledger = await lane(1, 90);
    chain.instead.costOf = async ({ gas, transactions }) =>
      Wei.of(gas + 1_000_000n * BigInt(transactions));
    expect(await watched(3)).toEqual([REFRESH, REFRESH]);
    expect([looks(), ledger.book.balance]).toEqual([3, 90n]);
    expect(claimCosts).toEqual([1_120_000n, 1_120_000n, 1_120_000n]);
  });

  test("it asks no chain where it has no pot that could still change", async () => {
    await watched(2);
    const ledger = await lane(1, 90);
    await ledger.apply({ type: "chain", ...(await view(ledger)), closeAt: FINALIZED });
    await watched(2);
    expect([looks(), claimCosts]).toEqual([0, []]);
  });

  test("it asks for 125 pots in a request, those first that a claim would bring most", async () => {
    const all = Array.from({ length: 250 }, (_, n) => n);
    for (const n of all) await lane(n + 1, 10);
    const asked = sizes();
    await watched(1);
    expect(asked).toEqual([125, 125]);
    const worth = await lane(1_000, 90, 50);
    await watched(1);
    expect(asked.slice(2)).toEqual([125, 125, 1]);
    const first: Hex[] = [];
    chain.instead.snapshot = async (questions) => {
      first.push(...questions.slice(0, 1).map(({ potId }) => potId));
      throw new Error("the server was away");
    };
    await watched(1);
    expect(first[0]).toBe(worth.potId);
  });

  test("a request that fails is told, and keeps no other pot from being seen", async () => {
    for (let n = 1; n <= 126; n++) await lane(n, 10);
    const asked = sizes();
    const real = chain.instead.snapshot;
    chain.instead.snapshot = (questions, waits) =>
      questions.length === 125
        ? Promise.reject(new Error("away"))
        : (real?.(questions, waits) as never);
    chain.instead.costOf = () => Promise.reject(new Error("no price"));
    await watched(1);
    expect([asked, troubles]).toEqual([[1], ["Error: no price", "Error: away"]]);
    expect(lanes.all().filter(({ book }) => book.balance === 10n)).toHaveLength(1);
  });

  test("what a server says that does not know a pot changes nothing", async () => {
    const ledger = await known(`0x${"07".repeat(32)}`, 50);
    const { book } = ledger;
    await watched(1);
    expect([looks(), ledger.book]).toEqual([1, book]);
  });

  test("an answer that comes late changes nothing that a later one has shown", async () => {
    const ledger = await lane(1, 90);
    const late = await view(ledger);
    const { promise, resolve } = Promise.withResolvers<void>();
    chain.instead.snapshot = async (...call) => {
      delete chain.instead.snapshot;
      const answer = await chain.snapshot(...call);
      await promise;
      return answer;
    };
    const watching = watched(1);
    await expect.poll(() => chain.instead.snapshot).toBeUndefined();
    const turn = ledger.beginLook();
    await ledger.queue.run(() => ledger.see({ ...late, balance: amount(200) }, turn));
    resolve();
    await watching;
    expect(ledger.book.balance).toBe(200n);
  });

  test("every tenth look it takes over what other tabs left, and not at first: opening did; a store that fails is told", async () => {
    await watched(10);
    expect(adoptions).toBe(0);
    await watched(11);
    expect(adoptions).toBe(1);
    await watched(21);
    expect(adoptions).toBe(3);
    lanes.adopt = () => Promise.reject(new Error("the disk is full"));
    await watched(12);
    expect(troubles).toEqual(["Error: the disk is full"]);
  });
});

/** A pot as the chain shows it now. */
async function view({ potId }: LaneLedger): Promise<Payee.ChainView> {
  const { exists: _, ...pot } = await chain.pot(potId, { signal });
  return { ...pot, claimed: amount(0), ceiling: amount(0), until: 0, now: NOW };
}
