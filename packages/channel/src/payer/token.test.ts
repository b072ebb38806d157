import type { Amount } from "@tabcast/runtime";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Anvil, anvil } from "../../test/anvil.ts";
import { type Dollars, dollars } from "../../test/dollars.ts";
import { provider } from "../../test/provider.ts";
import { impatient, stage } from "../../test/stage.ts";
import { type Chain, connect } from "../chain/chain.ts";
import { memory } from "../store/memory.ts";
import { type OpenPotOptions, openPot } from "./open-pot.ts";

/* A pot in a token of six decimals on a real chain, from the payer's one signature to the refund. */

const parts = (value: bigint) => value as Amount;
const DEPOSIT = parts(2_000_000n);
const signal = AbortSignal.timeout(300_000);

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
async function person(amount: bigint, coins = 10n ** 18n) {
  const account = privateKeyToAccount(generatePrivateKey());
  if (amount > 0n) await usd.mint(account.address, amount);
  await net.setBalance(account, coins);
  return account;
}

type Person = Awaited<ReturnType<typeof person>>;

/** The person's browser wallet: it signs with the key and notes what it was asked; `answers` overrides methods. */
function browserWallet(
  account: Person,
  answers: Record<string, (params: unknown) => unknown> = {},
) {
  const asks = provider(net.rpc, {
    async eth_signTypedData_v4(params) {
      const [, json] = params as [string, string];
      const { EIP712Domain: _, ...types } = JSON.parse(json).types;
      return account.signTypedData({ ...JSON.parse(json), types });
    },
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

describe("a deposit that is only signed", () => {
  test("a person with a gas purse signs once, and vouchers and refund add up to the last part", async () => {
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
    expect(await chain.balance(purse.address, { signal })).toBeGreaterThan((10n ** 18n * 9n) / 10n);
    await Promise.all([pot.close(), worker.close()]);
  });
});
