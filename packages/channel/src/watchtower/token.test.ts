import { type Amount, systemClock } from "@tabcast/runtime";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Anvil, anvil } from "../../test/anvil.ts";
import { type Dollars, dollars } from "../../test/dollars.ts";
import { impatient, stage } from "../../test/stage.ts";
import { type Chain, connect } from "../chain/chain.ts";
import { worth } from "../currency.ts";
import { openPot } from "../payer/open-pot.ts";
import { memory } from "../store/memory.ts";
import type { Address, PayerPot, Purse } from "../types.ts";
import { CLAIM_GAS, ROW_GAS } from "./due.ts";
import { type OpenWatchtowerOptions, openWatchtower, type Watchtower } from "./watchtower.ts";

const signal = AbortSignal.timeout(240_000);
const patience = { timeout: 20_000 };
const DOLLAR = 1_000_000n;
const parts = (value: bigint) => value as Amount;

let net: Anvil;
let usd: Dollars;
let chain: Chain;
let scene: ReturnType<typeof stage>;
beforeAll(async () => {
  net = await anvil();
  usd = await dollars(net);
  await usd.mint(net.accounts[0].address, 10_000n * DOLLAR);
  chain = await connect({ ...net, currency: usd.currency, signal });
  scene = stage(net, signal);
});
afterAll(() => net.close());

let rescued: [Address, bigint][];
let shares: bigint[];
let withdrawn: bigint[];
let problems: Error[];
beforeEach(() => {
  rescued = [];
  shares = [];
  withdrawn = [];
  problems = [];
});

/** A key of its own with so many wei for gas. */
async function keyWith(coins: bigint) {
  const account = privateKeyToAccount(generatePrivateKey());
  await net.setBalance(account, coins);
  return account;
}

const watching = (
  more: Partial<OpenWatchtowerOptions> & Pick<OpenWatchtowerOptions, "account">,
): Promise<Watchtower> =>
  openWatchtower({
    ...{ domain: net.domain, rpc: net.rpc, currency: usd.currency, store: memory(), signal },
    ...{ refresh: 20, clock: systemClock },
    onRescue: (payee, saved) => void rescued.push([payee, saved]),
    onShare: (share) => void shares.push(share),
    onWithdrawn: (amount) => void withdrawn.push(amount),
    onProblem: (error) => void problems.push(error),
    ...more,
  });

const funded = (deposit: bigint) =>
  openPot({
    ...{ domain: net.domain, rpc: net.rpc, currency: usd.currency, store: memory(), signal },
    ...{ payer: net.accounts[0], challengePeriod: 900, clock: impatient },
    deposit: parts(deposit),
  });

/** A worker paid to an address that has no coins at all. */
function working(payee = privateKeyToAccount(generatePrivateKey()).address): Promise<Purse> {
  return scene.working({
    payee,
    account: net.accounts[1],
    currency: usd.currency,
    softCap: parts(1_000n * DOLLAR),
  });
}

/** A worker that earned and whose tab is gone, with its voucher kept by the watchtower. */
async function gone(pot: PayerPot, watchtower: Watchtower, amount: bigint) {
  const purse = await working();
  const voucher = await scene.earn(pot, purse, amount);
  await purse.close();
  await watchtower.accept(pot.domain, pot.config, voucher, { signal });
  return voucher;
}

/** The payer closes and pays nobody; the owners' half of the challenge passes. */
async function closed(pot: PayerPot): Promise<void> {
  await chain.startClose(net.accounts[0], pot.config, { signal });
  const { closeAt } = await chain.pot(pot.potId, { signal });
  await net.warp(closeAt - 440 - (await chain.now({ signal })));
}

describe("a watchtower where pots are in a token of six decimals", () => {
  test("whoever is owed gets it with no page open but a watchtower's: guaranteed or not, and the share is paid in the token", async () => {
    const account = await keyWith(10n ** 17n);
    const watchtower = await watching({ account });
    const pot = await funded(100n * DOLLAR);
    const [sure, free] = [
      await gone(pot, watchtower, 20n * DOLLAR),
      await gone(pot, watchtower, 40n * DOLLAR),
    ];
    const until = (await chain.now({ signal })) + 20_000;
    const { payee, lane } = sure;
    const row = { payee, lane, ceiling: sure.cumulative, until, version: 0 };
    await chain.reserve(net.accounts[0], pot.config, [row], { signal });
    await closed(pot);
    await expect.poll(() => rescued.length, patience).toBe(2);
    expect(new Map(rescued)).toEqual(
      new Map([
        [sure.payee, 19n * DOLLAR],
        [free.payee, 38n * DOLLAR],
      ]),
    );
    expect(shares).toEqual([3n * DOLLAR]);
    for (const [who, saved] of rescued) {
      await chain.withdraw(net.accounts[3], who, { signal });
      expect(await usd.balance(who)).toBe(saved);
    }
    expect(problems).toEqual([]);
    await watchtower.close();
    await pot.close();
  });

  test("what shares earned comes to the beneficiary in the token once it is ten times the gas's worth in it, and the gas comes out of the account's coins", async () => {
    const account = await keyWith(10n ** 17n);
    const { address: beneficiary } = privateKeyToAccount(generatePrivateKey());
    const watchtower = await watching({ account, beneficiary });
    const pot = await funded(900n * DOLLAR);
    await gone(pot, watchtower, 800n * DOLLAR);
    const before = await chain.balance(account.address, { signal });
    await closed(pot);
    await expect.poll(() => withdrawn, patience).toEqual([40n * DOLLAR]);
    expect(await usd.balance(beneficiary)).toBe(40n * DOLLAR);
    expect(await chain.balance(account.address, { signal })).toBeLessThan(before);
    expect(await chain.balance(beneficiary, { signal })).toBe(0n);
    await watchtower.close();
    await pot.close();
  });

  test("a voucher is dust where the claim's gas is worth more in the token, although it is fewer parts than wei", async () => {
    const account = await keyWith(10n ** 17n);
    const watchtower = await watching({ account });
    const pot = await funded(100n * DOLLAR);
    const gas = (CLAIM_GAS + ROW_GAS) * (await chain.gasPrice({ signal }));
    const cost = worth(usd.currency, gas as Parameters<typeof worth>[1]);
    expect(cost).toBeGreaterThan(1_000n); // a part of a dollar that anybody would notice
    const payee = net.accounts[2].address;
    const dust = await pot.pay({ payee, lane: 1 }, parts(cost / 2n));
    await expect(watchtower.accept(pot.domain, pot.config, dust, { signal })).rejects.toMatchObject(
      {
        reason: { code: "WATCHTOWER_WORTHLESS", value: cost / 2n },
      },
    );
    const more = await pot.pay({ payee, lane: 1 }, parts(2n * cost));
    await watchtower.accept(pot.domain, pot.config, more, { signal });
    expect(watchtower.vouchers()).toEqual([more]);
    await watchtower.close();
    await pot.close();
  });

  test("a pot in another token than the network's is not watched", async () => {
    const watchtower = await watching({ account: net.accounts[3] });
    const pot = await scene.funded();
    const voucher = await pot.pay({ payee: net.accounts[2].address, lane: 1 }, parts(10n ** 14n));
    await expect(
      watchtower.accept(pot.domain, pot.config, voucher, { signal }),
    ).rejects.toMatchObject({
      code: "POT_TOKEN",
    });
    await watchtower.close();
    await pot.close();
  });
});
