import { type Amount, type Clock, systemClock } from "@tabcast/runtime";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Anvil, anvil } from "../../test/anvil.ts";
import { arbitrum, opStack } from "../../test/chain-l2.ts";
import { chainProxy } from "../../test/chain-proxy.ts";
import { provider } from "../../test/provider.ts";
import { proxy } from "../../test/proxy.ts";
import { stage } from "../../test/stage.ts";
import { type Chain, ChainError, connect } from "../chain/chain.ts";
import { openSecret } from "../secret.ts";
import { type MemoryStore, memory } from "../store/memory.ts";
import type { Hex, Lane, PayerPot, PotNews, SettleProgress } from "../types.ts";
import { readPot, unsettled } from "./pot-record.ts";

// Hundreds of lanes and minutes of outage on a real chain, beside whatever else the machine does.
vi.setConfig({ testTimeout: 180_000 });

type Stage = ReturnType<typeof stage>;
const wei = (value: bigint) => value as Amount;
const signal = AbortSignal.timeout(900_000);
const ETHER = 10n ** 18n;

let net: Anvil;
let funded: Stage["funded"];
let working: Stage["working"];
let jump: Stage["jump"];
let earn: Stage["earn"];
let again: Stage["again"];
beforeAll(async () => {
  net = await anvil();
  ({ funded, working, jump, earn, again } = stage(net, signal));
});
afterAll(() => net.close());

/** Reserves behind the back of an open pot's books, with its own key. */
async function reserved(store: MemoryStore, pot: PayerPot, lane: Lane, to: bigint, ttl: number) {
  const chain = await connect({ ...net, signal });
  const record = await readPot(store, pot.potId);
  if (!record.key) throw new Error("the books have no key of the pot");
  const key = await openSecret(store, record.key);
  const until = (await chain.now({ signal })) + ttl;
  const row = { payee: lane.payee, lane: lane.lane, ceiling: wei(to), until, version: 0 };
  const { events } = await chain.reserve(key, pot.config, [row], { signal });
  expect(events).toMatchObject([{ type: "reserved" }]);
}

/** Lets the chain's clock jump to a minute before whatever settling waits for, and then over it. */
function lapse(seen: (until: number) => void = () => {}) {
  return (p: SettleProgress) => {
    if (p.step !== "waiting") return;
    seen(p.until);
    void net.warp(Math.max(1, p.until - p.now > 120 ? p.until - p.now - 60 : p.until - p.now));
  };
}

/** A chain port on which one call always fails. */
async function refusing(call: "pay" | "sweep"): Promise<Chain> {
  const chain = await connect({ ...net, signal });
  const refuse = async () => {
    throw new ChainError({ code: "CHAIN_REVERTED", error: "No", args: [] }, "the chain says no");
  };
  return { ...chain, [call]: refuse };
}

/** A clock on which a sleep is 20 ms at most, and whose time is that of all that was slept. */
function hurried(time: { now: number }): Clock {
  return {
    ...systemClock,
    sleep: async (ms, options) => {
      await systemClock.sleep(Math.min(20, ms), options);
      time.now += ms;
    },
  };
}

/** Lanes of as many payees that nobody else pays in this file. */
const strangers = (count: number): Lane[] =>
  Array.from({ length: count }, (_, lane) => ({
    payee: `0x${(0xabc000 + ++payees).toString(16).padStart(40, "0")}`,
    lane,
  }));
let payees = 0;

const height = async () => (await connect({ ...net, signal })).height({ signal });
async function block(at?: bigint) {
  const name = at === undefined ? "latest" : `0x${at.toString(16)}`;
  return (await net.cheat("eth_getBlockByNumber", name, false)) as {
    gasLimit: Hex;
    gasUsed: Hex;
  };
}

describe("honest parties, and a worker is paid what was signed", () => {
  test("a lapsed guarantee of a worker that is gone is freed before the others are paid", async () => {
    const store = memory();
    const pot = await funded({ deposit: wei(1000n), store });
    const gone = await working();
    await earn(pot, gone, 100n);
    await reserved(store, pot, gone, 500n, 600);
    expect(await gone.claim({ signal })).toEqual({ paid: 100n });
    await gone.close();
    await net.warp(700);
    const [, , payee] = net.accounts;
    const other = await working({ payee: payee.address, account: payee });
    // The other keeps its voucher, and waits: it cannot tell that what is reserved has lapsed.
    await expect(earn(pot, other, 900n)).rejects.toMatchObject({ code: "VOUCHER_UNGUARANTEED" });
    expect(other.highest(pot.potId)?.cumulative).toBe(900n);
    const settlement = await pot.settle({ signal, progress: jump() });
    expect(settlement).toMatchObject({ paid: 1000n, refunded: 0n });
    await other.close();
    await pot.close();
  });

  test("a pot that is opened again knows the guarantees it gave, and pays in full when they have lapsed", async () => {
    const store = memory();
    const first = await funded({ deposit: wei(1000n), store });
    const one = { payee: net.accounts[3].address, lane: 5 };
    const other = { payee: net.accounts[2].address, lane: 6 };
    await first.pay(one, wei(100n));
    await reserved(store, first, one, 600n, 600);
    await first.close();
    const pot = await again(first, store);
    expect(pot.balances().free).toBe(400n);
    await expect(pot.pay(other, wei(900n))).rejects.toMatchObject({ code: "POT_EMPTY" });
    expect(pot.balances().debt).toBe(900n);
    const settlement = await pot.settle({ signal, progress: lapse() });
    expect(settlement.paid).toBe(1000n);
    expect(settlement.lanes.map(({ paid }) => paid).sort()).toEqual([100n, 900n]);
    await pot.close();
  });

  test("a guarantee that outlasts the challenge is waited for before the close, which leaves time to pay", async () => {
    const store = memory();
    const pot = await funded({ deposit: wei(1000n), store });
    const one = { payee: net.accounts[3].address, lane: 5 };
    const other = { payee: net.accounts[2].address, lane: 6 };
    await reserved(store, pot, one, 600n, 3000);
    // The books of this tab do not know of it: it is signed over, as by a thief of the key.
    await pot.pay(other, wei(900n));
    const untils: number[] = [];
    const settlement = await pot.settle({
      signal,
      progress: lapse((until) => untils.push(until)),
    });
    expect(settlement.paid).toBe(900n);
    const [lapses = 0, closes = 0] = [...new Set(untils)];
    expect(closes - lapses).toBeGreaterThanOrEqual(900 - 60);
    await pot.close();
  });

  test("a stream's guarantees lapse, its workers change, and each is paid to the wei", async () => {
    const clock: Clock = {
      ...systemClock,
      sleep: (ms, options) => systemClock.sleep(Math.min(ms, 20), options),
    };
    const pot = await funded({ deposit: wei(ETHER), clock });
    let given = 0;
    pot.watch((news) => void (news.type === "reserved" && given++), { signal });
    const lanes = [1, 2, 3].map((lane) => ({ payee: net.accounts[2].address, lane }));
    for (const lane of lanes) {
      const before = given;
      while (given === before) {
        await pot.pay(lane, wei(ETHER / 1000n));
        await net.warp(30); // until it has lived for a minute, and is guaranteed
      }
      await net.warp(700); // it goes; its guarantee lapses
    }
    const { free, signed } = pot.balances();
    await pot.pay({ payee: net.accounts[3].address, lane: 4 }, free);
    const settlement = await pot.settle({ signal, progress: lapse() });
    expect(settlement.paid).toBe(signed + free);
    expect(settlement.lanes).toHaveLength(4);
    await pot.close();
  });
});

describe("an end that meets trouble", () => {
  test.each([60, 400])(
    "a pot of %i lanes settles from the books alone, in full, out of what it has left",
    async (count) => {
      const store = memory();
      const first = await funded({ deposit: wei(ETHER), store });
      for (const lane of strangers(count)) await first.pay(lane, wei(ETHER / 1000n));
      await first.close();
      const limit = BigInt((await block()).gasLimit);
      const from = await height();
      const pot = await again(first, store);
      const news: PotNews[] = [];
      pot.watch((item) => news.push(item), { signal });
      const settlement = await pot.settle({ signal, progress: jump() });
      expect(settlement.lanes).toHaveLength(count);
      expect(settlement.paid).toBe((ETHER / 1000n) * BigInt(count));
      expect(settlement.refunded).toBe(ETHER - settlement.paid);
      expect(news).toEqual([]);
      for (let at = from; at <= (await height()); at++)
        expect(BigInt((await block(at)).gasUsed)).toBeLessThan(limit / 2n);
      // What the session key took for gas and did not need is home again.
      const chain = await connect({ ...net, signal });
      expect(await chain.balance(pot.config.signer, { signal })).toBe(0n);
      expect(await chain.credit(pot.config.signer, { signal })).toBe(0n);
      await pot.close();
    },
  );

  test.each([60, 400])(
    "a pot of %i lanes that are not worth their gas closes all the same, and says whom it did not pay",
    async (count) => {
      const store = memory();
      const first = await funded({ store });
      for (const lane of strangers(count)) await first.pay(lane, wei(1n));
      await first.close();
      const pot = await again(first, store);
      const news: PotNews[] = [];
      pot.watch((item) => news.push(item), { signal });
      const { paid, refunded } = await pot.settle({ signal, progress: jump() });
      const owed = BigInt(count) - paid;
      expect(refunded).toBe(10n ** 15n - paid);
      expect(paid).toBeGreaterThan(10n);
      expect(news).toEqual([{ type: "unpaid", lanes: Number(owed), owed }]);
      await pot.close();
    },
  );

  test("a session key that cannot pay all the lanes asks the wallet at hand, and pays what it can if that says no", async () => {
    for (const says of ["yes", "no"] as const) {
      const store = memory();
      const first = await funded({ store });
      for (const lane of strangers(60)) await first.pay(lane, wei(1n));
      await first.close();
      const answers = {
        eth_sendTransaction: () => {
          throw { code: 4001, message: "User rejected the request." };
        },
      };
      const wallet = {
        provider: provider(net.rpc, says === "no" ? answers : {}),
        address: net.accounts[0].address,
      };
      const pot = await again(first, store, { payer: wallet });
      const { paid } = await pot.settle({ signal, progress: jump() });
      if (says === "yes") expect(paid).toBe(60n);
      else expect(paid).toBeLessThan(60n);
      expect(paid).toBeGreaterThan(10n);
      await pot.close();
    }
  });

  test("a payment that the chain refuses again and again does not keep a pot from closing", async () => {
    const pot = await funded({ chain: await refusing("pay") });
    await pot.pay({ payee: net.accounts[2].address, lane: 3 }, wei(77n));
    const news: PotNews[] = [];
    pot.watch((item) => news.push(item), { signal });
    const settlement = await pot.settle({ signal, progress: jump() });
    expect(settlement).toMatchObject({ paid: 0n, refunded: 10n ** 15n });
    expect(news).toEqual([{ type: "unpaid", lanes: 1, owed: 77n }]);
    await pot.close();
  });

  test.each([
    ["2.5 seconds", 2_500],
    ["10 minutes", 600_000],
  ])("a server that is away for %s of the challenge only delays the end", async (_, away) => {
    const line = await proxy(net.rpc);
    const time = { now: 0 };
    const clock = hurried(time);
    const pot = await funded({ rpc: line.rpc, clock });
    await pot.pay({ payee: net.accounts[2].address, lane: 3 }, wei(77n));
    let back = 0;
    const steps: SettleProgress["step"][] = [];
    const onward = jump();
    const settlement = await pot.settle({
      signal,
      progress(p) {
        if (steps.at(-1) !== p.step) steps.push(p.step);
        if (p.step !== "waiting") return;
        if (back === 0) {
          back = time.now + away;
          line.rule = () => (time.now < back ? "drop" : "pass");
        } else if (time.now >= back) onward(p);
      },
    });
    expect(steps).toEqual(["paying", "waiting", "delayed", "waiting", "refunding"]);
    expect(settlement).toMatchObject({ paid: 77n, refunded: 10n ** 15n - 77n });
    expect(time.now).toBeGreaterThanOrEqual(away);
    await pot.close();
    line.close();
  });

  test("a tab that is closed in the challenge and opened again goes on to the same report", async () => {
    const store = memory();
    const first = await funded({ store });
    await first.pay({ payee: net.accounts[2].address, lane: 3 }, wei(77n));
    const closing = Promise.withResolvers<void>();
    const cut = first
      .settle({ signal, progress: (p) => p.step === "waiting" && closing.resolve() })
      .catch((error: unknown) => error);
    await closing.promise;
    await first.close();
    expect(await cut).toBeInstanceOf(Error);
    const pot = await again(first, store);
    const settlement = await pot.settle({ signal, progress: jump() });
    expect(settlement).toMatchObject({ paid: 77n, refunded: 10n ** 15n - 77n });
    expect(await unsettled(store)).toEqual([]);
    await pot.close();
  });

  test("a reorganisation in the challenge undoes payment and close, and both are done again", async () => {
    const pot = await funded();
    await net.cheat("anvil_mine", "0x2");
    await pot.pay({ payee: net.accounts[2].address, lane: 3 }, wei(77n));
    const onward = jump();
    let undone = false;
    const steps: SettleProgress["step"][] = [];
    const settlement = await pot.settle({
      signal,
      progress(p) {
        if (steps.at(-1) !== p.step) steps.push(p.step);
        if (p.step !== "waiting") return;
        if (undone) return onward(p);
        undone = true;
        void net.cheat("anvil_reorg", 2, []).then(() => net.cheat("anvil_dropAllTransactions"));
      },
    });
    expect(undone).toBe(true);
    expect(steps.filter((step) => step === "paying").length).toBeGreaterThan(1);
    expect(settlement).toMatchObject({ paid: 77n, refunded: 10n ** 15n - 77n });
    await pot.close();
  });

  test("a session key that does not go home keeps no report back, and goes when it can", async () => {
    const store = memory();
    const pot = await funded({ chain: await refusing("sweep"), store });
    const news: PotNews[] = [];
    pot.watch((item) => news.push(item), { signal });
    const settlement = await pot.settle({ signal, progress: jump() });
    expect(news).toMatchObject([{ type: "keyKept" }]);
    await pot.close();
    expect(await unsettled(store)).toHaveLength(1);
    const later = await again(pot, store);
    expect(await later.settle({ signal })).toEqual(settlement);
    expect(await unsettled(store)).toEqual([]);
    await later.close();
  });
});

describe("chains that charge for bytes on L1", () => {
  test.each([
    ["an OP stack chain, in coins", opStack({ wei: 5n * 10n ** 9n }), true],
    ["an Arbitrum chain, in gas", arbitrum({ unitsPerByte: 100n }), false],
  ])(
    "%s: sixty lanes are settled in full, and the session key is empty",
    async (_, fault, coins) => {
      const line = await chainProxy(net.rpc, [fault]);
      const store = memory();
      const first = await funded({ deposit: wei(ETHER), store, rpc: line.rpc });
      for (const lane of strangers(60)) await first.pay(lane, wei(ETHER / 1000n));
      await first.close();
      const pot = await again(first, store, { rpc: line.rpc });
      const news: PotNews[] = [];
      pot.watch((item) => news.push(item), { signal });
      const settlement = await pot.settle({ signal, progress: jump() });
      expect(news).toEqual([]);
      expect(settlement).toMatchObject({
        paid: (60n * ETHER) / 1000n,
        refunded: (940n * ETHER) / 1000n,
      });
      const chain = await connect({ domain: net.domain, rpc: line.rpc, signal });
      const left = await chain.balance(pot.config.signer, { signal });
      // On an OP stack chain the room that an L1 fee was given stays behind: less than a quarter of one.
      if (coins) expect(left).toBeLessThan((5n * 10n ** 9n * 250n) / 4n);
      else expect(left).toBe(0n);
      await pot.close();
      await line.close();
    },
  );

  test("an OP stack chain's L1 fee is in what a transaction is said to cost, before and after", async () => {
    const perByte = 10n ** 12n;
    const line = await chainProxy(net.rpc, [opStack({ wei: perByte })]);
    const pot = await funded({ rpc: line.rpc });
    const chain = await connect({ domain: net.domain, rpc: line.rpc, signal });
    const [payer] = net.accounts;
    const action = { do: "startClose", config: pot.config } as const;
    const quoted = await chain.quote(payer.address, action, { signal });
    const before = await chain.balance(payer.address, { signal });
    const sent = await chain.startClose(payer, pot.config, { signal });
    expect(before - (await chain.balance(payer.address, { signal }))).toBe(sent.cost);
    expect(sent.cost).toBeGreaterThan(perByte * 250n);
    expect(quoted.cost).toBeGreaterThanOrEqual(sent.cost);
    expect(await chain.costOf({ gas: 1n, transactions: 1 }, { signal })).toBeGreaterThan(
      perByte * 400n,
    );
    await pot.settle({ signal, progress: jump() });
    await pot.close();
    await line.close();
  });
});
