import { type Amount, type Clock, systemClock, type Wei } from "@tabcast/runtime";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Anvil, anvil } from "../../test/anvil.ts";
import { dying } from "../../test/crash.ts";
import { type Dollars, dollars } from "../../test/dollars.ts";
import { provider } from "../../test/provider.ts";
import { impatient, stage } from "../../test/stage.ts";
import {
  type Chain,
  ChainError,
  connect,
  type SendCoinsOptions,
  type SignedAuthorization,
  type Wallet,
} from "../chain/chain.ts";
import { memory } from "../store/memory.ts";
import type { PotNews } from "../types.ts";
import { signed } from "./authorization.ts";
import { type OpenPotOptions, openPot, recoverPot, resumePot } from "./open-pot.ts";
import { readPot, unsettled } from "./pot-record.ts";

/* A pot in a token of six decimals on a real chain, from the payer's one signature to the refund. */

const parts = (value: bigint) => value as Amount;
const DEPOSIT = parts(2_000_000n);
const signal = AbortSignal.timeout(300_000);

const ETHER = 10n ** 18n;
const NOWHERE = `0x${"77".repeat(20)}` as const;

/** A clock on which the half minute between two looks at guarantees is a moment. */
const hurried: Clock = {
  ...systemClock,
  sleep: (ms, options) => systemClock.sleep(Math.min(ms, 20), options),
};

let net: Anvil;
let usd: Dollars;
let chain: Chain;
let scene: ReturnType<typeof stage>;
beforeAll(async () => {
  net = await anvil();
  usd = await dollars(net);
  chain = await connect({ ...net, currency: usd.currency, signal });
  scene = stage(net, signal);
});
afterAll(() => net.close());

/** A payer of its own with so many parts of the token, and coins. */
async function person(amount: bigint, coins = ETHER) {
  const account = privateKeyToAccount(generatePrivateKey());
  if (amount > 0n) await usd.mint(account.address, amount);
  await net.setBalance(account, coins);
  return account;
}

type Person = Awaited<ReturnType<typeof person>>;

function signTyped(account: Person, params: unknown): Promise<unknown> {
  const [, json] = params as [string, string];
  const { EIP712Domain: _, ...types } = JSON.parse(json).types;
  return account.signTypedData({ ...JSON.parse(json), types });
}

/** The person's browser wallet: it signs with the key and notes what it was asked; `answers` overrides methods. */
function browserWallet(
  account: Person,
  answers: Record<string, (params: unknown) => unknown> = {},
) {
  const asks = provider(net.rpc, {
    eth_signTypedData_v4: (params) => signTyped(account, params),
    ...answers,
  });
  return { wallet: { provider: asks, address: account.address }, asked: asks.asked };
}

const open = (more: Partial<OpenPotOptions> & Pick<OpenPotOptions, "payer">) =>
  openPot({
    ...{ domain: net.domain, rpc: net.rpc, currency: usd.currency, deposit: DEPOSIT },
    ...{ store: memory(), challengePeriod: 900, clock: impatient, signal },
    ...more,
  });

const dialogs = (asked: readonly string[]) =>
  asked.filter((method) => /^eth_(sign|send)/.test(method));

const HOUR = 3600;
const HASH = `0x${"55".repeat(32)}` as const;

describe("a deposit that is only signed", () => {
  test("a person with a gas purse signs once, and pot, vouchers and refund add up to the last part", async () => {
    const account = await person(DEPOSIT, 0n);
    const purse = await person(0n);
    const { wallet, asked } = browserWallet(account);
    const pot = await open({ payer: wallet, gasFrom: purse });
    expect(dialogs(asked)).toEqual(["eth_signTypedData_v4"]);
    expect(await usd.balance(account.address)).toBe(0n);
    expect(await chain.pot(pot.potId, { signal })).toMatchObject({ balance: DEPOSIT });

    const worker = await scene.working({ currency: usd.currency });
    const before = await chain.credit(worker.payee, { signal });
    await scene.earn(pot, worker, 1_203n);
    await scene.earn(pot, worker, 18n);
    const report = await pot.settle({ signal, progress: scene.jump() });
    expect(report).toMatchObject({ deposited: DEPOSIT, paid: 1_221n, refunded: DEPOSIT - 1_221n });
    expect(await usd.balance(account.address)).toBe(DEPOSIT - 1_221n);
    expect((await chain.credit(worker.payee, { signal })) - before).toBe(1_221n);
    expect(await chain.balance(pot.config.signer, { signal })).toBe(0n);
    expect(dialogs(asked)).toHaveLength(1);
    // What was left of the gas is in the purse again, and none of it went to the wallet.
    expect(await chain.balance(account.address, { signal })).toBe(0n);
    expect(await chain.balance(purse.address, { signal })).toBeGreaterThan((ETHER * 9n) / 10n);
    await Promise.all([pot.close(), worker.close()]);
  });

  test("without a gas purse the wallet signs, and sends the session key its coins", async () => {
    const account = await person(DEPOSIT + 5n);
    await net.cheat("anvil_impersonateAccount", account.address);
    const { wallet, asked } = browserWallet(account);
    const pot = await open({ payer: wallet });
    expect(dialogs(asked)).toEqual(["eth_signTypedData_v4", "eth_sendTransaction"]);
    // The session key has gas for the end already, so more is signed for and nothing else.
    await pot.topUp(parts(5n), { signal });
    expect(dialogs(asked).slice(2)).toEqual(["eth_signTypedData_v4"]);
    expect(pot.balances().deposited).toBe(DEPOSIT + 5n);
    expect(await chain.pot(pot.potId, { signal })).toMatchObject({ balance: DEPOSIT + 5n });
    await pot.close();
  });

  test("a wallet that says v as 0 or 1 has signed as well", async () => {
    const account = await person(DEPOSIT);
    const { wallet } = browserWallet(account, {
      eth_signTypedData_v4: async (params) => {
        const signature = (await signTyped(account, params)) as string;
        return `${signature.slice(0, -2)}0${signature.endsWith("1b") ? 0 : 1}`;
      },
    });
    const pot = await open({ payer: wallet, gasFrom: net.accounts[0] });
    expect(await chain.pot(pot.potId, { signal })).toMatchObject({ balance: DEPOSIT });
    await pot.close();
  });

  test.each([
    ["the person refuses", () => Promise.reject({ code: 4001 }), { code: "CHAIN_REJECTED" }],
    [
      "the wallet is a contract with a longer signature",
      async () => `0x${"ab".repeat(97)}`,
      { reason: { code: "CHAIN_TOKEN_SIGNATURE", bytes: 97 } },
    ],
    [
      "the wallet signs with another key than the account's",
      (params: unknown) => signTyped(privateKeyToAccount(generatePrivateKey()), params),
      { reason: { code: "CHAIN_TOKEN_SIGNATURE", bytes: 65 } },
    ],
    ["the wallet answers with no bytes", async () => null, { reason: { bytes: 0 } }],
  ])("where %s, nothing moves and nothing is kept", async (_, answer, error) => {
    const account = await person(DEPOSIT);
    const { wallet } = browserWallet(account, { eth_signTypedData_v4: answer });
    const store = memory();
    const gasFrom = await person(0n);
    await expect(open({ payer: wallet, gasFrom, store })).rejects.toMatchObject(error);
    expect(await unsettled(store)).toEqual([]);
    expect(await usd.balance(account.address)).toBe(DEPOSIT);
    expect(await chain.balance(gasFrom.address, { signal })).toBe(ETHER);
  });

  test("a wallet on another chain is not asked to sign", async () => {
    const { wallet, asked } = browserWallet(await person(DEPOSIT), { eth_chainId: () => "0x1" });
    const opened = open({ payer: wallet, gasFrom: net.accounts[0] });
    await expect(opened).rejects.toMatchObject({ reason: { code: "CHAIN_WRONG_ID", got: 1 } });
    expect(dialogs(asked)).toEqual([]);
  });

  test("a wallet that refuses to send the gas has deposited nothing, and the signature is forgotten", async () => {
    const account = await person(DEPOSIT);
    const refuse = () => Promise.reject({ code: 4001 });
    const { wallet } = browserWallet(account, { eth_sendTransaction: refuse });
    const store = memory();
    await expect(open({ payer: wallet, store })).rejects.toMatchObject({ code: "CHAIN_REJECTED" });
    expect(await unsettled(store)).toEqual([]);
    expect(await usd.balance(account.address)).toBe(DEPOSIT);
  });

  test("a wallet that lacks tokens is told how many, before it is asked for anything", async () => {
    const account = await person(DEPOSIT - 1n);
    const { wallet, asked } = browserWallet(account);
    const { token } = usd.currency;
    const opened = open({ payer: wallet, gasFrom: net.accounts[0] });
    await expect(opened).rejects.toMatchObject({
      reason: { code: "CHAIN_TOKEN_SHORT", token, symbol: "USDC", have: 1_999_999n, need: DEPOSIT },
      message: `${account.address} has 1.999999 USDC and needs 2 USDC`,
    });
    expect(asked).toEqual([]);
  });

  test("a frozen payer's deposit fails before any gas is sent", async () => {
    const account = await person(DEPOSIT);
    const gasFrom = await person(0n);
    await usd.freeze(account.address, true);
    const store = memory();
    const opened = open({ payer: account, gasFrom, store });
    await expect(opened).rejects.toMatchObject({ code: "CHAIN_TOKEN_FROZEN" });
    expect(await chain.balance(gasFrom.address, { signal })).toBe(ETHER);
    expect(await unsettled(store)).toEqual([]);
  });

  test("a token that takes a fee pays no pot, signed or approved", async () => {
    const account = await person(2n * DEPOSIT);
    await usd.fee(100);
    try {
      const inexact = {
        code: "CHAIN_TOKEN_INEXACT",
        sent: DEPOSIT,
        received: (DEPOSIT * 99n) / 100n,
      };
      const signed = open({ payer: account, gasFrom: net.accounts[0] });
      await expect(signed).rejects.toMatchObject({ reason: inexact });
      const approved = open({ payer: account, chain: withoutAuthorizations() });
      await expect(approved).rejects.toMatchObject({ reason: inexact });
    } finally {
      await usd.fee(0);
    }
    expect(await usd.balance(account.address)).toBe(2n * DEPOSIT);
  });
});

describe("a signed deposit that an earlier tab left behind", () => {
  test("somebody else brought it: the pot has it once, and it is not paid again", async () => {
    const { store, account, potId } = await died("after the signature");
    const { authorization, config } = await readPot(store, potId);
    const ready = authorization && signed(authorization);
    if (!ready) throw new Error("the books have no signed deposit");
    await chain.depositWithAuthorization(net.accounts[2], config, ready, { signal });
    const pot = await resumePot({ ...resuming(), potId, store, payer: account });
    expect(await chain.pot(potId, { signal })).toMatchObject({ balance: DEPOSIT });
    expect(await usd.balance(account.address)).toBe(DEPOSIT);
    expect(pot.balances().deposited).toBe(DEPOSIT);
    await pot.close();
  });

  test("the next tab brings it with gas from the purse, without asking the person again", async () => {
    const { store, account, potId } = await died("after the signature");
    const gasFrom = await person(0n);
    const { wallet, asked } = browserWallet(account);
    const pot = await resumePot({ ...resuming(), potId, store, payer: wallet, gasFrom });
    expect(await chain.pot(potId, { signal })).toMatchObject({ balance: DEPOSIT });
    expect(dialogs(asked)).toEqual([]);
    await pot.close();
  });

  test("an hour later it is void: nothing was paid, the gas is at home, and the books are empty", async () => {
    const { store, account, potId, gasFrom } = await died("after the gas");
    await net.warp(HOUR + 1);
    const resumed = resumePot({ ...resuming(), potId, store, payer: account });
    await expect(resumed).rejects.toMatchObject({ code: "POT_NOT_OPENED" });
    expect(await unsettled(store)).toEqual([]);
    expect(await usd.balance(account.address)).toBe(2n * DEPOSIT);
    expect(await chain.balance(gasFrom.address, { signal })).toBeGreaterThan((ETHER * 99n) / 100n);
  });

  test("gas that had not arrived when it became void comes home before the key is forgotten", async () => {
    const { store, account, potId, gasFrom } = await died("with the gas on its way");
    const { authorization, config } = await readPot(store, potId);
    if (!authorization?.gasRaw) throw new Error("the books have no transfer of gas");
    await net.warp(HOUR + 1);
    const resumed = resumePot({ ...resuming(), potId, store, payer: account });
    await expect(resumed).rejects.toMatchObject({ code: "POT_NOT_OPENED" });
    expect(await unsettled(store)).toEqual([]);
    // Whoever has kept its bytes brings nothing more to a key that nobody has.
    await chain.resend(authorization.gasRaw, { signal });
    expect(await chain.balance(config.signer, { signal })).toBe(0n);
    expect(await chain.balance(gasFrom.address, { signal })).toBeGreaterThan((ETHER * 99n) / 100n);
  });

  test("one that was never signed is forgotten", async () => {
    const { store, account, potId } = await died("before the signature");
    const resumed = resumePot({ ...resuming(), potId, store, payer: account });
    await expect(resumed).rejects.toMatchObject({ code: "POT_NOT_OPENED" });
    expect(await unsettled(store)).toEqual([]);
  });

  test("one that the payer cancelled in the token has opened no pot", async () => {
    const { store, account, potId } = await died("after the signature");
    const cancelled = { ...chain, authorizationUsed: async () => true };
    const resumed = resumePot({ ...resuming(), potId, store, payer: account, chain: cancelled });
    await expect(resumed).rejects.toMatchObject({ code: "POT_NOT_OPENED" });
  });
});

const resuming = () => ({ rpc: net.rpc, currency: usd.currency, signal, clock: impatient });

/** A tab that died while it deposited, and what it left. The payer has twice the deposit. */
async function died(
  when:
    | "before the signature"
    | "after the signature"
    | "with the gas on its way"
    | "after the gas",
) {
  const account = await person(2n * DEPOSIT);
  const gasFrom = await person(0n);
  const store = memory();
  const stop = new Error("the tab died");
  const dead: Chain = {
    ...chain,
    ...(when === "after the signature" && { sendCoins: () => Promise.reject(stop) }),
    ...(when === "with the gas on its way" && {
      sendCoins: (wallet: Wallet, to: `0x${string}`, options: SendCoinsOptions) => {
        const before = async (raw: `0x${string}`) => {
          await options.before?.(raw);
          throw stop;
        };
        return chain.sendCoins(wallet, to, { ...options, before });
      },
    }),
    depositWithAuthorization: () => Promise.reject(stop),
  };
  const unanswered = { eth_signTypedData_v4: () => new Promise(() => {}) };
  const unsigned = when === "before the signature";
  const payer: Wallet = unsigned ? browserWallet(account, unanswered).wallet : account;
  const own = new AbortController();
  // From its third write on nothing is written, as when the tab is gone.
  const left = { payer, gasFrom, store: unsigned ? dying(store, 2) : store, chain: dead };
  const opening = open({ ...left, signal: own.signal });
  opening.catch(() => undefined);
  if (unsigned) {
    // Until what is to be signed is on disk, which is before the wallet is asked.
    await vi.waitFor(async () => {
      const [one] = await unsettled(store);
      if (!one) throw new Error("nothing is stored yet");
      expect((await readPot(store, one.potId)).authorization).toBeDefined();
    });
    own.abort(stop);
  }
  await expect(opening).rejects.toThrow("the tab died");
  const [stored] = await unsettled(store);
  if (!stored) throw new Error("the tab left nothing");
  return { store: store.share(), account, gasFrom, potId: stored.potId };
}

/** The same chain, as if its token had no EIP-3009. */
const withoutAuthorizations = (): Chain => ({ ...chain, authorizing: async () => undefined });

describe("a token without EIP-3009", () => {
  test("exactly the deposit is approved, and nothing of it is left approved", async () => {
    const account = await person(DEPOSIT);
    const approved: bigint[] = [];
    const plain = withoutAuthorizations();
    const watched: Chain = {
      ...plain,
      approve: (wallet, amount, waits) => {
        approved.push(amount);
        return plain.approve(wallet, amount, waits);
      },
    };
    const pot = await open({ payer: account, chain: watched });
    expect(approved).toEqual([DEPOSIT]);
    expect(await chain.allowance(account.address, { signal })).toBe(0n);
    expect(await chain.pot(pot.potId, { signal })).toMatchObject({ balance: DEPOSIT });
    const report = await pot.settle({ signal, progress: scene.jump() });
    expect(report).toMatchObject({ deposited: DEPOSIT, paid: 0n, refunded: DEPOSIT });
    expect(await usd.balance(account.address)).toBe(DEPOSIT);
    await pot.close();
  });

  test("another allowance is taken back before the right one is given", async () => {
    const account = await person(DEPOSIT);
    const plain = withoutAuthorizations();
    await plain.approve(account, parts(7n), { signal });
    const pot = await open({ payer: account, chain: plain });
    expect(await chain.allowance(account.address, { signal })).toBe(0n);
    await pot.close();
  });
});

describe("an open pot in a token", () => {
  test("the session key's low gas is told once, and more of it can be sent", async () => {
    const account = await person(DEPOSIT);
    const pot = await open({ payer: account, signerGas: 1n as Wei, clock: hurried });
    const news: PotNews[] = [];
    const watching = new AbortController();
    pot.watch((one) => news.push(one), { signal: watching.signal });
    await pot.pay({ payee: net.accounts[1].address, lane: 1 }, parts(10n));
    await vi.waitFor(() => expect(news).not.toEqual([]), { timeout: 10_000 });
    expect(news).toMatchObject([{ type: "gasLow" }]);
    const [low] = news;
    if (low?.type !== "gasLow") throw new Error("nothing was told");
    expect(low.have).toBeLessThan(low.need);
    await pot.topUpGas((2n * low.need) as Wei, { signal });
    expect(await chain.balance(pot.config.signer, { signal })).toBe(low.have + 2n * low.need);
    await expect(pot.topUpGas(0n as Wei, { signal })).rejects.toMatchObject({
      code: "POT_BAD_AMOUNT",
    });
    await pot.close();
    await expect(pot.topUpGas(1n as Wei, { signal })).rejects.toMatchObject({ code: "POT_CLOSED" });
  });

  test("a session key without gas: the payer's wallet ends the pot, and it is told", async () => {
    const account = await person(DEPOSIT);
    const pot = await open({ payer: account, signerGas: 1n as Wei });
    const news: PotNews[] = [];
    pot.watch((one) => news.push(one), { signal });
    await pot.pay({ payee: net.accounts[1].address, lane: 1 }, parts(10n));
    const report = await pot.settle({ signal, progress: scene.jump() });
    expect(report).toMatchObject({ paid: 10n, refunded: DEPOSIT - 10n });
    const steps = news.flatMap((one) => (one.type === "walletAsked" ? [one.step] : []));
    expect(new Set(steps)).toEqual(new Set(["pay", "close", "refund"]));
    await pot.close();
  });

  test("sixty-four lanes are paid and the pot ended from the default gas, which lasts", async () => {
    const account = await person(DEPOSIT);
    const pot = await open({ payer: account });
    const news: PotNews[] = [];
    pot.watch((one) => news.push(one), { signal });
    for (let lane = 0; lane < 64; lane++)
      await pot.pay(
        { payee: `0x${(0xd0000 + lane).toString(16).padStart(40, "0")}`, lane },
        parts(100n),
      );
    const report = await pot.settle({ signal, progress: scene.jump() });
    expect(report).toMatchObject({ paid: 6_400n, refunded: DEPOSIT - 6_400n });
    expect(news).toEqual([]);
    await pot.close();
  });

  test("a signed top-up whose transaction failed in a block is in everybody's hands: it is not paid a second time", async () => {
    const account = await person(DEPOSIT + 10n);
    const gasFrom = await person(0n);
    let seen: SignedAuthorization | undefined;
    let fails = false;
    const failing: Chain = {
      ...chain,
      async depositWithAuthorization(wallet, config, authorization, waits) {
        if (!fails) return chain.depositWithAuthorization(wallet, config, authorization, waits);
        seen = authorization;
        const reason = { code: "CHAIN_REVERTED", error: "reverted", args: [], hash: HASH } as const;
        throw new ChainError(reason, "it failed in a block");
      },
    };
    const pot = await open({ payer: account, gasFrom, chain: failing });
    fails = true;
    const reverted = { code: "CHAIN_REVERTED" };
    await expect(pot.topUp(parts(5n), { signal })).rejects.toMatchObject(reverted);
    // Still nothing is known of its fate, and nothing else is signed in its place.
    const first = seen;
    await expect(pot.topUp(parts(5n), { signal })).rejects.toMatchObject(reverted);
    expect(seen).toEqual(first);
    if (!first) throw new Error("nothing was brought");
    await chain.depositWithAuthorization(net.accounts[2], pot.config, first, { signal });
    fails = false;
    await pot.topUp(parts(5n), { signal });
    expect(await chain.pot(pot.potId, { signal })).toMatchObject({ balance: DEPOSIT + 5n });
    expect(pot.balances().deposited).toBe(DEPOSIT + 5n);
    expect(await usd.balance(account.address)).toBe(5n);
    await pot.close();
  });

  test("a top-up that the token has noted is found behind a server's older blocks, and not paid a second time", async () => {
    const account = await person(DEPOSIT + 10n);
    let lost = false;
    let stale = 0;
    const lagging: Chain = {
      ...chain,
      async depositWithAuthorization(...asked) {
        const sent = await chain.depositWithAuthorization(...asked);
        if (!lost) return sent;
        throw new ChainError({ code: "CHAIN_UNCONFIRMED", hash: HASH, seconds: 1 }, "no answer");
      },
      async look(...asked) {
        const seen = await chain.look(...asked);
        if (stale <= 0) return seen;
        stale--;
        return { ...seen, pot: { ...seen.pot, balance: DEPOSIT } };
      },
    };
    const pot = await open({ payer: account, chain: lagging, clock: hurried });
    lost = true;
    const topUp = () => pot.topUp(parts(5n), { signal });
    await expect(topUp()).rejects.toMatchObject({ code: "CHAIN_UNCONFIRMED" });
    stale = 2;
    await topUp();
    expect(pot.balances().deposited).toBe(DEPOSIT + 5n);
    expect(await usd.balance(account.address)).toBe(5n);
    await pot.close();
  });

  test("its books lost, the wallet recovers it from the chain and has its tokens again", async () => {
    const account = await person(DEPOSIT);
    const from = await chain.height({ signal });
    const lost = await open({ payer: account });
    await lost.close();
    const pot = await recoverPot({
      ...resuming(),
      ...{ domain: net.domain, config: lost.config, from, payer: account, store: memory() },
    });
    const report = await pot.settle({ signal, progress: scene.jump() });
    expect(report).toMatchObject({ deposited: DEPOSIT, paid: 0n, refunded: DEPOSIT });
    expect(await usd.balance(account.address)).toBe(DEPOSIT);
    await pot.close();
  });

  test("it is not taken up as a pot of the chain's coin", async () => {
    const store = memory();
    const pot = await open({ payer: await person(DEPOSIT), store });
    await pot.close();
    const { currency: _, ...coins } = resuming();
    const { potId } = pot;
    const resumed = resumePot({ ...coins, potId, store: store.share() });
    await expect(resumed).rejects.toMatchObject({ code: "POT_TOKEN" });
  });

  test("a deposit that the chain forgot, with the gas that brought it, is brought again", async () => {
    const account = await person(DEPOSIT);
    const gasFrom = await person(0n);
    const snapshot = await net.cheat("evm_snapshot");
    const pot = await open({ payer: account, gasFrom });
    await net.cheat("evm_revert", snapshot);
    expect(await usd.balance(account.address)).toBe(DEPOSIT);
    const news: PotNews[] = [];
    pot.watch((one) => news.push(one), { signal });
    const report = await pot.settle({ signal, progress: scene.jump() });
    expect(report).toMatchObject({ deposited: DEPOSIT, refunded: DEPOSIT });
    expect(news).toEqual([{ type: "depositResent" }]);
    await pot.close();
  });

  test("a frozen worker's earnings stay with the contract until it may have them", async () => {
    const account = await person(DEPOSIT);
    const worker = await person(0n);
    const pot = await open({ payer: account });
    await pot.pay({ payee: worker.address, lane: 1 }, parts(500n));
    await usd.freeze(worker.address, true);
    const report = await pot.settle({ signal, progress: scene.jump() });
    expect(report).toMatchObject({ paid: 500n, refunded: DEPOSIT - 500n });
    const withdrawn = chain.withdraw(worker, worker.address, { signal });
    await expect(withdrawn).rejects.toMatchObject({ code: "CHAIN_TOKEN_FROZEN" });
    expect(await chain.credit(worker.address, { signal })).toBe(500n);
    await usd.freeze(worker.address, false);
    await chain.withdraw(worker, worker.address, { signal });
    expect(await usd.balance(worker.address)).toBe(500n);
    await pot.close();
  });
});

describe("the history of an account that is paid in coins and in a token", () => {
  test("each has the events of its own currency, of the payer's pots and of the worker's alike", async () => {
    const account = await person(DEPOSIT);
    const worker = await person(0n);
    const since = await chain.height({ signal });
    const coins = await connect({ ...net, signal });
    const { currency: _, ...inCoins } = resuming();
    const small = { domain: net.domain, challengePeriod: 900, payer: account, store: memory() };
    const pots = [
      await open({ payer: account }),
      await openPot({ ...inCoins, ...small, deposit: parts(1_000_000n) }),
    ];
    for (const pot of pots) await pot.pay({ payee: worker.address, lane: 1 }, parts(500n));
    for (const pot of pots) await pot.settle({ signal, progress: scene.jump() });
    for (const each of [chain, coins]) await each.withdraw(worker, worker.address, { signal });
    for (const [each, pot] of [
      [chain, pots[0]],
      [coins, pots[1]],
    ] as const) {
      const own = await each.history(account.address, { since, signal });
      const types = own.events.map(({ type }) => type).toSorted();
      expect(types).toEqual(["deposited", "final", "opened", "withdrawn"]);
      const paid = await each.history(worker.address, { since, signal });
      expect(paid.events).toMatchObject([
        { type: "withdrawn", amount: 500n },
        { type: "claimed", paid: 500n, potId: pot?.potId },
      ]);
    }
    for (const pot of pots) await pot.close();
  });
});

describe("a chain's token is checked before anything is done with it", () => {
  test.each([
    [
      "an address without code",
      () => ({ token: NOWHERE }),
      { code: "CHAIN_TOKEN_NONE", token: NOWHERE },
    ],
    [
      "a contract that is no token",
      () => ({ token: net.domain.contract }),
      { code: "CHAIN_TOKEN_BAD", field: "decimals", expected: "6", got: "none" },
    ],
    [
      "other decimals",
      () => ({ decimals: 18 }),
      { code: "CHAIN_TOKEN_BAD", field: "decimals", expected: "18", got: "6" },
    ],
    [
      "another symbol",
      () => ({ symbol: "DAI" }),
      { code: "CHAIN_TOKEN_BAD", field: "symbol", expected: "DAI", got: "USDC" },
    ],
  ])("%s", async (_, change, reason) => {
    const currency = { ...usd.currency, ...change() };
    await expect(connect({ ...net, currency, signal })).rejects.toMatchObject({ reason });
  });

  test("what a wallet has of it is told, and of the coin where pots are in that", async () => {
    const { address } = await person(77n, 5n);
    expect(await chain.tokenBalance(address, { signal })).toBe(77n);
    const coins = await connect({ ...net, signal });
    expect(await coins.tokenBalance(address, { signal })).toBe(5n);
    expect(await coins.authorizing({ signal })).toBeUndefined();
  });

  test("its domain is the one that USDC's wallets show", async () => {
    const verifyingContract = usd.currency.token;
    const domain = { name: "USD Coin", version: "2", chainId: 31337, verifyingContract };
    expect(await chain.authorizing({ signal })).toEqual(domain);
  });
});
