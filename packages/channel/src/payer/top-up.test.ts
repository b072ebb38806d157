import { type Amount, type Clock, systemClock } from "@tabcast/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Anvil, anvil } from "../../test/anvil.ts";
import { provider } from "../../test/provider.ts";
import { stage } from "../../test/stage.ts";
import { type Chain, connect } from "../chain/chain.ts";
import { memory } from "../store/memory.ts";
import type { PayerPot, PotNews } from "../types.ts";
import type { OpenPotOptions } from "./open-pot.ts";

const signal = AbortSignal.timeout(240_000);
const patience = { timeout: 30_000 };
const wei = (value: bigint) => value as Amount;
const DEPOSIT = 10n ** 15n;

/** A clock on which the half minute between two looks at a pot is a moment. */
const hurried: Clock = {
  ...systemClock,
  sleep: (ms, options) => systemClock.sleep(Math.min(ms, 20), options),
};

let net: Anvil;
let chain: Chain;
let scene: ReturnType<typeof stage>;
beforeAll(async () => {
  net = await anvil();
  chain = await connect({ ...net, signal });
  scene = stage(net, signal);
});
afterAll(() => net.close());

/** An open pot with a lane, as a stream has; and what it tells. */
async function open(more: Partial<OpenPotOptions> = {}) {
  const pot = await scene.funded({ clock: hurried, ...more });
  await pot.pay({ payee: net.accounts[1].address, lane: 1 }, wei(1_000n));
  const news: PotNews[] = [];
  pot.watch((one) => news.push(one), { signal });
  const told = (...types: PotNews["type"][]) => news.filter(({ type }) => types.includes(type));
  return { pot, told };
}
const balance = async ({ potId }: PayerPot) => (await chain.pot(potId, { signal })).balance;

test("a top-up that the chain undid is sent again with the same bytes, and counts once", async () => {
  const { pot, told } = await open();
  const snapshot = await net.cheat("evm_snapshot");
  await pot.topUp(wei(500n), { signal });
  expect(await balance(pot)).toBe(DEPOSIT + 500n);
  await net.cheat("evm_revert", snapshot);
  expect(await balance(pot)).toBe(DEPOSIT);
  await expect
    .poll(() => told("topUpsResent", "depositLost"), patience)
    .toEqual([{ type: "topUpsResent", count: 1 }]);
  expect(await balance(pot)).toBe(DEPOSIT + 500n);
  expect(pot.balances().deposited).toBe(DEPOSIT + 500n);
  const report = await pot.settle({ signal, progress: scene.jump() });
  expect(report).toMatchObject({ deposited: DEPOSIT + 500n, paid: 1_000n });
  await pot.close();
});

test("after a restart of the tab it is sent again as well", async () => {
  const store = memory();
  const { pot } = await open({ store });
  const snapshot = await net.cheat("evm_snapshot");
  await pot.topUp(wei(500n), { signal });
  await pot.close();
  await net.cheat("evm_revert", snapshot);
  const again = await scene.again(pot, store, { clock: hurried });
  await expect.poll(() => balance(pot), patience).toBe(DEPOSIT + 500n);
  expect(again.balances().deposited).toBe(DEPOSIT + 500n);
  await again.close();
});

test("a top-up by a browser's wallet that the chain undid is told once, with what is missing", async () => {
  let looks = 0;
  const over: Chain = {
    ...chain,
    look: async (...asked) => {
      looks++;
      return chain.look(...asked);
    },
  };
  const asks = provider(net.rpc);
  const payer = { provider: asks, address: net.accounts[0].address };
  const { pot, told } = await open({ payer, chain: over });
  const snapshot = await net.cheat("evm_snapshot");
  await pot.topUp(wei(700n), { signal });
  const sent = () => asks.asked.filter((method) => method === "eth_sendTransaction").length;
  const before = sent();
  await net.cheat("evm_revert", snapshot);
  await expect
    .poll(() => told("depositLost"), patience)
    .toEqual([{ type: "depositLost", missing: 700n }]);
  const looked = looks;
  await expect.poll(() => looks - looked, patience).toBeGreaterThan(5);
  expect(told("topUpsResent", "depositLost")).toHaveLength(1);
  expect(sent()).toBe(before); // no dialog opens for it
  await pot.close();
});

test("a server that shows an older block twice is not believed", async () => {
  let stale = 0;
  const over: Chain = {
    ...chain,
    look: async (...asked) => {
      const seen = await chain.look(...asked);
      if (stale <= 0) return seen;
      stale--;
      return { ...seen, pot: { ...seen.pot, balance: wei(seen.pot.balance - 500n) } };
    },
  };
  const { pot, told } = await open({ chain: over });
  stale = 2;
  await expect.poll(() => stale, patience).toBe(0);
  await pot.topUp(wei(500n), { signal });
  expect(told("topUpsResent", "depositLost")).toEqual([]);
  await pot.close();
});
