import type { Wei } from "@tabcast/runtime";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Anvil, anvil } from "../../test/anvil.ts";
import { stage } from "../../test/stage.ts";
import { type Chain, connect } from "../chain/chain.ts";
import { memory } from "../store/memory.ts";
import type { Address, PayerPot, SignedVoucher } from "../types.ts";
import { MOST_IN_POT } from "./delegated.ts";
import { due } from "./due.ts";
import { openWatchtower, type Watchtower } from "./watchtower.ts";

type Stage = ReturnType<typeof stage>;
const signal = AbortSignal.timeout(240_000);
const patience = { timeout: 20_000 };
const WORTH = 4n * 10n ** 14n;
const wei = (value: bigint) => value as Wei;

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
let problems: Error[];
beforeEach(() => {
  rescued = [];
  problems = [];
});

const watching = (store = memory()): Promise<Watchtower> =>
  openWatchtower({
    domain: net.domain,
    rpc: net.rpc,
    account: net.accounts[3],
    store,
    signal,
    chain,
    refresh: 20,
    onProblem: (error) => void problems.push(error),
    onRescue: (payee, paid) => void rescued.push([payee, paid]),
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
  test("a watchtower claims for a worker that is gone when the pot closes without it, and only its owner is paid", async () => {
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
    await expect.poll(() => rescued, patience).toEqual([[voucher.payee, WORTH]]);
    expect(await chain.credit(voucher.payee, { signal })).toBe(credit + WORTH);
    expect(await chain.credit(net.accounts[3].address, { signal })).toBe(mine);
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

  test("a watchtower refuses what it could not bring, and is not made to keep more than it can", async () => {
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
    const some = await Promise.all(
      Array.from({ length: MOST_IN_POT + 4 }, (_, lane) =>
        pot.pay({ payee: voucher.payee, lane }, wei(1n)),
      ),
    );
    // All at once: none of them is stored when the last one asks.
    const kept = await Promise.allSettled(some.map((one) => keep(watchtower, pot, one)));
    expect(kept.filter(({ status }) => status === "fulfilled")).toHaveLength(MOST_IN_POT);
    await expect(offer({})).rejects.toMatchObject({
      reason: { code: "WATCHTOWER_FULL", most: MOST_IN_POT },
    });
    expect(watchtower.vouchers()).toHaveLength(MOST_IN_POT);
    await watchtower.close();
    await pot.close();
  });
});

describe("what is due", () => {
  const row = (cumulative: bigint): SignedVoucher => ({
    potId: "0x",
    payee: net.accounts[1].address,
    lane: 0,
    cumulative: wei(cumulative),
    signature: "0x",
  });
  const cost = { now: 1_500, rowCost: wei(10n) };
  const closing = { closeAt: 2_000, balance: wei(100n) };

  test("nothing is due of an open or final pot, nor in the first half of the challenge", () => {
    const rows = [row(50n)];
    expect(due(closing, 1_000, rows, [wei(0n)], cost)).toEqual(rows);
    expect(due(closing, 1_000, rows, [wei(0n)], { ...cost, now: 1_499 })).toEqual([]);
    expect(due({ ...closing, closeAt: 0 }, 1_000, rows, [wei(0n)], cost)).toEqual([]);
    expect(due({ ...closing, closeAt: 2 ** 32 - 1 }, 1_000, rows, [wei(0n)], cost)).toEqual([]);
  });

  test("a row is due only if it pays more than its gas, counting what the pot still has", () => {
    const rows = [row(10n), row(11n), row(60n), row(95n)];
    const claimed = [wei(0n), wei(0n), wei(50n), wei(0n)];
    // 11 leave 89, of which the last takes all.
    expect(due(closing, 1_000, rows, claimed, cost)).toEqual([rows[1], rows[3]]);
    expect(due({ ...closing, balance: wei(10n) }, 1_000, rows, claimed, cost)).toEqual([]);
  });
});
