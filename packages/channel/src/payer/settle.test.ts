import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { type Amount, type Clock, systemClock, Wei } from "@tabcast/runtime";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Anvil, anvil } from "../../test/anvil.ts";
import { Crash, dying } from "../../test/crash.ts";
import { provider } from "../../test/provider.ts";
import { proxy } from "../../test/proxy.ts";
import { impatient, stage } from "../../test/stage.ts";
import { connect } from "../chain/chain.ts";
import { separator } from "../config.ts";
import { openPurse } from "../payee/open-purse.ts";
import { newSecret } from "../secret.ts";
import { memory } from "../store/memory.ts";
import type { Json } from "../store/store.ts";
import type { PayerPot, PotNews, SettleProgress } from "../types.ts";
import * as Voucher from "../voucher.ts";
import { recoverPot, resumePot } from "./open-pot.ts";
import { readPot, unsettled } from "./pot-record.ts";

type Stage = ReturnType<typeof stage>;
const wei = (value: bigint) => value as Amount;
const signal = AbortSignal.timeout(600_000);
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

const nonceOf = async (address: string) =>
  Number(await net.cheat("eth_getTransactionCount", address, "latest"));

describe("a stream's money, on a real chain", () => {
  test("two lanes settle to the wei, and everybody ends with what the books say", async () => {
    const [payer, one, two] = net.accounts;
    const chain = await connect({ ...net, signal });
    const before = await chain.balance(payer.address, { signal });
    const from = await chain.height({ signal });
    const pot = await funded();
    const purses = [await working(), await working({ payee: two.address, account: two })] as const;
    let owed = 0n;
    for (const [i, purse] of purses.entries())
      for (const amount of [7n, 3_000_000_000n, 10n ** 14n + 1n]) {
        await earn(pot, purse, amount + BigInt(i));
        owed += amount + BigInt(i);
      }
    expect(pot.balances()).toEqual({
      deposited: 10n ** 15n,
      signed: owed,
      free: 10n ** 15n - owed,
      debt: 0n,
    });
    const steps: SettleProgress["step"][] = [];
    const settlement = await pot.settle({ signal, progress: jump(steps) });
    expect(steps).toEqual(["paying", "waiting", "refunding"]);
    expect(settlement).toMatchObject({
      chainId: 31337,
      contract: net.domain.contract,
      potId: pot.potId,
      deposited: 10n ** 15n,
      paid: owed,
      refunded: 10n ** 15n - owed,
    });
    const paidTo = purses.map(({ payee, lane }, i) => ({
      payee,
      lane,
      paid: 7n + 3_000_000_000n + 10n ** 14n + 1n + 3n * BigInt(i),
    }));
    // The most valuable is paid first.
    expect(settlement.lanes).toEqual(paidTo.toReversed());
    expect(settlement.gas.open).toBe(pot.openGas);
    expect(settlement.gas.claimOrPay).toBeGreaterThan(21_000n);
    expect(settlement.gas.close).toBeGreaterThan(3n * 21_000n);
    expect(await pot.settle({ signal })).toEqual(settlement);

    for (const [i, purse] of purses.entries()) {
      const held = await chain.balance(purse.payee, { signal });
      const { withdrawn } = await purse.withdraw({ signal });
      expect(withdrawn).toBe(paidTo[i]?.paid);
      const newest = await chain.balance(purse.payee, { signal });
      // Less its own gas, of which one withdrawal costs under 0.001 ETH here.
      expect(newest).toBeGreaterThan(held + withdrawn - ETHER / 1000n);
      expect(await purse.withdraw({ signal })).toEqual({ withdrawn: 0n });
      await purse.close();
    }
    // Nothing stays behind: not in the contract, not with the session key.
    expect(await chain.credit(payer.address, { signal })).toBe(0n);
    expect(await chain.balance(pot.config.signer, { signal })).toBe(0n);
    const spent = before - (await chain.balance(payer.address, { signal }));
    let gas = 0n;
    for (const hash of new Set(
      (await chain.events(pot.potId, from, { signal })).map((e) => e.hash),
    ))
      gas += (await chain.sent(hash, { signal }))?.cost ?? 0n;
    expect(spent).toBeGreaterThan(owed + gas);
    expect(spent).toBeLessThan(owed + 2n * gas);
    await pot.close();
    await pot.close();
    expect(one.address).toBe(purses[0].payee);
  });

  test("a worker claims alone when the payer's tab has died, and a later settlement counts it", async () => {
    const store = memory();
    const dead = await funded({ store });
    const purse = await working({ account: net.accounts[3] });
    await earn(dead, purse, 5_000n);
    await dead.close(); // and nobody settles

    const chain = await connect({ ...net, signal });
    const held = await chain.credit(purse.payee, { signal });
    expect(await purse.claim({ signal })).toEqual({ paid: 5_000n });
    expect(await chain.credit(purse.payee, { signal })).toBe(held + 5_000n);
    expect(purse.balances()).toMatchObject({
      accrued: 5_000n,
      vouchered: 5_000n,
      claimed: 5_000n,
      outstanding: 0n,
    });
    expect(await purse.claim({ signal })).toEqual({ paid: 0n });
    await purse.close();

    const [stored] = await unsettled(store);
    if (!stored) throw new Error("the store forgot a pot with money in it");
    const pot = await resumePot({
      potId: stored.potId,
      rpc: net.rpc,
      store,
      signal,
      clock: impatient,
    });
    const settlement = await pot.settle({ signal, progress: jump() });
    expect(settlement).toMatchObject({
      deposited: 10n ** 15n,
      paid: 5_000n,
      refunded: 10n ** 15n - 5_000n,
    });
    expect(settlement.gas.claimOrPay).toBeGreaterThan(21_000n);
    expect(await unsettled(store)).toEqual([]);
    await pot.close();
  });

  test("a pot that nobody worked for comes back whole", async () => {
    const pot = await funded();
    const settlement = await pot.settle({ signal, progress: jump() });
    expect(settlement).toMatchObject({ paid: 0n, refunded: 10n ** 15n, lanes: [] });
    await expect(
      pot.pay({ payee: net.accounts[1].address, lane: 1 }, wei(1n)),
    ).rejects.toMatchObject({ code: "POT_CLOSED" });
    await pot.close();
  });

  test("a browser wallet pays in, and the session key does the rest without asking it", async () => {
    const wallet = { provider: provider(net.rpc), address: net.accounts[0].address };
    const pot = await funded({ payer: wallet });
    const purse = await working();
    await earn(pot, purse, 77n);
    const asked = wallet.provider.asked.length;
    const settlement = await pot.settle({ signal, progress: jump() });
    expect(settlement.paid).toBe(77n);
    expect(wallet.provider.asked).toHaveLength(asked);
    await purse.close();
    await pot.close();
  });

  test("a session key without coins lets the payer's wallet settle", async () => {
    const pot = await funded({ signerGas: Wei.zero });
    const purse = await working();
    await earn(pot, purse, 88n);
    const settlement = await pot.settle({ signal, progress: jump() });
    expect(settlement).toMatchObject({ paid: 88n, refunded: 10n ** 15n - 88n });
    await purse.close();
    await pot.close();
  });

  test("a lane that lives gets a guarantee on chain, and the work that waited for it goes on", async () => {
    const hasty: Clock = {
      ...systemClock,
      sleep: (ms, options) => systemClock.sleep(Math.min(ms, 50), options),
    };
    const pot = await funded({ deposit: wei(ETHER), clock: hasty });
    const purse = await working({
      softCap: wei(ETHER / 20n),
      account: net.accounts[3],
      clock: hasty,
    });
    const worker: string[] = [];
    purse.watch((news) => worker.push(news.type), { signal });
    let lanes: number | undefined;
    pot.watch(
      (news) => {
        if (news.type === "reserved") lanes = news.lanes;
      },
      { signal },
    );
    await earn(pot, purse, ETHER / 100n);
    await purse.accrue(pot.potId, wei(ETHER / 10n));
    const voucher = await pot.pay(purse, wei(ETHER / 10n));
    // A worker that cannot claim by itself has only the guarantee to hope for.
    await net.setBalance(net.accounts[3], 0n);
    await expect(purse.accept(voucher)).rejects.toMatchObject({ code: "VOUCHER_UNGUARANTEED" });
    expect(purse.highest(pot.potId)).toEqual(voucher);
    // As a broadcaster does that hears of it: a worker that asks is there, however long the pot did not look.
    await pot.ask(purse);
    // The lane's first minute begins when the pot first refreshes it: some minute from now is its second.
    await expect
      .poll(
        async () => {
          if (lanes === undefined) await net.warp(61);
          return lanes;
        },
        { timeout: 20_000, interval: 300 },
      )
      .toBe(1);
    await expect.poll(() => worker, { timeout: 20_000, interval: 20 }).toContain("credited");
    expect(worker).toContain("reserved");
    const [lane] = await (await connect({ ...net, signal })).lanes(pot.potId, [purse], { signal });
    expect(lane?.ceiling).toBeGreaterThan(voucher.cumulative);
    await net.setBalance(net.accounts[3], 10n * ETHER);
    await purse.close();
    const settlement = await pot.settle({ signal, progress: jump() });
    expect(settlement.paid).toBe(voucher.cumulative);
    await pot.close();
  });

  test("settling goes on where it was interrupted", async () => {
    const pot = await funded();
    const purse = await working();
    await earn(pot, purse, 99n);
    const stop = new AbortController();
    await expect(
      pot.settle({
        signal: stop.signal,
        progress: (p) => {
          if (p.step === "waiting") stop.abort(new Error("Ctrl-C"));
        },
      }),
    ).rejects.toThrow("Ctrl-C");
    const settlement = await pot.settle({ signal, progress: jump() });
    expect(settlement).toMatchObject({ paid: 99n, refunded: 10n ** 15n - 99n });
    await purse.close();
    await pot.close();
  });

  test("a server that fails now and then delays settling and loses nothing", async () => {
    // Every fifth request is dropped on the floor.
    let count = 0;
    const target = new URL(net.rpc);
    const flaky = createServer((incoming, outgoing) => {
      if (++count % 5 === 0) {
        incoming.socket.destroy();
        return;
      }
      const { method, headers } = incoming;
      const onward = request(target, { method, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(outgoing);
      });
      onward.on("error", () => outgoing.destroy());
      incoming.pipe(onward);
    });
    await new Promise<void>((resolve) => flaky.listen(0, "127.0.0.1", resolve));
    const rpc = `http://127.0.0.1:${(flaky.address() as AddressInfo).port}`;
    const pot = await funded({ rpc });
    const purse = await working();
    await earn(pot, purse, 1_000n);
    const settlement = await pot.settle({ signal, progress: jump() });
    expect(settlement).toMatchObject({ paid: 1_000n, refunded: 10n ** 15n - 1_000n });
    await purse.close();
    await pot.close();
    flaky.closeAllConnections();
    flaky.close();
  });
});

describe("the payer's pot", () => {
  test("a pot signs no more than was deposited", async () => {
    const pot = await funded({ deposit: wei(100n) });
    const lane = { payee: net.accounts[1].address, lane: 1 };
    await pot.pay(lane, wei(60n));
    await expect(pot.pay({ ...lane, lane: 2 }, wei(41n))).rejects.toMatchObject({
      code: "POT_EMPTY",
      reason: { need: 41n, free: 40n },
    });
    expect((await pot.pay({ ...lane, lane: 2 }, wei(40n))).cumulative).toBe(40n);
    await pot.close();
  });

  test("a pot remembers over a restart what the deposit did not cover, and pays it after a top-up", async () => {
    const store = memory();
    const first = await funded({ deposit: wei(100n), store });
    const lane = { payee: net.accounts[1].address, lane: 1 };
    await first.pay(lane, wei(90n));
    await expect(first.pay(lane, wei(30n))).rejects.toMatchObject({ code: "POT_EMPTY" });
    await first.close();
    const pot = await again(first, store, { payer: net.accounts[0] });
    // The look at the chain paid as much of it as is covered.
    expect(pot.balances()).toEqual({ deposited: 100n, signed: 100n, free: 0n, debt: 20n });
    const news: PotNews[] = [];
    pot.watch((item) => news.push(item), { signal });
    await pot.topUp(wei(500n), { signal });
    expect(pot.balances()).toEqual({ deposited: 600n, signed: 120n, free: 480n, debt: 0n });
    expect(news).toEqual([{ type: "debtPaid", voucher: pot.highest(lane) }]);
    expect((await pot.settle({ signal, progress: jump() })).paid).toBe(120n);
    await pot.close();
  });

  test.each(["key", "browser wallet"] as const)(
    "a top-up by a %s whose outcome got lost is found by the next try, and never made twice",
    async (kind) => {
      const line = await proxy(net.rpc);
      const [, , , account] = net.accounts;
      const payer =
        kind === "key" ? account : { provider: provider(net.rpc), address: account.address };
      const store = memory();
      // Little patience once the transaction is out.
      const chain = await connect({ domain: net.domain, rpc: line.rpc, signal, patience: 1_500 });
      const pot = await funded({ deposit: wei(100n), payer, store, chain });
      const before = await nonceOf(account.address);
      line.rule = async (method) =>
        (await nonceOf(account.address)) > before && method !== "eth_chainId" ? "drop" : "pass";
      await expect(pot.topUp(wei(50n), { signal })).rejects.toMatchObject({
        code: expect.stringMatching("CHAIN_UNREACHABLE|CHAIN_UNCONFIRMED"),
      });
      expect(pot.balances().deposited).toBe(100n);
      line.rule = () => "pass";
      await pot.topUp(wei(50n), { signal });
      expect(pot.balances().deposited).toBe(150n);
      expect((await chain.pot(pot.potId, { signal })).balance).toBe(150n);
      await pot.topUp(wei(50n), { signal }); // and this one is another
      expect((await chain.pot(pot.potId, { signal })).balance).toBe(200n);
      expect(await nonceOf(account.address)).toBe(before + 2);
      await pot.close();
      line.close();
    },
  );

  test("a crash at any write of a top-up leaves the books with what the chain has", async () => {
    const outcomes: bigint[] = [];
    for (let at = 0; at < 4; at++) {
      const store = memory();
      const first = await funded({ deposit: wei(100n), store });
      await first.close();
      const pot = await resumePot({
        potId: first.potId,
        rpc: net.rpc,
        payer: net.accounts[0],
        store: dying(store.share(), at),
        signal,
      });
      await pot.topUp(wei(50n), { signal }).catch((error: unknown) => {
        expect(error).toBeInstanceOf(Crash);
      });
      await pot.close();
      const after = await again(first, store, { payer: net.accounts[0] });
      const { deposited } = after.balances();
      const { balance } = await (await connect({ ...net, signal })).pot(pot.potId, { signal });
      expect(deposited).toBe(balance);
      outcomes.push(deposited);
      await after.close();
    }
    expect(outcomes).toEqual([100n, 100n, 150n, 150n]);
  });

  test("a pot pays one after another, though asked all at once", async () => {
    const pot = await funded();
    const lane = { payee: net.accounts[1].address, lane: 1 };
    const vouchers = await Promise.all([1n, 2n, 3n, 4n].map((n) => pot.pay(lane, wei(n))));
    expect(vouchers.map(({ cumulative }) => cumulative)).toEqual([1n, 3n, 6n, 10n]);
    expect(pot.highest(lane)).toEqual(vouchers[3]);
    expect(pot.highest({ ...lane, lane: 2 })).toBeUndefined();
    await pot.close();
  });

  test("a pot refuses to open twice at once", async () => {
    const store = memory();
    const pot = await funded({ store });
    await expect(
      resumePot({ potId: pot.potId, rpc: net.rpc, store, signal, clock: impatient }),
    ).rejects.toMatchObject({ code: "STORE_LOCKED" });
    await pot.close();
    await (
      await resumePot({ potId: pot.potId, rpc: net.rpc, store, signal, clock: impatient })
    ).close();
  });

  test("a crash before any write loses no voucher that got out, and pays nothing twice", async () => {
    const lane = { payee: net.accounts[1].address, lane: 1 };
    for (let at = 0; at < 5; at++) {
      const store = memory();
      const first = await funded({ store });
      await first.pay(lane, wei(10n));
      await first.close();
      const resumed = await resumePot({
        potId: first.potId,
        rpc: net.rpc,
        store: dying(store.share(), at),
        signal,
      });
      let out = 10n;
      try {
        out = (await resumed.pay(lane, wei(5n))).cumulative;
        out = (await resumed.pay(lane, wei(5n))).cumulative;
      } catch (error) {
        expect(error).toBeInstanceOf(Crash);
      }
      await resumed.close();
      const after = await resumePot({
        potId: first.potId,
        rpc: net.rpc,
        store,
        signal,
        clock: impatient,
      });
      const held = after.highest(lane)?.cumulative ?? 0n;
      // What got out is known; what was intended and not sent was signed on the way up.
      expect(held).toBe([10n, 15n, 15n, 20n, 20n][at]);
      expect(held).toBeGreaterThanOrEqual(out);
      await after.close();
    }
  });

  test("a crash at any write of opening leaves a pot that can be opened again, or no deposit", async () => {
    const chain = await connect({ ...net, signal });
    const outcomes: string[] = [];
    for (let at = 0; at < 4; at++) {
      const store = memory();
      const before = await chain.balance(net.domain.contract, { signal });
      const opened = await funded({ store: dying(store.share(), at) }).catch((e: unknown) => e);
      const put = (await chain.balance(net.domain.contract, { signal })) - before;
      const [stored] = await unsettled(store);
      if (opened instanceof Error) expect(opened).toBeInstanceOf(Crash);
      else await (opened as PayerPot).close();
      const again =
        stored &&
        (await resumePot({
          potId: stored.potId,
          rpc: net.rpc,
          store,
          signal,
          clock: impatient,
        }).catch((e: unknown) => e));
      if (again === undefined || again instanceof Error) {
        expect(put).toBe(0n);
        outcomes.push(again === undefined ? "nothing" : "not opened");
      } else {
        const pot = again as PayerPot;
        expect((await pot.settle({ signal, progress: jump() })).refunded).toBe(10n ** 15n);
        await pot.close();
        outcomes.push("opened");
      }
    }
    expect(outcomes).toEqual(["nothing", "not opened", "opened", "opened"]);
  });

  test("a pot that lost its books takes back only what its own key signed", async () => {
    const store = memory();
    const pot = await funded({ store });
    const lane = { payee: net.accounts[1].address, lane: 1 };
    const voucher = await pot.pay(lane, wei(50n));
    await pot.close();
    for (const [key] of await store.list("pot-lane/")) await store.write([[key, undefined]]);
    const poor = await resumePot({
      potId: pot.potId,
      rpc: net.rpc,
      store,
      signal,
      clock: impatient,
    });
    expect(poor.highest(lane)).toBeUndefined();
    const { account } = await newSecret(store);
    const forged = await Voucher.sign(separator(net.domain), account, {
      ...voucher,
      cumulative: wei(999n),
    });
    await expect(poor.adopt(forged)).rejects.toMatchObject({ code: "VOUCHER_FORGED" });
    await expect(poor.adopt({ ...voucher, cumulative: wei(999n) })).rejects.toMatchObject({
      code: "VOUCHER_FORGED",
    });
    expect(poor.balances().signed).toBe(0n);
    expect(await poor.adopt(voucher)).toEqual(voucher);
    expect((await poor.pay(lane, wei(1n))).cumulative).toBe(51n);
    await poor.close();
  });

  test("a pot whose key cannot be unsealed is settled by the payer's wallet, and its workers get what was signed", async () => {
    const store = memory();
    const first = await funded({ store });
    await first.pay({ payee: net.accounts[2].address, lane: 3 }, wei(77n));
    await first.close();
    const record = await readPot(store, first.potId);
    // Another pot's key in its place: it is whole, and no good.
    const other = await newSecret(store);
    const { about: _, ...old } = other.sealed;
    for (const key of [other.sealed, old]) {
      await store.write([[`pot/${first.potId}`, { ...record, key } as unknown as Json]]);
      await expect(again(first, store)).rejects.toMatchObject({ code: "STORE_SEAL_BROKEN" });
    }
    const pot = await again(first, store, { payer: net.accounts[0] });
    await expect(
      pot.pay({ payee: net.accounts[2].address, lane: 3 }, wei(1n)),
    ).rejects.toMatchObject({ code: "POT_CLOSED" });
    const settlement = await pot.settle({ signal, progress: jump() });
    expect(settlement).toMatchObject({ paid: 77n, refunded: 10n ** 15n - 77n });
    expect(await unsettled(store)).toEqual([]);
    await pot.close();
  });

  test("a pot whose books are lost comes home by its opened event and the payer's wallet; its worker claims meanwhile", async () => {
    const chain = await connect({ ...net, signal });
    const since = await chain.height({ signal });
    const pot = await funded();
    const purse = await working();
    await earn(pot, purse, 500n);
    await pot.topUp(wei(1000n), { signal });
    await pot.close(); // and the browser's storage is cleared
    const [payer] = net.accounts;
    const { events } = await chain.history(payer.address, { since, signal });
    const opened = events.find(({ type, potId }) => type === "opened" && potId === pot.potId);
    if (opened?.type !== "opened") throw new Error("the history has no such pot");
    expect(opened.config).toEqual(pot.config);
    const common = { domain: net.domain, rpc: net.rpc, payer, signal, clock: impatient };
    const found = { config: opened.config, from: opened.block };
    const store = memory();
    const home = await recoverPot({ ...common, ...found, store });
    let claim: Promise<unknown> | undefined;
    const onward = jump();
    const settlement = await home.settle({
      signal,
      progress(p) {
        if (p.step !== "waiting") return;
        claim ??= purse.claim({ signal }).then(() => onward(p));
      },
    });
    await claim;
    expect(settlement).toMatchObject({
      deposited: 10n ** 15n + 1000n,
      paid: 500n,
      refunded: 10n ** 15n + 500n,
    });
    await home.close();
    await purse.close();
    const nobody = { ...opened.config, salt: `0x${"77".repeat(32)}` } as const;
    await expect(recoverPot({ ...common, ...found, config: nobody, store })).rejects.toMatchObject({
      code: "POT_NOT_OPENED",
    });
  });

  test("an unknown pot, a pot that never opened and a bad amount each have their code", async () => {
    const store = memory();
    await expect(
      resumePot({ potId: `0x${"12".repeat(32)}`, rpc: net.rpc, store, signal, clock: impatient }),
    ).rejects.toMatchObject({ code: "POT_UNKNOWN" });
    await expect(funded({ deposit: wei(0n) })).rejects.toMatchObject({ code: "POT_BAD_AMOUNT" });
    await expect(funded({ challengePeriod: 899 })).rejects.toMatchObject({
      code: "POT_BAD_CONFIG",
    });
    await expect(funded({ deposit: wei(10n ** 24n), store })).rejects.toMatchObject({
      code: "CHAIN_INSUFFICIENT",
    });
    const refusing = provider(net.rpc, {
      eth_sendTransaction: () => {
        throw { code: 4001, message: "User rejected the request." };
      },
    });
    const wallet = { provider: refusing, address: net.accounts[0].address };
    await expect(funded({ payer: wallet, store })).rejects.toMatchObject({
      code: "CHAIN_REJECTED",
    });
    // Nothing was sent: nothing is remembered.
    expect(await unsettled(store)).toEqual([]);
  });
});

describe("the worker's purse", () => {
  test("a purse trusts only our contract, a long enough challenge, and money that is there", async () => {
    const pot = await funded();
    const purse = await working({ minChallenge: 900, minBalance: wei(10n ** 15n) });
    const { domain, config } = pot;
    const elsewhere = { ...domain, contract: net.accounts[0].address };
    await expect(purse.trust(elsewhere, config, { signal })).rejects.toMatchObject({
      code: "POT_ELSEWHERE",
    });
    await expect(purse.trust({ ...domain, chainId: 1 }, config, { signal })).rejects.toMatchObject({
      code: "POT_ELSEWHERE",
    });
    const token = `0x${"77".repeat(20)}` as const;
    await expect(purse.trust(domain, { ...config, token }, { signal })).rejects.toMatchObject({
      code: "POT_TOKEN",
    });
    await expect(
      purse.trust(domain, { ...config, signer: `0x${"00".repeat(20)}` }, { signal }),
    ).rejects.toMatchObject({ code: "POT_BAD_CONFIG", reason: { field: "signer" } });
    await expect(
      purse.trust(domain, { ...config, salt: `0x${"99".repeat(32)}` }, { signal }),
    ).rejects.toMatchObject({ code: "POT_UNFUNDED", reason: { balance: 0n } });
    expect(await purse.trust(domain, config, { signal })).toBe(pot.potId);
    await purse.close();
    const careful = await working({ minChallenge: 3600 });
    await expect(careful.trust(domain, config, { signal })).rejects.toMatchObject({
      code: "POT_CHALLENGE_SHORT",
      reason: { challengePeriod: 900, min: 3600 },
    });
    const chain = await connect({ ...net, signal });
    await chain.startClose(net.accounts[0], config, { signal });
    await expect(careful.trust(domain, { ...config }, { signal })).rejects.toMatchObject({
      code: "POT_CHALLENGE_SHORT",
    });
    await careful.close();
    const late = await working();
    await expect(late.trust(domain, config, { signal })).rejects.toMatchObject({
      code: "POT_CLOSING",
    });
    await pot.settle({ signal, progress: jump() });
    await expect(late.trust(domain, config, { signal })).rejects.toMatchObject({
      code: "POT_FINAL",
    });
    await late.close();
    await pot.close();
  });

  test("each bad voucher is refused by its own code, and the books do not move", async () => {
    const pot = await funded();
    const purse = await working();
    const first = await pot.pay(purse, wei(10n));
    await expect(purse.accept(first)).rejects.toMatchObject({ code: "VOUCHER_UNTRUSTED_POT" });
    await purse.trust(pot.domain, pot.config, { signal });
    const second = await pot.pay(purse, wei(10n));
    expect(await purse.accept(second)).toEqual({ credited: 20n });
    const books = purse.balances();

    // Replayed: the same bytes act once.
    expect(await purse.accept(second)).toEqual({ credited: 0n });
    await expect(purse.accept(first)).rejects.toMatchObject({
      code: "VOUCHER_STALE",
      reason: { amount: 10n, held: 20n },
    });
    const { account } = await newSecret(memory());
    const forged = await Voucher.sign(separator(net.domain), account, {
      ...second,
      cumulative: wei(1_000n),
    });
    await expect(purse.accept(forged)).rejects.toMatchObject({ code: "VOUCHER_FORGED" });
    // Stale and forged: the signature is asked first, so that nothing is learnt from the answer.
    await expect(purse.accept({ ...forged, cumulative: wei(1n) })).rejects.toMatchObject({
      code: "VOUCHER_FORGED",
    });
    const other = await pot.pay({ payee: purse.payee, lane: (purse.lane ^ 1) >>> 0 }, wei(10n));
    await expect(purse.accept(other)).rejects.toMatchObject({
      code: "VOUCHER_MISDIRECTED",
      reason: { field: "lane" },
    });
    const theirs = await pot.pay({ payee: net.accounts[2].address, lane: purse.lane }, wei(10n));
    await expect(purse.accept(theirs)).rejects.toMatchObject({
      code: "VOUCHER_MISDIRECTED",
      reason: { field: "payee" },
    });
    await expect(purse.accept({ ...second, signature: "0x12" })).rejects.toMatchObject({
      code: "VOUCHER_MALFORMED",
    });
    expect(purse.balances()).toEqual(books);
    expect(purse.highest(pot.potId)).toEqual(second);
    await purse.close();
    await pot.close();
  });

  test("a voucher over the pot is refused until somebody tops the pot up", async () => {
    const pot = await funded({ deposit: wei(100n) });
    const purse = await working();
    await purse.trust(pot.domain, pot.config, { signal });
    // A payer whose books allow more than the chain holds: a second worker was paid behind its back.
    const voucher = await pot.pay(purse, wei(100n));
    const chain = await connect({ ...net, signal });
    const rival = { payee: net.accounts[2].address, lane: 1, cumulative: wei(40n) };
    await chain.pay(net.accounts[0], pot.config, [rival], { signal });
    await purse.trust(pot.domain, pot.config, { signal });
    await expect(purse.accept(voucher)).rejects.toMatchObject({
      code: "VOUCHER_OVER_POT",
      reason: { amount: 100n, pot: 60n },
    });
    await chain.deposit(net.accounts[3], pot.config, {
      amount: wei(40n),
      signerGas: Wei.zero,
      signal,
    });
    expect(await purse.accept(voucher)).toEqual({ credited: 100n });
    await purse.close();
    await pot.close();
  });

  test("a purse with only an address holds vouchers and says what it cannot do", async () => {
    const pot = await funded();
    const { payee } = await working();
    const purse = await openPurse({
      payee,
      domain: net.domain,
      rpc: net.rpc,
      store: memory(),
      signal,
    });
    await earn(pot, purse, 10n);
    await expect(purse.claim({ signal })).rejects.toMatchObject({ code: "PURSE_NO_ACCOUNT" });
    await expect(purse.withdraw({ signal })).rejects.toMatchObject({ code: "PURSE_NO_ACCOUNT" });
    await purse.close();
    await pot.close();
  });

  test("a tab that opens again has its lane and its vouchers; a second tab has another lane", async () => {
    const store = memory();
    const pot = await funded();
    const one = await working({ store });
    const two = await working({ store });
    expect(two.lane).not.toBe(one.lane);
    const voucher = await earn(pot, one, 10n);
    await one.close();
    await two.close();
    const [again, other] = [await working({ store }), await working({ store })];
    expect([again.lane, other.lane].sort()).toEqual([one.lane, two.lane].sort());
    const mine = again.lane === one.lane ? again : other;
    expect(mine.highest(pot.potId)).toEqual(voucher);
    expect(await mine.accept(voucher)).toEqual({ credited: 0n });
    await expect(working({ store, lane: mine.lane })).rejects.toMatchObject({
      code: "STORE_LOCKED",
    });
    await again.close();
    await other.close();
    await pot.close();
  });

  test("a crash at any write acknowledges nothing that is not on disk", async () => {
    const pot = await funded();
    const lane = 4242;
    const setup = await working({ lane });
    const voucher = await pot.pay(setup, wei(10n));
    await setup.close();
    for (let at = 0; at < 4; at++) {
      const store = memory();
      let credited = 0n;
      try {
        const purse = await working({ lane, store: dying(store.share(), at) });
        await purse.trust(pot.domain, pot.config, { signal });
        await purse.accrue(pot.potId, wei(10n));
        ({ credited } = await purse.accept(voucher));
      } catch (error) {
        expect(error).toBeInstanceOf(Crash);
      }
      const fresh = store.share();
      const held = (await fresh.list("purse-lane/")).map(([, value]) => value);
      expect(credited).toBe(0n);
      expect(JSON.stringify(held)).not.toContain(voucher.signature);
    }
    await pot.close();
  });

  test("a purse that sees a close claims what is worth more than the gas", async () => {
    const pot = await funded({ deposit: wei(ETHER) });
    const chain = await connect({ ...net, signal });
    const problems: Error[] = [];
    const onProblem = (error: Error) => problems.push(error);
    const purse = await working({ refresh: 20, softCap: wei(ETHER), onProblem });
    const small = await working({ payee: net.accounts[2].address, refresh: 20 });
    await earn(pot, purse, ETHER / 2n);
    await earn(pot, small, 5n);
    await chain.startClose(net.accounts[0], pot.config, { signal });
    await expect
      .poll(() => purse.balances().claimed, { timeout: 20_000, interval: 20 })
      .toBe(ETHER / 2n);
    expect(problems).toEqual([]);
    expect(small.balances().claimed).toBe(0n);
    await purse.close();
    await small.close();
    const settlement = await pot.settle({ signal, progress: jump() });
    expect(settlement.paid).toBe(ETHER / 2n + 5n);
    await pot.close();
  });
});
