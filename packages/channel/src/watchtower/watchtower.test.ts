import { tabcastPotAbi } from "@tabcast/contracts";
import { type Amount, Wei } from "@tabcast/runtime";
import { createPublicClient, http } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Anvil, anvil } from "../../test/anvil.ts";
import { stage } from "../../test/stage.ts";
import { type Chain, connect } from "../chain/chain.ts";
import { separator } from "../config.ts";
import { openSecret } from "../secret.ts";
import * as Share from "../share.ts";
import { memory } from "../store/memory.ts";
import type { Sealed } from "../store/store.ts";
import type { Address, PayerPot, SignedVoucher } from "../types.ts";
import { sign } from "../voucher.ts";
import { type OpenWatchtowerOptions, openWatchtower, type Watchtower } from "./watchtower.ts";

type Stage = ReturnType<typeof stage>;
const signal = AbortSignal.timeout(240_000);
const patience = { timeout: 20_000 };
const WORTH = 4n * 10n ** 14n;
/** The default share of it, five percent, and what is left for the worker. */
const SHARE = WORTH / 20n;
const SAVED = WORTH - SHARE;
const wei = (value: bigint) => value as Amount;

let net: Anvil;
let chain: Chain;
let funded: Stage["funded"];
let working: Stage["working"];
let earn: Stage["earn"];
beforeAll(async () => {
  net = await anvil();
  chain = await connect({ ...net, signal });
  ({ funded, working, earn } = stage(net, signal));
});
afterAll(() => net.close());

let rescued: [Address, bigint][];
/** What was told to be earned by shares, and to be withdrawn of it. */
let shares: bigint[];
let withdrawn: bigint[];
let problems: Error[];
/** Looks at the chain that watchtowers have taken. */
let looked: number;
beforeEach(() => {
  rescued = [];
  shares = [];
  withdrawn = [];
  problems = [];
  looked = 0;
});

/** Resolves when `count` more looks have been answered. */
async function looks(count: number): Promise<void> {
  const before = looked;
  await expect.poll(() => looked - before, patience).toBeGreaterThanOrEqual(count);
}

/** Transactions of the watchtower's account so far. */
const sent = async (): Promise<number> =>
  Number(await net.cheat("eth_getTransactionCount", net.accounts[3].address, "latest"));

const watching = (
  store = memory(),
  more: Partial<OpenWatchtowerOptions> & { readonly over?: Partial<Chain> } = {},
): Promise<Watchtower> =>
  openWatchtower({
    domain: net.domain,
    rpc: net.rpc,
    account: net.accounts[3],
    store,
    signal,
    chain: {
      ...chain,
      snapshot: async (...asked) => {
        const found = await chain.snapshot(...asked);
        looked++;
        return found;
      },
      ...more.over,
    },
    refresh: 20,
    onProblem: (error) => void problems.push(error),
    onRescue: (payee, saved) => void rescued.push([payee, saved]),
    onShare: (share) => void shares.push(share),
    onWithdrawn: (amount) => void withdrawn.push(amount),
    ...more,
  });
const keep = (watchtower: Watchtower, { domain, config }: PayerPot, voucher: SignedVoucher) =>
  watchtower.accept(domain, config, voucher, { signal });

/** A worker that earned and whose tab is gone, with what it held. */
async function gone(pot: PayerPot, amount = WORTH): Promise<SignedVoucher> {
  const purse = await working();
  const voucher = await earn(pot, purse, amount);
  await purse.close();
  return voucher;
}

/** The payer's own session key begins the close and pays nobody. */
async function closeEarly(pot: PayerPot): Promise<number> {
  await chain.startClose(net.accounts[0], pot.config, { signal });
  return (await chain.pot(pot.potId, { signal })).closeAt;
}

describe("a watchtower, on a real chain", () => {
  test("a watchtower claims for a worker that is gone when the pot closes without it, and keeps the share that its lane leaves", async () => {
    const pot = await funded();
    const voucher = await gone(pot);
    const watchtower = await watching();
    await keep(watchtower, pot, voucher);
    const mine = await chain.credit(net.accounts[3].address, { signal });
    const credit = await chain.credit(voucher.payee, { signal });
    await closeEarly(pot);
    await net.warp(440);
    expect(rescued).toEqual([]); // the owner's own half of the challenge
    await net.warp(20);
    await expect.poll(() => rescued, patience).toEqual([[voucher.payee, SAVED]]);
    expect(shares).toEqual([SHARE]);
    expect(await chain.credit(voucher.payee, { signal })).toBe(credit + SAVED);
    expect(await chain.credit(net.accounts[3].address, { signal })).toBe(mine + SHARE);
    await net.warp(900);
    await chain.finalizeClose(net.accounts[3], pot.config, { signal });
    await expect.poll(() => watchtower.vouchers(), patience).toEqual([]); // a final pot is forgotten
    expect(rescued).toHaveLength(1);
    expect(problems).toEqual([]);
    await watchtower.close();
    await pot.close();
  });

  test("a watchtower remembers after its own tab was closed, keeps the highest, and pays no gas for what the owner claimed", async () => {
    const pot = await funded();
    const purse = await working();
    const low = await earn(pot, purse, WORTH);
    const high = await earn(pot, purse, WORTH);
    const store = memory();
    const first = await watching(store);
    for (const voucher of [low, high, low]) await keep(first, pot, voucher);
    expect(first.vouchers()).toEqual([high]);
    await first.close();

    const second = await watching(store);
    expect(second.vouchers()).toEqual([high]);
    await closeEarly(pot);
    expect((await purse.claim({ signal })).paid).toBe(2n * WORTH);
    await net.warp(460);
    const height = await chain.height({ signal });
    await net.warp(900);
    await chain.finalizeClose(net.accounts[3], pot.config, { signal });
    await expect.poll(() => second.vouchers(), patience).toEqual([]);
    expect(rescued).toEqual([]);
    expect(await chain.height({ signal })).toBe(height + 2n); // our warp and the finalize: no claim
    await second.close();
    await purse.close();
    await pot.close();
  });

  test("a watchtower refuses what it could not bring, and what its claim would cost more than", async () => {
    const pot = await funded();
    const voucher = await gone(pot);
    const watchtower = await watching();
    const { domain, config } = pot;
    const offer = (more: object, offered = domain, of = config) =>
      watchtower.accept(offered, of, { ...voucher, ...more }, { signal });
    await expect(offer({ cumulative: wei(WORTH + 1n) })).rejects.toMatchObject({
      code: "VOUCHER_FORGED",
    });
    await expect(offer({}, { ...domain, chainId: 10 })).rejects.toMatchObject({
      code: "POT_ELSEWHERE",
    });
    const salt = `0x${"ab".repeat(32)}` as const;
    await expect(offer({}, domain, { ...config, salt })).rejects.toMatchObject({
      code: "VOUCHER_UNTRUSTED_POT",
    });
    const dust = await pot.pay({ payee: voucher.payee, lane: 1 }, wei(1n));
    await expect(keep(watchtower, pot, dust)).rejects.toMatchObject({
      reason: { code: "WATCHTOWER_WORTHLESS", value: 1n },
    });
    expect(watchtower.vouchers()).toEqual([]);
    await watchtower.close();
    await pot.close();
  });

  test("a watchtower claims again where a claim failed, and keeps vouchers while one is under way", async () => {
    const pot = await funded();
    const other = await funded();
    const [voucher, late] = [await gone(pot), await gone(other)];
    let tries = 0;
    const { promise: begun, resolve } = Promise.withResolvers<void>();
    const { promise: answer, resolve: end } = Promise.withResolvers<void>();
    const watchtower = await watching(memory(), {
      over: {
        claimAsWatchtower: async (...call) => {
          if (++tries === 1) throw new Error("the server was away");
          resolve();
          await answer;
          return chain.claimAsWatchtower(...call);
        },
      },
    });
    await keep(watchtower, pot, voucher);
    await closeEarly(pot);
    await net.warp(460);
    await begun;
    expect(problems.map(({ message }) => message)).toEqual(["the server was away"]);
    await keep(watchtower, other, late);
    await looks(3);
    expect(watchtower.vouchers()).toEqual([voucher, late]);
    expect(tries).toBe(2);
    end();
    await expect.poll(() => rescued, patience).toEqual([[voucher.payee, SAVED]]);
    await watchtower.close();
    for (const one of [pot, other]) await one.close();
  });
});

describe("a watchtower's gas", () => {
  test("a watchtower is not drained by vouchers of a pot whose balance is promised to its payer's own lane", async () => {
    const store = memory();
    const pot = await funded({ store });
    const lanes = Array.from({ length: 16 }, (_, lane) => ({
      payee: net.accounts[1].address,
      lane,
    }));
    const vouchers = [];
    for (const lane of lanes) vouchers.push(await pot.pay(lane, wei(WORTH / 8n)));
    // Kept while the pot still covers one of them each; then the payer takes the whole of it for itself.
    const watchtower = await watching(memory(), { over: { gasPrice: async () => Wei.of(1n) } });
    for (const voucher of vouchers) await keep(watchtower, pot, voucher);
    const sybil = { payee: net.accounts[2].address, lane: 666 };
    const until = (await chain.now({ signal })) + 20_000;
    await chain.reserve(
      net.accounts[0],
      pot.config,
      [{ ...sybil, ceiling: wei(10n ** 15n), until, version: 0 }],
      { signal },
    );
    const closeAt = await closeEarly(pot);
    const before = await sent();
    await net.warp(closeAt - 440 - (await chain.now({ signal })));
    await looks(20);
    expect(await sent()).toBe(before);
    expect(rescued).toEqual([]);
    expect(problems).toEqual([]);
    await watchtower.close();
    await pot.close();
  });

  test("a watchtower whose server shows a pot fuller than it is sends one claim that bounces, and no second one after a restart", async () => {
    const pot = await funded();
    const voucher = await gone(pot);
    const store = memory();
    const full = await chain.pot(pot.potId, { signal });
    const over: Partial<Chain> = {
      snapshot: async (...asked) => {
        const found = await chain.snapshot(...asked);
        looked++;
        const fuller = found.pots.map((one) => ({ ...one, balance: full.balance }));
        return { ...found, pots: fuller };
      },
    };
    const first = await watching(store, { over });
    await keep(first, pot, voucher);
    // All of it goes to the payer's second address before the close.
    const sybil = { payee: net.accounts[2].address, lane: 666, cumulative: wei(10n ** 15n) };
    await chain.pay(net.accounts[0], pot.config, [sybil], { signal });
    const closeAt = await closeEarly(pot);
    const before = await sent();
    await net.warp(closeAt - 440 - (await chain.now({ signal })));
    await expect.poll(async () => (await sent()) - before, patience).toBe(1);
    await looks(10);
    await first.close();
    const second = await watching(store, { over });
    await looks(10);
    expect((await sent()) - before).toBe(1);
    expect(rescued).toEqual([]);
    expect(problems).toEqual([]);
    await second.close();
    await pot.close();
  });

  test("a watchtower sends no claim whose quote is more than it brings, and sends it when gas is cheap again", async () => {
    const pot = await funded();
    const voucher = await gone(pot);
    let dear = true;
    const watchtower = await watching(memory(), {
      over: {
        quote: async (...asked) =>
          dear ? { gas: 1n, cost: Wei.of(WORTH) } : chain.quote(...asked),
      },
    });
    await keep(watchtower, pot, voucher);
    const closeAt = await closeEarly(pot);
    const before = await sent();
    await net.warp(closeAt - 440 - (await chain.now({ signal })));
    await looks(5);
    expect(await sent()).toBe(before);
    dear = false;
    await expect.poll(() => rescued, patience).toEqual([[voucher.payee, SAVED]]);
    await watchtower.close();
    await pot.close();
  });
});

describe("a watchtower's share", () => {
  const BIG = 10n ** 17n;

  /** A pot that closes, with the vouchers of workers that are gone, by the numbers of their lanes. */
  async function abandoned(lanes: readonly number[], watchtower: Watchtower) {
    const pot = await funded({ deposit: wei(10n * BIG) });
    const payee = net.accounts[1].address;
    for (const lane of lanes) await keep(watchtower, pot, await pot.pay({ payee, lane }, wei(BIG)));
    await closeEarly(pot);
    await net.warp(460);
    return pot;
  }
  /** A key of its own with so much for gas. */
  async function funder(byte: string, coins: bigint) {
    const account = privateKeyToAccount(`0x${byte.repeat(32)}`);
    await net.setBalance(account, coins);
    return account;
  }
  const balance = (address: Address) => chain.balance(address, { signal });

  test("the contract reads the share of a lane as we do, whatever its number", async () => {
    const client = createPublicClient({ transport: http(net.rpc) });
    for (const lane of [
      0,
      1,
      2 ** 27 - 1,
      2 ** 27,
      Share.laneOf(20, 9),
      21 * 2 ** 27,
      0xffffffff,
    ]) {
      const percent = await client.readContract({
        address: net.domain.contract,
        abi: tabcastPotAbi,
        functionName: "watchtowerShare",
        args: [lane],
      });
      expect(Number(percent)).toBe(Share.of(lane));
    }
  });

  test("what shares earned is sent to the account that paid the claim, and it has more than before", async () => {
    const account = await funder("a1", 10n ** 16n);
    const watchtower = await watching(memory(), { account });
    const pot = await abandoned([Share.laneOf(5, 1), Share.laneOf(20, 2)], watchtower);
    await expect.poll(() => withdrawn, patience).toEqual([BIG / 4n]);
    expect(shares).toEqual([BIG / 4n]);
    expect(rescued.map(([, saved]) => saved).toSorted()).toEqual([
      (BIG * 80n) / 100n,
      (BIG * 95n) / 100n,
    ]);
    expect(await balance(account.address)).toBeGreaterThan(BIG / 4n);
    expect(await chain.credit(account.address, { signal })).toBe(0n);
    expect(problems).toEqual([]);
    await watchtower.close();
    await pot.close();
  });

  test("what shares earned goes to the beneficiary that was named, and the account pays for it", async () => {
    const account = await funder("a2", 10n ** 16n);
    const { address } = privateKeyToAccount(`0x${"a3".repeat(32)}`);
    const watchtower = await watching(memory(), { account, beneficiary: address });
    const pot = await abandoned([Share.laneOf(10, 1)], watchtower);
    await expect.poll(() => withdrawn, patience).toEqual([BIG / 10n]);
    expect(await balance(address)).toBe(BIG / 10n);
    expect(await balance(account.address)).toBeLessThan(10n ** 16n);
    await watchtower.close();
    await pot.close();
  });

  test("a lane that leaves nothing, or more than 20 percent, is claimed for all the same, and its worker gets all", async () => {
    const watchtower = await watching();
    const pot = await abandoned([Share.laneOf(0, 1), 21 * 2 ** 27, 0xffffffff], watchtower);
    const payee = net.accounts[1].address;
    await expect.poll(() => rescued, patience).toEqual(Array(3).fill([payee, BIG]));
    expect(shares).toEqual([]);
    await watchtower.close();
    await pot.close();
  });

  test("a worker's own credit stays where it is when its watchtower withdraws what shares earned", async () => {
    const pot = await funded();
    const purse = await working({ payee: net.accounts[3].address, account: net.accounts[3] });
    await earn(pot, purse, WORTH);
    await purse.claim({ signal });
    const before = await chain.credit(net.accounts[3].address, { signal });
    expect(before).toBeGreaterThanOrEqual(WORTH);
    const watchtower = await watching();
    const other = await abandoned([Share.laneOf(20, 1)], watchtower);
    await expect.poll(() => withdrawn, patience).toEqual([BIG / 5n]);
    expect(await chain.credit(net.accounts[3].address, { signal })).toBe(before);
    await watchtower.close();
    await purse.close();
    for (const one of [pot, other]) await one.close();
  });
});

describe("a watchtower's account", () => {
  test("a watchtower keeps nothing while it could not pay for two claims, and keeps on when its owner sent it coins", async () => {
    const pot = await funded();
    const voucher = await gone(pot);
    const account = privateKeyToAccount(`0x${"66".repeat(32)}`);
    const watchtower = await watching(memory(), { account });
    await net.setBalance(account, 1n);
    await expect(keep(watchtower, pot, voucher)).rejects.toMatchObject({
      reason: { code: "WATCHTOWER_NO_GAS", account: account.address, have: 1n },
    });
    await net.setBalance(account, 10n ** 18n);
    await keep(watchtower, pot, voucher);
    expect(watchtower.vouchers()).toEqual([voucher]);
    await watchtower.close();
    await pot.close();
  });
});

describe("a watchtower's room", () => {
  const ETHER = 10n ** 18n;
  /** Vouchers of a payer for `count` lanes of workers that it made up, each for all that the pot has. */
  async function madeUp(pot: PayerPot, store: ReturnType<typeof memory>, count: number) {
    const key = await openSecret(
      store,
      ((await store.get(`pot/${pot.potId}`)) as unknown as { key: Sealed }).key,
    );
    return Promise.all(
      Array.from({ length: count }, (_, lane) =>
        sign(separator(pot.domain), key, {
          potId: pot.potId,
          payee: net.accounts[2].address,
          lane,
          cumulative: wei(ETHER),
        }),
      ),
    );
  }

  test("a payer that fills its own pot's room with made-up lanes pushes out no lane that it guaranteed", async () => {
    const store = memory();
    const pot = await funded({ deposit: wei(ETHER), store });
    const watchtower = await watching(memory(), { room: { all: 8, ofPot: 4, ofPayer: 6 } });
    // All at once: none of them is stored when the last one asks.
    const some = await madeUp(pot, store, 9);
    const kept = await Promise.allSettled(some.map((one) => keep(watchtower, pot, one)));
    expect(kept.filter(({ status }) => status === "fulfilled")).toHaveLength(4);
    for (const one of kept)
      if (one.status === "rejected")
        expect(one.reason).toMatchObject({ reason: { code: "WATCHTOWER_FULL", most: 4 } });
    const voucher = await gone(pot);
    const until = (await chain.now({ signal })) + 3_000;
    const row = {
      payee: voucher.payee,
      lane: voucher.lane,
      ceiling: wei(WORTH),
      until,
      version: 0,
    };
    await chain.reserve(net.accounts[0], pot.config, [row], { signal });
    await keep(watchtower, pot, voucher);
    expect(watchtower.vouchers()).toHaveLength(4);
    expect(watchtower.vouchers()).toContainEqual(voucher);
    await watchtower.close();
    await pot.close();
  });

  test("a payer with many pots has one share of the room, and others' vouchers are kept beside it", async () => {
    const room = { all: 8, ofPot: 4, ofPayer: 5 };
    const watchtower = await watching(memory(), { room });
    for (let i = 0; i < 2; i++) {
      const store = memory();
      const pot = await funded({ deposit: wei(ETHER), store });
      const some = await madeUp(pot, store, 4);
      await Promise.allSettled(some.map((one) => keep(watchtower, pot, one)));
      await pot.close();
    }
    expect(watchtower.vouchers()).toHaveLength(5);
    const honest = await funded({ payer: net.accounts[1] });
    const voucher = await gone(honest);
    await keep(watchtower, honest, voucher);
    expect(watchtower.vouchers()).toContainEqual(voucher);
    await watchtower.close();
    await honest.close();
  });

  test("a watchtower that is full lets go of what is worth least for what is worth more, and of nothing for less", async () => {
    const watchtower = await watching(memory(), { room: { all: 2, ofPot: 2, ofPayer: 2 } });
    const worth = async (amount: bigint): Promise<[PayerPot, SignedVoucher]> => {
      const pot = await funded({ deposit: wei(2n * 10n ** 15n) });
      return [pot, await gone(pot, amount)];
    };
    const [small, middle] = [await worth(2n * WORTH), await worth(3n * WORTH)];
    const [least, most] = [await worth(WORTH), await worth(4n * WORTH)];
    for (const [pot, voucher] of [small, middle]) await keep(watchtower, pot, voucher);
    await expect(keep(watchtower, ...least)).rejects.toMatchObject({ code: "WATCHTOWER_FULL" });
    await keep(watchtower, ...most);
    expect(watchtower.vouchers()).toEqual([middle[1], most[1]]);
    await watchtower.close();
    for (const [pot] of [small, middle, least, most]) await pot.close();
  });
});
