import { type Amount, type Clock, systemClock, Wei } from "@tabcast/runtime";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { afterEach, describe, expect, test } from "vitest";
import { DOLLARS, FEE, type MemoryChain, memoryChain } from "../../test/memory-chain.ts";
import { impatient } from "../../test/stage.ts";
import { type Chain, ChainError } from "../chain/chain.ts";
import { coin } from "../currency.ts";
import { type MemoryStore, memory } from "../store/memory.ts";
import type { PayerPot, PotNews, SettleProgress } from "../types.ts";
import { type OpenPotOptions, openPot, type ResumePotOptions, resumePot } from "./open-pot.ts";
import { potKey, unsettled } from "./pot-record.ts";

/* What becomes of money on its way into a pot when the chain, a wallet or the tab does not go along. */

const { signal } = new AbortController();
const parts = (value: bigint) => value as Amount;
const wei = (value: bigint) => value as Wei;
const COINS = 10n ** 9n;
const DEPOSIT = parts(10_000n);
const HOUR = 3_600;
const HASH = `0x${"55".repeat(32)}` as const;
const LANE = { payee: `0x${"a1".repeat(20)}`, lane: 1 } as const;

/** A clock on which every pause is a moment. */
const hurried: Clock = {
  ...systemClock,
  sleep: (ms, options) => systemClock.sleep(Math.min(ms, 2), options),
};

interface Scene extends MemoryChain {
  readonly payer: ReturnType<typeof privateKeyToAccount>;
  readonly gasFrom: ReturnType<typeof privateKeyToAccount>;
  readonly store: MemoryStore;
  open(more?: Partial<OpenPotOptions>): Promise<PayerPot>;
  /** The pot in the next life of its tab. */
  again(pot: Pick<PayerPot, "potId">, more?: Partial<ResumePotOptions>): Promise<PayerPot>;
  /** What a pot tells from now on. */
  newsOf(pot: PayerPot): PotNews[];
  /** Lets the clock jump over what settling waits for. */
  jump(step: SettleProgress): void;
  /** What both wallets have, in what pots are in, and in coins. */
  atHome(): Promise<readonly [bigint, bigint]>;
}

/** Pots that are open: what a test that fails leaves behind would look at its chain for ever. */
const pots = new Set<PayerPot>();
afterEach(async () => {
  for (const pot of pots) await pot.close();
  pots.clear();
});
async function kept(opening: Promise<PayerPot>): Promise<PayerPot> {
  const pot = await opening;
  pots.add(pot);
  return pot;
}

/** A payer with three deposits and a purse that pays gas, on a chain of their own. */
function scene(currency = coin()): Scene {
  const net = memoryChain(currency);
  const payer = privateKeyToAccount(generatePrivateKey());
  const gasFrom = privateKeyToAccount(generatePrivateKey());
  net.give(payer.address, COINS, 3n * DEPOSIT);
  net.give(gasFrom.address, COINS);
  const store = memory();
  const { chain } = net;
  const common = { rpc: "memory:", chain, currency, clock: hurried, signal, gasFrom };
  return {
    ...net,
    ...{ payer, gasFrom, store },
    get held() {
      return net.held;
    },
    set held(on: boolean) {
      net.held = on;
    },
    open: (more = {}) =>
      kept(
        openPot({
          ...{ ...common, domain: chain.domain, payer, deposit: DEPOSIT, store: store.share() },
          ...{ challengePeriod: 900, ...more },
        }),
      ),
    again: ({ potId }, more = {}) =>
      kept(resumePot({ ...common, potId, payer, store: store.share(), ...more })),
    newsOf(pot) {
      const news: PotNews[] = [];
      pot.watch((one) => news.push(one), { signal });
      return news;
    },
    jump(step) {
      if (step.step === "waiting") net.warp(step.until - step.now);
    },
    atHome: async () => [
      await chain.tokenBalance(payer.address, { signal }),
      (await chain.balance(payer.address, { signal })) +
        (await chain.balance(gasFrom.address, { signal })),
    ],
  };
}

/** The gas purse as a browser's wallet, whose person answers at once. */
const asWallet = ({ address }: { readonly address: `0x${string}` }, answer = async () => {}) => ({
  ...{ address, provider: { request: answer } },
});

const NOTHING = { deposited: 0n, paid: 0n, refunded: 0n, lanes: [] };

describe("a pot whose deposit the chain has undone for good", () => {
  test("an authorization that is void by then ends with nothing paid in, and all money at home", async () => {
    const net = scene(DOLLARS);
    const undo = net.snapshot();
    const [tokens, coins] = await net.atHome();
    const pot = await net.open();
    await pot.pay(LANE, parts(700n));
    const news = net.newsOf(pot);
    undo();
    net.warp(HOUR + 1);
    const report = await pot.settle({ signal, progress: net.jump });
    expect(report).toMatchObject(NOTHING);
    expect(news).toEqual([
      { type: "depositUndone", deposited: DEPOSIT },
      { type: "unpaid", lanes: 1, owed: 700n },
    ]);
    // The gas came again, since others may have kept its bytes, and went home: two transactions.
    expect(await net.atHome()).toEqual([tokens, coins - 2n * FEE]);
    expect(await net.chain.balance(pot.config.signer, { signal })).toBe(0n);
    expect(await unsettled(net.store)).toEqual([]);
    await pot.close();
  });

  test("a coin deposit whose nonce another transaction has taken ends the same", async () => {
    const net = scene();
    const undo = net.snapshot();
    const pot = await net.open();
    undo();
    // The key has paid something else since.
    await net.chain.sendCoins(net.payer, net.gasFrom.address, { amount: wei(1n), signal });
    const [, coins] = await net.atHome();
    const news = net.newsOf(pot);
    expect(await pot.settle({ signal, progress: net.jump })).toMatchObject(NOTHING);
    expect(news).toEqual([{ type: "depositUndone", deposited: DEPOSIT }]);
    expect((await net.atHome())[1]).toBe(coins);
    await pot.close();
  });

  test("one that the payer has cancelled in the token ends when its time is over", async () => {
    const net = scene(DOLLARS);
    const undo = net.snapshot();
    const pot = await net.open();
    undo();
    const cancelled: typeof net.chain = Object.assign(Object.create(net.chain), {
      authorizationUsed: async () => true,
    });
    const { potId } = pot;
    await pot.close();
    const again = await net.again({ potId }, { chain: cancelled });
    const settling = () => again.settle({ signal, progress: net.jump });
    await expect(settling()).rejects.toMatchObject({ code: "POT_NOT_OPENED" });
    net.warp(HOUR + 1);
    expect(await settling()).toMatchObject(NOTHING);
    await again.close();
  });

  test("two looks without the pot are a server that lags: the third finds it, and it is paid", async () => {
    const net = scene(DOLLARS);
    const pot = await net.open();
    await pot.pay(LANE, parts(700n));
    await pot.close();
    net.warp(HOUR + 1);
    let stale = 2;
    const { chain } = net;
    const lagging: typeof chain = Object.assign(Object.create(chain), {
      pot: async (...asked: Parameters<typeof chain.pot>) => ({
        ...(await chain.pot(...asked)),
        ...(stale-- > 0 && { exists: false }),
      }),
      look: async (...asked: Parameters<typeof chain.look>) => {
        const seen = await chain.look(...asked);
        return { ...seen, pot: { ...seen.pot, ...(stale >= 0 && { exists: false }) } };
      },
      authorizationUsed: async () => false,
    });
    const again = await net.again(pot, { chain: lagging });
    const report = await again.settle({ signal, progress: net.jump });
    expect(report).toMatchObject({ deposited: DEPOSIT, paid: 700n, refunded: DEPOSIT - 700n });
    await again.close();
  });

  test("a top-up that can still be brought is brought, and pays what was signed", async () => {
    const net = scene(DOLLARS);
    const undo = net.snapshot();
    const pot = await net.open();
    net.warp(HOUR / 2);
    await pot.topUp(parts(900n), { signal });
    await pot.pay(LANE, parts(700n));
    undo();
    net.warp(HOUR / 2 + 1);
    const report = await pot.settle({ signal, progress: net.jump });
    expect(report).toMatchObject({ deposited: 900n, paid: 700n, refunded: 200n });
    await pot.close();
  });
});

describe("a deposit that was signed in a tab that died", () => {
  async function left() {
    const net = scene();
    net.held = true;
    await expect(net.open()).rejects.toThrow("it may still arrive");
    net.end("dropped");
    net.held = false;
    const [pot] = await unsettled(net.store);
    if (!pot) throw new Error("the tab left nothing");
    return { net, pot };
  }

  test("is forgotten, and said to have never arrived, once its nonce is another transaction's", async () => {
    const { net, pot } = await left();
    await net.chain.sendCoins(net.payer, net.gasFrom.address, { amount: wei(1n), signal });
    await expect(net.again(pot)).rejects.toMatchObject({ code: "POT_NOT_OPENED" });
    expect(await unsettled(net.store)).toEqual([]);
  });

  test("is remembered where two looks say so, and the third sends it", async () => {
    const { net, pot } = await left();
    let looks = 0;
    const { chain } = net;
    const lagging: typeof chain = Object.assign(Object.create(chain), {
      async resend(...asked: Parameters<typeof chain.resend>) {
        if (++looks > 2) return chain.resend(...asked);
        const { address: account } = net.payer;
        throw new ChainError({ code: "CHAIN_REPLACED", hash: HASH, account, nonce: 0 }, "replaced");
      },
    });
    const again = await net.again(pot, { chain: lagging });
    expect(again.balances().deposited).toBe(DEPOSIT);
    expect(await chain.pot(pot.potId, { signal })).toMatchObject({ balance: DEPOSIT });
    await again.close();
  });
});

describe("two top-ups at once", () => {
  test("both are in the pot and in the books, one after the other", async () => {
    const net = scene(DOLLARS);
    const pot = await net.open();
    await Promise.all([300n, 500n].map((amount) => pot.topUp(parts(amount), { signal })));
    expect(pot.balances().deposited).toBe(DEPOSIT + 800n);
    expect(await net.chain.pot(pot.potId, { signal })).toMatchObject({ balance: DEPOSIT + 800n });
    await pot.close();
  });

  test("while the first is not settled nothing is signed for the second, and a reload sends the first again", async () => {
    const net = scene();
    const pot = await net.open();
    net.held = true;
    const before = net.asked.length;
    const ends = await Promise.allSettled(
      [300n, 500n].map((amount) => pot.topUp(parts(amount), { signal })),
    );
    expect(ends).toMatchObject([
      { reason: { code: "CHAIN_UNCONFIRMED" } },
      { reason: { code: "CHAIN_UNCONFIRMED" } },
    ]);
    expect(net.asked.slice(before)).toEqual(["deposit"]);
    await pot.close();
    net.end("dropped");
    net.held = false;
    const again = await net.again(pot);
    expect(again.balances().deposited).toBe(DEPOSIT + 300n);
    expect(await net.chain.pot(pot.potId, { signal })).toMatchObject({ balance: DEPOSIT + 300n });
    await again.close();
  });

  test("one that is given up while it waits for its turn is never signed", async () => {
    const net = scene();
    const pot = await net.open();
    const before = net.asked.length;
    const gone = new AbortController();
    const first = pot.topUp(parts(300n), { signal });
    const second = pot.topUp(parts(500n), { signal: gone.signal });
    gone.abort(new Error("given up"));
    await expect(second).rejects.toThrow("given up");
    await first;
    await pot.topUp(parts(700n), { signal });
    expect(net.asked.slice(before)).toEqual(["deposit", "deposit"]);
    expect(pot.balances().deposited).toBe(DEPOSIT + 1_000n);
    await pot.close();
  });
});

describe("gas that a browser's wallet has sent for a signed deposit", () => {
  const GAS = wei(50_000n);

  /** A tab whose wallet's gas waits for a block when it is closed, and the pot that it left. */
  async function left(answer?: () => Promise<void>) {
    const net = scene(DOLLARS);
    net.held = true;
    const gasFrom = asWallet(net.gasFrom, answer);
    const opening = net.open({ gasFrom, signerGas: GAS });
    await expect(opening).rejects.toThrow(answer ? "the tab died" : "it may still arrive");
    const [pot] = await unsettled(net.store);
    if (!pot) throw new Error("the tab left nothing");
    const again = () => net.again(pot, { gasFrom });
    const gas = () => net.chain.balance(pot.config.signer, { signal });
    return { net, again, gas };
  }
  const NOT_OPENED = { code: "POT_NOT_OPENED" };

  test("pending for over an hour, it keeps its key, and comes home when it has arrived", async () => {
    const { net, again, gas } = await left();
    net.warp(30 * HOUR);
    await expect(again()).rejects.toMatchObject(NOT_OPENED);
    expect(await unsettled(net.store)).toHaveLength(1);
    net.end("mined");
    net.held = false;
    expect(await gas()).toBeGreaterThan(GAS);
    await expect(again()).rejects.toMatchObject(NOT_OPENED);
    expect(await unsettled(net.store)).toEqual([]);
    expect(await gas()).toBe(0n);
    expect(await net.chain.balance(net.gasFrom.address, { signal })).toBe(COINS - 2n * FEE);
  });

  test("forgotten by the server it may come back, until the wallet's nonce is another transaction's", async () => {
    const { net, again } = await left();
    net.warp(30 * HOUR);
    net.end("dropped");
    net.held = false;
    await expect(again()).rejects.toMatchObject(NOT_OPENED);
    expect(await unsettled(net.store)).toHaveLength(1);
    await net.chain.sendCoins(net.gasFrom, net.payer.address, { amount: wei(1n), signal });
    await expect(again()).rejects.toMatchObject(NOT_OPENED);
    expect(await unsettled(net.store)).toEqual([]);
  });

  test("pending within the hour, it is not asked for a second time, and the deposit is brought with it", async () => {
    const { net, again, gas } = await left();
    const before = net.asked.length;
    await expect(again()).rejects.toMatchObject({ code: "CHAIN_UNCONFIRMED" });
    expect(net.asked.slice(before)).toEqual([]);
    net.end("mined");
    net.held = false;
    const pot = await again();
    expect(pot.balances().deposited).toBe(DEPOSIT);
    expect(await gas()).toBe(GAS);
    await pot.close();
  });

  test("where the tab died at the dialog, the key is kept for a day, and forgotten after it", async () => {
    const { net, again } = await left(() => Promise.reject(new Error("the tab died")));
    net.warp(24 * HOUR - 1);
    await expect(again()).rejects.toMatchObject(NOT_OPENED);
    expect(await unsettled(net.store)).toHaveLength(1);
    net.warp(1);
    await expect(again()).rejects.toMatchObject(NOT_OPENED);
    expect(await unsettled(net.store)).toEqual([]);
  });
});

describe("gas that was sent with a top-up", () => {
  /** An open pot in dollars whose key has nothing, and whose top-up's gas waits for a block. */
  async function left(byWallet = false) {
    const net = scene(DOLLARS);
    const gasFrom = byWallet ? asWallet(net.gasFrom) : net.gasFrom;
    const pot = await net.open({ signerGas: wei(0n), gasFrom });
    net.held = true;
    await expect(pot.topUp(parts(900n), { signal })).rejects.toThrow("it may still arrive");
    net.held = false;
    const gas = () => net.chain.balance(pot.config.signer, { signal });
    return { net, pot, gas };
  }

  test("signed in the tab, it is sent again at the pot's end, and comes home", async () => {
    const { net, pot, gas } = await left();
    await pot.settle({ signal, progress: net.jump });
    net.end("mined");
    expect(await gas()).toBe(0n);
    expect(await unsettled(net.store)).toEqual([]);
    await pot.close();
  });

  test("signed in the tab and in no block at the pot's end, it keeps its key until it has come home", async () => {
    const { net, pot, gas } = await left();
    await pot.close();
    const over: { resend?: Chain["resend"] } = {};
    const chain = new Proxy(net.chain, {
      get: (target, name: keyof Chain) => (name === "resend" && over.resend) || target[name],
    });
    over.resend = async () => {
      throw new ChainError({ code: "CHAIN_UNCONFIRMED", hash: HASH, seconds: 120 }, "not yet");
    };
    const again = await net.again(pot, { chain });
    const news = net.newsOf(again);
    await again.settle({ signal, progress: net.jump });
    expect(news.at(-1)).toEqual({ type: "keyKept", why: "not yet" });
    expect(await unsettled(net.store)).toHaveLength(1);
    delete over.resend;
    net.end("mined");
    expect(await gas()).toBeGreaterThan(0n);
    await again.settle({ signal, progress: net.jump });
    expect(await gas()).toBe(0n);
    expect(await unsettled(net.store)).toEqual([]);
    await again.close();
  });

  test.each(["the tab", "a wallet"])(
    "by %s for a top-up that is void since, it is not forgotten with it",
    async (by) => {
      const { net, pot, gas } = await left(by === "a wallet");
      await pot.close();
      net.warp(HOUR + 1);
      const again = await net.again(pot);
      const settle = () => again.settle({ signal, progress: net.jump });
      await settle();
      net.end("mined");
      await settle();
      expect(await gas()).toBe(0n);
      expect(await unsettled(net.store)).toEqual([]);
      await again.close();
    },
  );
});

describe("gas that is sent to the session key of an open pot", () => {
  const GAS = wei(70_000n);
  /** A pot whose gas top-up waits for a block, or for its person, when the tab is closed. */
  async function left(gasFrom: "a key" | "a wallet", answer?: () => Promise<void>) {
    const net = scene();
    const from = gasFrom === "a key" ? net.gasFrom : asWallet(net.gasFrom, answer);
    const pot = await net.open({ gasFrom: from });
    const gas = () => net.chain.balance(pot.config.signer, { signal });
    const before = await gas();
    net.held = true;
    await expect(pot.topUpGas(GAS, { signal })).rejects.toThrow(/may still arrive|the tab died/);
    await pot.close();
    const again = () => net.again(pot, { gasFrom: from });
    const count = () => net.asked.filter((one) => one === "coins").length;
    return { net, again, count, gas: async () => (await gas()) - before };
  }

  test("signed in the tab, the next one sends the same bytes again, and they arrive once", async () => {
    const { net, again, count, gas } = await left("a key");
    net.end("dropped");
    net.held = false;
    const pot = await again();
    expect(await gas()).toBe(GAS);
    expect(count()).toBe(1);
    // It is not taken for a repetition of what is known to have arrived.
    await pot.topUpGas(GAS, { signal });
    expect(await gas()).toBe(2n * GAS);
    await pot.close();
  });

  test("asked for again in the same tab, what may still arrive is sent once", async () => {
    const net = scene();
    const pot = await net.open({ gasFrom: net.gasFrom });
    const before = await net.chain.balance(pot.config.signer, { signal });
    net.held = true;
    const topUpGas = () => pot.topUpGas(GAS, { signal });
    await expect(topUpGas()).rejects.toMatchObject({ code: "CHAIN_UNCONFIRMED" });
    net.end("dropped");
    net.held = false;
    await topUpGas();
    expect((await net.chain.balance(pot.config.signer, { signal })) - before).toBe(GAS);
    await pot.close();
  });

  test("sent by a browser's wallet and in no block, it is not asked for again until it is known to have failed", async () => {
    const { net, again, count, gas } = await left("a wallet");
    const pot = await again();
    const asked = { code: "POT_ASKED_BEFORE" };
    await expect(pot.topUpGas(GAS, { signal })).rejects.toMatchObject(asked);
    net.held = false;
    net.end("dropped");
    await expect(pot.topUpGas(GAS, { signal })).rejects.toMatchObject(asked);
    expect(count()).toBe(1);
    await net.chain.sendCoins(net.gasFrom, net.payer.address, { amount: wei(1n), signal });
    await pot.topUpGas(GAS, { signal });
    expect(await gas()).toBe(GAS);
    await pot.close();
  });

  test("sent by a browser's wallet and arrived after all, the same call finds it", async () => {
    const { net, again, count, gas } = await left("a wallet");
    const pot = await again();
    net.end("mined");
    net.held = false;
    await pot.topUpGas(GAS, { signal });
    expect([await gas(), count()]).toEqual([GAS, 1]);
    await pot.close();
  });

  test("where the tab died at the dialog, it is asked for again after ten minutes", async () => {
    const { net, again, count } = await left("a wallet", () =>
      Promise.reject(new Error("the tab died")),
    );
    const pot = await again();
    net.held = false;
    net.warp(599);
    const topUpGas = () => pot.topUpGas(GAS, { signal });
    await expect(topUpGas()).rejects.toMatchObject({ code: "POT_ASKED_BEFORE" });
    expect(count()).toBe(1);
    net.warp(1);
    await expect(topUpGas()).rejects.toThrow("the tab died");
    expect(count()).toBe(2);
    await pot.close();
  });

  test("while it may still come, the settled pot's key is kept, and what is there goes home", async () => {
    const { net, again } = await left("a wallet");
    const pot = await again();
    // Only the wallet's transaction waits: what the key sends goes into blocks.
    net.held = false;
    const news = net.newsOf(pot);
    const report = await pot.settle({ signal, progress: net.jump });
    expect(report).toMatchObject({ deposited: DEPOSIT, refunded: DEPOSIT });
    expect(news).toMatchObject([{ type: "keyKept" }]);
    expect(await net.chain.balance(pot.config.signer, { signal })).toBe(0n);
    expect(await unsettled(net.store)).toHaveLength(1);
    net.end("mined");
    expect(await net.chain.balance(pot.config.signer, { signal })).toBe(GAS);
    await pot.settle({ signal, progress: net.jump });
    expect(await unsettled(net.store)).toEqual([]);
    expect(await net.chain.balance(pot.config.signer, { signal })).toBe(0n);
    await pot.close();
  });

  test("what the wallet refuses leaves nothing to wait for", async () => {
    const net = scene();
    const refuse = () => Promise.reject(new ChainError({ code: "CHAIN_REJECTED" }, "no"));
    const pot = await net.open({ gasFrom: asWallet(net.gasFrom, refuse) });
    for (let times = 0; times < 2; times++)
      await expect(pot.topUpGas(GAS, { signal })).rejects.toMatchObject({ code: "CHAIN_REJECTED" });
    await pot.close();
  });
});

describe("a top-up by a browser's wallet", () => {
  const MORE = parts(900n);
  interface LeftOptions {
    readonly answer?: () => Promise<void>;
    readonly clock?: Clock;
  }
  /** A pot whose top-up waits for a block when the tab is opened again. */
  async function left({ answer, clock = hurried }: LeftOptions = {}) {
    const net = scene();
    const payer = asWallet(net.payer, answer);
    const pot = await net.open();
    await pot.close();
    const before = await net.again(pot, { payer });
    net.held = true;
    const { potId } = before;
    const topUp = before.topUp(MORE, { signal });
    await expect(topUp).rejects.toThrow(answer ? "the tab died" : "it may still arrive");
    await before.close();
    const count = () => net.asked.filter((one) => one === "deposit").length - 1;
    return { net, pot: await net.again({ potId }, { payer, clock }), count };
  }
  const topUpOf = (pot: PayerPot) => pot.topUp(MORE, { signal });
  const ASKED = { code: "POT_ASKED_BEFORE" };

  test("in the mempool at a reload, it is remembered, and counts as soon as a block has it", async () => {
    const { net, pot, count } = await left();
    expect(pot.balances().deposited).toBe(DEPOSIT);
    await expect(topUpOf(pot)).rejects.toMatchObject(ASKED);
    net.end("mined");
    net.held = false;
    await expect.poll(() => pot.balances().deposited).toBe(DEPOSIT + MORE);
    expect(count()).toBe(1);
    // What is found is no longer waited for: the next is a top-up of its own.
    await topUpOf(pot);
    expect(pot.balances().deposited).toBe(DEPOSIT + 2n * MORE);
    expect(count()).toBe(2);
    await pot.close();
  });

  test("found by the same call, it is not paid twice", async () => {
    // The half minute to the next look does not pass.
    const { net, pot, count } = await left({ clock: impatient });
    net.end("mined");
    net.held = false;
    await topUpOf(pot);
    expect([pot.balances().deposited, count()]).toEqual([DEPOSIT + MORE, 1]);
    await pot.close();
  });

  test("forgotten by the server it may come back, until the wallet's nonce is another transaction's", async () => {
    const { net, pot, count } = await left();
    net.end("dropped");
    net.held = false;
    await expect(topUpOf(pot)).rejects.toMatchObject(ASKED);
    expect(count()).toBe(1);
    await net.chain.sendCoins(net.payer, net.gasFrom.address, { amount: wei(1n), signal });
    await topUpOf(pot);
    expect([pot.balances().deposited, count()]).toEqual([DEPOSIT + MORE, 2]);
    await pot.close();
  });

  test("where the tab died at the dialog, it is asked for again after ten minutes", async () => {
    const { net, pot, count } = await left({
      answer: () => Promise.reject(new Error("the tab died")),
    });
    net.held = false;
    net.warp(599);
    await expect(topUpOf(pot)).rejects.toMatchObject(ASKED);
    expect(count()).toBe(1);
    net.warp(1);
    await expect(topUpOf(pot)).rejects.toThrow("the tab died");
    expect(count()).toBe(2);
    await pot.close();
  });

  test("confirmed in the wallet long after its tab died, it counts without a reload", async () => {
    const { net, pot } = await left({
      answer: () => Promise.reject(new Error("the tab died")),
    });
    net.held = false;
    await pot.pay(LANE, parts(1n));
    net.warp(600);
    // Given up by then, and looked for no more.
    const { store } = net;
    const isPending = async () =>
      JSON.stringify(await store.get(potKey(pot.potId))).includes("topUp");
    await expect.poll(isPending).toBe(false);
    await net.chain.deposit(net.payer, pot.config, { amount: MORE, signerGas: Wei.zero, signal });
    await expect.poll(() => pot.balances().deposited).toBe(DEPOSIT + MORE);
    await pot.close();
  });

  test("sped up in the wallet, it has arrived by another transaction", async () => {
    const net = scene();
    const pot = await net.open();
    const { config } = pot;
    await pot.close();
    const { chain } = net;
    const spedUp: typeof chain = Object.assign(Object.create(chain), {
      deposit: async (...[wallet, , options]: Parameters<typeof chain.deposit>) => {
        const { address: account } = wallet;
        await options.sentAs?.({ from: account, hash: HASH, nonce: 1 });
        const { amount, signerGas } = options;
        await chain.deposit(net.payer, config, { amount, signerGas, signal });
        throw new ChainError({ code: "CHAIN_REPLACED", hash: HASH, account, nonce: 1 }, "replaced");
      },
    });
    const again = await net.again(pot, { payer: asWallet(net.payer), chain: spedUp });
    await topUpOf(again);
    expect(again.balances().deposited).toBe(DEPOSIT + MORE);
    await again.close();
  });
});

describe("a top-up that the chain has undone in an open pot", () => {
  const MORE = parts(900n);
  /** A pot of a browser's wallet in which a lane is paid, topped up, and what was topped up undone. */
  async function undone() {
    const net = scene();
    const payer = asWallet(net.payer);
    const opened = await net.open();
    await opened.close();
    const pot = await net.again(opened, { payer });
    await pot.pay(LANE, parts(1n));
    const news = net.newsOf(pot);
    const undo = net.snapshot();
    await pot.topUp(MORE, { signal });
    undo();
    await expect.poll(() => news).toEqual([{ type: "depositLost", missing: MORE }]);
    return { net, pot, news, payer };
  }

  test("what is lost is promised to nobody, also after a reload, and its owner puts it in again", async () => {
    const { net, pot, payer } = await undone();
    const left = DEPOSIT - 1n;
    expect(pot.balances()).toMatchObject({ deposited: DEPOSIT, free: left });
    await expect(pot.pay(LANE, parts(left + 1n))).rejects.toMatchObject({
      code: "POT_EMPTY",
      message: `the pot has ${left} parts left, and ${left + 1n} are due`,
    });
    await pot.close();
    const again = await net.again(pot, { payer });
    // What is still there was promised, and no more.
    expect(again.balances()).toMatchObject({ deposited: DEPOSIT, free: 0n, debt: 1n });
    await again.topUp(MORE, { signal });
    expect(again.balances()).toMatchObject({ deposited: DEPOSIT + MORE, debt: 0n });
    await again.close();
  });

  test("what comes back after a reload counts again, and pays what was earned", async () => {
    const { net, pot, payer } = await undone();
    const { amount, signerGas } = { amount: MORE, signerGas: Wei.zero };
    await expect(pot.pay(LANE, DEPOSIT)).rejects.toMatchObject({ code: "POT_EMPTY" });
    await pot.close();
    const again = await net.again(pot, { payer });
    expect(again.balances()).toMatchObject({ deposited: DEPOSIT, debt: 1n });
    await net.chain.deposit(net.payer, pot.config, { amount, signerGas, signal });
    await expect.poll(() => again.balances().debt).toBe(0n);
    expect(again.balances()).toMatchObject({ deposited: DEPOSIT + MORE, signed: DEPOSIT + 1n });
    await again.close();
  });

  test("what comes back by itself counts again, once", async () => {
    const { net, pot, news } = await undone();
    const { amount, signerGas } = { amount: MORE, signerGas: Wei.zero };
    const { config, potId } = pot;
    await net.chain.deposit(net.payer, config, { amount, signerGas, signal });
    await expect.poll(() => pot.balances().deposited).toBe(DEPOSIT + MORE);
    await pot.topUp(parts(5n), { signal });
    expect(pot.balances().deposited).toBe(DEPOSIT + MORE + 5n);
    const balance = DEPOSIT + MORE + 5n;
    expect(await net.chain.pot(potId, { signal })).toMatchObject({ balance });
    expect(news).toHaveLength(1);
    await pot.close();
  });

  test("the deposit itself is sent again, before anything counts as lost", async () => {
    const net = scene();
    const undo = net.snapshot();
    const pot = await net.open();
    await pot.pay(LANE, parts(1n));
    const news = net.newsOf(pot);
    undo();
    await expect.poll(() => news).toEqual([{ type: "depositResent" }]);
    expect(pot.balances().deposited).toBe(DEPOSIT);
    expect(await net.chain.pot(pot.potId, { signal })).toMatchObject({ balance: DEPOSIT });
    await pot.close();
  });
});

describe("a signed top-up", () => {
  /** A pot in dollars that is open, and its chain with some calls overridden from now on. */
  async function opened() {
    const net = scene(DOLLARS);
    const over: { -readonly [Name in keyof Chain]?: Chain[Name] } = {};
    const chain = new Proxy(net.chain, {
      get: (target, name: keyof Chain) => over[name] ?? target[name],
    });
    return { net, over, pot: await net.open({ chain }) };
  }
  const short = async () => {
    throw new ChainError(
      { code: "CHAIN_REVERTED", error: "exceeds balance", args: [] },
      "the token has too little",
    );
  };
  const away = async () => {
    throw new ChainError({ code: "CHAIN_UNREACHABLE", rpc: "memory:" }, "nobody answers");
  };

  test("that the payer has cancelled in the token was not paid, and says so", async () => {
    const { net, over, pot } = await opened();
    over.authorizationUsed = async () => true;
    const topUp = () => pot.topUp(parts(5n), { signal });
    await expect(topUp()).rejects.toMatchObject({ code: "CHAIN_TOKEN_CANCELLED" });
    expect(pot.balances().deposited).toBe(DEPOSIT);
    delete over.authorizationUsed;
    await topUp();
    expect(pot.balances().deposited).toBe(DEPOSIT + 5n);
    expect(await net.chain.pot(pot.potId, { signal })).toMatchObject({ balance: DEPOSIT + 5n });
    await pot.close();
  });

  test("that nobody has seen and that cannot be brought makes room for another sum", async () => {
    const { net, over, pot } = await opened();
    over.quote = away;
    await expect(pot.topUp(parts(900n), { signal })).rejects.toMatchObject({
      code: "CHAIN_UNREACHABLE",
    });
    over.quote = short;
    // The same sum again is the same top-up, which still cannot be brought.
    const reverted = { code: "CHAIN_REVERTED" };
    await expect(pot.topUp(parts(900n), { signal })).rejects.toMatchObject(reverted);
    let tries = 0;
    over.quote = (...asked) => (++tries === 1 ? short() : net.chain.quote(...asked));
    await pot.topUp(parts(5n), { signal });
    expect(pot.balances().deposited).toBe(DEPOSIT + 5n);
    expect(await net.chain.pot(pot.potId, { signal })).toMatchObject({ balance: DEPOSIT + 5n });
    await pot.close();
  });

  test("that others may have seen is not replaced by another sum while it may be brought", async () => {
    const { net, over, pot } = await opened();
    over.depositWithAuthorization = away;
    await expect(pot.topUp(parts(900n), { signal })).rejects.toThrow("nobody answers");
    over.quote = short;
    const another = () => pot.topUp(parts(5n), { signal });
    await expect(another()).rejects.toMatchObject({ code: "CHAIN_REVERTED" });
    delete over.quote;
    delete over.depositWithAuthorization;
    net.warp(HOUR + 1);
    await another();
    expect(await net.chain.pot(pot.potId, { signal })).toMatchObject({ balance: DEPOSIT + 5n });
    await pot.close();
  });
});
