import type { Amount } from "@tabcast/runtime";
import { type PrivateKeyAccount, privateKeyToAccount } from "viem/accounts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Anvil, anvil } from "../test/anvil.ts";
import { proxy } from "../test/proxy.ts";
import { impatient, stage } from "../test/stage.ts";
import { type Chain, connect } from "./chain/chain.ts";
import { separator } from "./config.ts";
import { resumePot } from "./payer/open-pot.ts";
import { openSecret } from "./secret.ts";
import { memory } from "./store/memory.ts";
import type { Sealed, Store } from "./store/store.ts";
import type { Lane, PayerPot, PotNews, Purse, PurseNews, SignedVoucher } from "./types.ts";
import * as Voucher from "./voucher.ts";

/*
 * Bad actors and bad luck against the real engine and the real contract. Each test says what each side lost, to the wei, and
 * holds it against section 10 of the facts: a worker loses W x price + softCap at most, under a live guarantee W x price; a
 * payer nothing but, to a thief of its session key, balance - reserved.
 */

const wei = (value: bigint) => value as Amount;
const signal = AbortSignal.timeout(240_000);
const PRICE = 1_000n;

let net: Anvil;
let chain: Chain;
let funded: ReturnType<typeof stage>["funded"];
let working: ReturnType<typeof stage>["working"];
let jump: ReturnType<typeof stage>["jump"];
let earn: ReturnType<typeof stage>["earn"];
beforeAll(async () => {
  net = await anvil();
  chain = await connect({ ...net, signal });
  ({ funded, working, jump, earn } = stage(net, signal));
});
afterAll(() => net.close());

/** The session key out of a broadcaster's books: what a thief, or a dishonest broadcaster, has in hand. */
async function keyOf(store: Store, { potId }: PayerPot): Promise<PrivateKeyAccount> {
  const record = (await store.get(`pot/${potId}`)) as { key: Sealed } | null | undefined;
  if (!record) throw new Error("the books have no such pot");
  return openSecret(store, record.key);
}

/** A voucher that the key signs whatever the books say. */
const signed = (
  key: PrivateKeyAccount,
  pot: PayerPot,
  { payee, lane }: Lane,
  total: bigint,
  domain = net.domain,
): Promise<SignedVoucher> =>
  Voucher.sign(separator(domain), key, {
    potId: pot.potId,
    payee,
    lane,
    cumulative: wei(total),
  });

const credit = (account: `0x${string}`) => chain.credit(account, { signal });
const stored = (pot: PayerPot) => chain.pot(pot.potId, { signal });

/** Delivers at `PRICE` while the window allows it, as a node does; the wei delivered. */
async function deliver(pot: PayerPot, purse: Purse): Promise<bigint> {
  let delivered = 0n;
  for (;;) {
    if (purse.room(pot.potId, { segment: wei(PRICE), most: 4 }) < PRICE) return delivered;
    await purse.accrue(pot.potId, wei(PRICE));
    delivered += PRICE;
  }
}

async function reserved(
  key: PrivateKeyAccount,
  pot: PayerPot,
  lane: Lane,
  ceiling: bigint,
): Promise<number> {
  const until = (await chain.now({ signal })) + 3000;
  const [state] = await chain.lanes(pot.potId, [lane], { signal });
  const { payee, lane: number } = lane;
  const version = state?.version ?? 0;
  const row = { payee, lane: number, ceiling: wei(ceiling), until, version };
  const sent = await chain.reserve(key, pot.config, [row], { signal });
  expect(sent.events).toMatchObject([{ type: "reserved", ceiling }]);
  return until;
}

describe("broadcasters", () => {
  test("a broadcaster who stops paying costs a worker the window and not a wei more", async () => {
    const pot = await funded();
    const purse = await working();
    await purse.trust(pot.domain, pot.config, { signal });
    expect(await deliver(pot, purse)).toBe(2n * PRICE); // the chain never paid us: two segments
    await purse.accept(await pot.pay(purse, wei(PRICE)));
    expect(await deliver(pot, purse)).toBe(PRICE); // a voucher more: a segment more
    const before = await credit(purse.payee);
    await purse.claim({ signal });
    const { accrued } = purse.balances();
    const got = (await credit(purse.payee)) - before;
    expect({ delivered: accrued, got, lost: accrued - got }).toEqual({
      delivered: 3n * PRICE,
      got: PRICE,
      lost: 2n * PRICE,
    });
    await purse.close();
    await pot.close();
  });

  test("a broadcaster who signs more than the deposit costs a worker its soft cap at most", async () => {
    const store = memory();
    const pot = await funded({ deposit: wei(100n), store });
    const key = await keyOf(store, pot);
    const first = await working();
    const second = await working({
      payee: net.accounts[2].address,
      account: net.accounts[2],
      softCap: wei(60n),
    });
    for (const purse of [first, second]) {
      await purse.trust(pot.domain, pot.config, { signal });
      await purse.accrue(pot.potId, wei(80n));
    }
    await first.accept(await signed(key, pot, first, 80n));
    expect(await second.accept(await signed(key, pot, second, 60n))).toEqual({ credited: 60n });
    await expect(second.accept(await signed(key, pot, second, 80n))).rejects.toMatchObject({
      code: "VOUCHER_UNGUARANTEED",
    });
    expect(await first.claim({ signal })).toEqual({ paid: 80n });
    const news: PurseNews[] = [];
    second.watch((item) => news.push(item), { signal });
    expect(await second.claim({ signal })).toEqual({ paid: 20n });
    expect(news).toContainEqual({ type: "bounced", potId: pot.potId, shortfall: 60n });
    // It worked on for 60 and got 20: 40 lost, no more than its soft cap of 60.
    expect(await stored(pot)).toMatchObject({ balance: 0n });
    await first.close();
    await second.close();
    await pot.close();
  });

  test("a broadcaster who signs more than the deposit cannot take what a lane is guaranteed", async () => {
    const store = memory();
    const pot = await funded({ deposit: wei(100n), store });
    const key = await keyOf(store, pot);
    const honest = await working();
    await reserved(key, pot, honest, 80n);
    await honest.trust(pot.domain, pot.config, { signal });
    await honest.accrue(pot.potId, wei(80n));
    await honest.accept(await signed(key, pot, honest, 80n));
    const sybil = { payee: net.accounts[2].address, lane: 5 };
    const sent = await chain.claim(
      net.accounts[2],
      pot.config,
      [await signed(key, pot, sybil, 100n)],
      { signal },
    );
    expect(sent.events).toMatchObject([
      { type: "claimed", paid: 20n },
      { type: "bounced", shortfall: 80n },
    ]);
    expect(await honest.claim({ signal })).toEqual({ paid: 80n });
    await honest.close();
    await pot.close();
  });

  test("a broadcaster who promises the whole deposit to its own second address gets no work for vouchers", async () => {
    const store = memory();
    const pot = await funded({ store });
    const key = await keyOf(store, pot);
    const sybil = { payee: net.accounts[2].address, lane: 666 };
    await reserved(key, pot, sybil, 10n ** 15n);
    const purse = await working({ softCap: wei(10n ** 15n) });
    await purse.trust(pot.domain, pot.config, { signal });
    await purse.accrue(pot.potId, wei(10n ** 14n));
    await expect(purse.accept(await signed(key, pot, purse, 10n ** 14n))).rejects.toMatchObject({
      reason: { code: "VOUCHER_UNGUARANTEED", unpayable: 10n ** 14n },
    });
    // The chain agrees: it would pay nothing, and so nothing is spent on asking it to.
    expect(await purse.claim({ signal })).toEqual({ paid: 0n });
    expect(await stored(pot)).toMatchObject({ balance: 10n ** 15n });
    // Once the promise has lapsed and is freed, what was kept is credited and paid.
    await net.warp(3_100);
    await chain.pay(key, pot.config, [{ ...sybil, cumulative: wei(1n) }], { signal });
    await purse.trust(pot.domain, pot.config, { signal });
    expect(await purse.claim({ signal })).toEqual({ paid: 10n ** 14n });
    await purse.close();
    await pot.close();
  });

  test("a broadcaster who closes early finds every voucher claimed, and gets back exactly the rest", async () => {
    const store = memory();
    const pot = await funded({ store });
    const key = await keyOf(store, pot);
    const purse = await working();
    await earn(pot, purse, 700n);
    const until = await reserved(key, pot, purse, 900n);
    await chain.startClose(key, pot.config, { signal });
    expect((await stored(pot)).closeAt).toBeGreaterThan(until);
    await expect(chain.finalizeClose(key, pot.config, { signal })).rejects.toMatchObject({
      reason: { error: "ChallengeRunning" },
    });
    const before = await credit(purse.payee);
    expect(await purse.claim({ signal })).toEqual({ paid: 700n });
    expect((await credit(purse.payee)) - before).toBe(700n);
    const settlement = await pot.settle({ signal, progress: jump() });
    expect(settlement).toMatchObject({ paid: 700n, refunded: 10n ** 15n - 700n });
    await purse.close();
    await pot.close();
  });

  test("a broadcaster who replays or shrinks a voucher gains nothing, on the wire or on chain", async () => {
    const store = memory();
    const pot = await funded({ store });
    const purse = await working();
    const old = await earn(pot, purse, 100n);
    const newest = await earn(pot, purse, 200n);
    expect(await purse.accept(newest)).toEqual({ credited: 0n });
    await expect(purse.accept(old)).rejects.toMatchObject({
      code: "VOUCHER_STALE",
      reason: { held: 300n },
    });
    const shrunk = await signed(await keyOf(store, pot), pot, purse, 299n);
    await expect(purse.accept(shrunk)).rejects.toMatchObject({ code: "VOUCHER_STALE" });
    expect(purse.highest(pot.potId)).toEqual(newest);
    expect(await purse.claim({ signal })).toEqual({ paid: 300n });
    const replay = await chain.claim(net.accounts[0], pot.config, [old, shrunk, newest], {
      signal,
    });
    expect(replay.events).toMatchObject([
      { type: "skipped", stale: true },
      { type: "skipped", stale: true },
      { type: "skipped", stale: true },
    ]);
    expect(await stored(pot)).toMatchObject({ balance: 10n ** 15n - 300n });
    await purse.close();
    await pot.close();
  });

  test("a broadcaster who signs for another chain is found out before any work is credited", async () => {
    const store = memory();
    const pot = await funded({ store });
    const key = await keyOf(store, pot);
    const purse = await working();
    const elsewhere = { ...net.domain, chainId: 1 };
    await expect(purse.trust(elsewhere, pot.config, { signal })).rejects.toMatchObject({
      code: "POT_ELSEWHERE",
    });
    await purse.trust(pot.domain, pot.config, { signal });
    const foreign = await signed(key, pot, purse, 500n, elsewhere);
    await expect(purse.accept(foreign)).rejects.toMatchObject({ code: "VOUCHER_FORGED" });
    expect(purse.balances()).toEqual({
      ...{ accrued: 0n, vouchered: 0n, claimed: 0n },
      outstanding: 0n,
    });
    const sent = await chain.claim(net.accounts[1], pot.config, [foreign], { signal });
    expect(sent.events).toMatchObject([{ type: "skipped", stale: false }]);
    await purse.close();
    await pot.close();
  });

  test("a broadcaster who floods a worker with vouchers makes it neither ask the chain for each nor hold more", async () => {
    const line = await proxy(net.rpc);
    const store = memory();
    const pot = await funded({ deposit: wei(100n), store });
    const key = await keyOf(store, pot);
    const purse = await working({ rpc: line.rpc });
    await earn(pot, purse, 50n);
    const asked = () => [...line.asked.values()].reduce((sum, n) => sum + n, 0);
    const before = asked();
    const forger = privateKeyToAccount(`0x${"33".repeat(32)}`);
    for (let i = 0; i < 40; i++) {
      const over = await signed(key, pot, purse, 1_000n + BigInt(i));
      await expect(purse.accept(over)).rejects.toMatchObject({ code: "VOUCHER_OVER_POT" });
      const forged = await signed(forger, pot, purse, 60n + BigInt(i));
      await expect(purse.accept(forged)).rejects.toMatchObject({ code: "VOUCHER_FORGED" });
    }
    // Four refreshes at once and one a second, at four or five requests each.
    expect(asked() - before).toBeLessThan(60);
    expect(purse.balances()).toMatchObject({ vouchered: 50n });
    await purse.close();
    await pot.close();
    line.close();
  });
});

describe("workers", () => {
  test("a worker who claims twice, at once and by a helper, is paid once", async () => {
    const pot = await funded();
    const purse = await working();
    const voucher = await earn(pot, purse, 5_000n);
    const before = await credit(purse.payee);
    const other = await connect({ ...net, signal });
    const [paid, ...rest] = await Promise.all([
      purse.claim({ signal }),
      chain.claim(net.accounts[3], pot.config, [voucher, voucher], { signal }),
      other.claim(net.accounts[2], pot.config, [voucher], { signal }),
    ]);
    const byOthers = rest
      .flatMap(({ events }) => events)
      .reduce((sum, event) => sum + (event.type === "claimed" ? event.paid : 0n), 0n);
    expect(paid.paid + byOthers).toBe(5_000n);
    expect((await credit(purse.payee)) - before).toBe(5_000n);
    expect(await stored(pot)).toMatchObject({ balance: 10n ** 15n - 5_000n });
    await purse.close();
    await pot.close();
  });

  test("a worker who forges a voucher moves neither the books nor the pot", async () => {
    const pot = await funded();
    const purse = await working();
    const voucher = await earn(pot, purse, 10n);
    const forger = privateKeyToAccount(`0x${"44".repeat(32)}`);
    const forged = await signed(forger, pot, purse, 10n ** 14n);
    await expect(pot.adopt(forged)).rejects.toMatchObject({ code: "VOUCHER_FORGED" });
    // Its own name on a total that was signed for less.
    const raised = { ...voucher, cumulative: wei(10n ** 14n) };
    await expect(pot.adopt(raised)).rejects.toMatchObject({ code: "VOUCHER_FORGED" });
    expect(pot.balances().signed).toBe(10n);
    const sent = await chain.claim(net.accounts[1], pot.config, [forged, raised], { signal });
    expect(sent.events).toMatchObject([
      { type: "skipped", stale: false },
      { type: "skipped", stale: false },
    ]);
    expect(await stored(pot)).toMatchObject({ balance: 10n ** 15n });
    await purse.close();
    await pot.close();
  });

  test("a worker who floods the broadcaster with claims of what it holds costs it no wei and no request", async () => {
    const line = await proxy(net.rpc);
    const pot = await funded({ rpc: line.rpc });
    const lane = { payee: net.accounts[1].address, lane: 3 };
    const voucher = await pot.pay(lane, wei(10n));
    const total = () => [...line.asked.values()].reduce((sum, n) => sum + n, 0);
    const before = total();
    for (let i = 0; i < 200; i++)
      expect(await pot.hello({ ...lane, lane: i }, wei(10n ** 14n + BigInt(i)))).toBe(undefined);
    expect(await pot.hello(lane, wei(0n))).toEqual(voucher);
    expect(pot.balances().signed).toBe(10n);
    expect(total()).toBe(before);
    await pot.close();
    line.close();
  });
});

describe("thieves of the session key", () => {
  test("a thief of the session key takes the balance less what is reserved, and its gas, and nothing else", async () => {
    const store = memory();
    const pot = await funded({ deposit: wei(1_000n), store });
    const stolen = await keyOf(store, pot);
    const honest = await working();
    await reserved(stolen, pot, honest, 300n);
    await earn(pot, honest, 250n);
    const thief = { payee: net.accounts[3].address, lane: 666 };
    const before = await stored(pot);
    expect(before).toMatchObject({ balance: 1_000n, reserved: 300n });
    const held = await credit(thief.payee);
    // Every way out that the key has: a voucher, a payment, a reservation for itself, a close.
    await chain.claim(net.accounts[3], pot.config, [await signed(stolen, pot, thief, 1_000n)], {
      signal,
    });
    await chain.pay(stolen, pot.config, [{ ...thief, cumulative: wei(1_000n) }], { signal });
    const until = (await chain.now({ signal })) + 3000;
    const greedy = { ...thief, ceiling: wei(1_000n), until, version: 0 };
    const refused = await chain.reserve(stolen, pot.config, [greedy], { signal });
    expect(refused.events).toMatchObject([{ type: "reservationRefused" }]);
    await chain.startClose(stolen, pot.config, { signal });
    expect((await credit(thief.payee)) - held).toBe(before.balance - before.reserved);
    // The guarantee covers the worker in full, and the rest of it comes back to the payer.
    expect(await honest.claim({ signal })).toEqual({ paid: 250n });
    const payer = await credit(pot.config.payer);
    const { closeAt } = await stored(pot);
    await net.warp(closeAt - (await chain.now({ signal })));
    await chain.finalizeClose(net.accounts[3], pot.config, { signal });
    expect((await credit(pot.config.payer)) - payer).toBe(50n);
    await honest.close();
    await pot.close();
  });
});

describe("bad luck", () => {
  test("two tabs of one wallet, working and claiming at once, are each paid in full", async () => {
    const pot = await funded();
    const store = memory();
    const tabs = await Promise.all([
      working({ store: store.share() }),
      working({ store: store.share() }),
    ]);
    expect(tabs[0].lane).not.toBe(tabs[1].lane);
    await Promise.all(tabs.map((purse, i) => earn(pot, purse, 100n + BigInt(i))));
    const before = await credit(tabs[0].payee);
    const paid = await Promise.all(tabs.map((purse) => purse.claim({ signal })));
    expect(paid).toEqual([{ paid: 100n }, { paid: 101n }]);
    expect((await credit(tabs[0].payee)) - before).toBe(201n);
    for (const purse of tabs) await purse.close();
    await pot.close();
  });

  test("two tabs of one payer open two pots at once, and neither pays for the other", async () => {
    const pots = await Promise.all([funded({ deposit: wei(11n) }), funded({ deposit: wei(13n) })]);
    expect(await Promise.all(pots.map(async (pot) => (await stored(pot)).balance))).toEqual([
      11n,
      13n,
    ]);
    for (const pot of pots) await pot.close();
  });

  test("a chain restored from a snapshot is noticed, and what it forgot is claimed again", async () => {
    const pot = await funded();
    const purse = await working();
    await earn(pot, purse, 400n);
    const snapshot = await net.cheat("evm_snapshot");
    await earn(pot, purse, 50n);
    expect(await purse.claim({ signal })).toEqual({ paid: 450n });
    await net.cheat("evm_revert", snapshot);
    const news: PurseNews[] = [];
    purse.watch((item) => news.push(item), { signal });
    // The payer signs on from where it was, never lower.
    const next = await earn(pot, purse, 7n);
    expect(next.cumulative).toBe(457n);
    const before = await credit(purse.payee);
    expect(await purse.claim({ signal })).toEqual({ paid: 457n });
    expect(news).toContainEqual({ type: "reorg", potId: pot.potId, from: 450n, to: 0n });
    expect((await credit(purse.payee)) - before).toBe(457n);
    expect(purse.balances()).toEqual({
      ...{ accrued: 457n, vouchered: 457n, claimed: 457n },
      outstanding: 0n,
    });
    const settlement = await pot.settle({ signal, progress: jump() });
    expect(settlement).toMatchObject({ paid: 457n, refunded: 10n ** 15n - 457n });
    await purse.close();
    await pot.close();
  });

  test("a chain that forgot the deposit itself gets the same bytes again, after a restart of the tab too", async () => {
    const store = memory();
    const snapshot = await net.cheat("evm_snapshot");
    const first = await funded({ store });
    const purse = await working();
    await earn(first, purse, 60n);
    await first.close();
    await net.cheat("evm_revert", snapshot);
    expect((await stored(first)).exists).toBe(false);
    const { potId } = first;
    const pot = await resumePot({ potId, rpc: net.rpc, store, signal, clock: impatient });
    const news: PotNews[] = [];
    pot.watch((item) => news.push(item), { signal });
    const settlement = await pot.settle({ signal, progress: jump() });
    expect(news).toContainEqual({ type: "depositResent" });
    expect(settlement).toMatchObject({
      deposited: 10n ** 15n,
      paid: 60n,
      refunded: 10n ** 15n - 60n,
    });
    await purse.close();
    await pot.close();
  });
});
