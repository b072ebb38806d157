import type { Amount, Wei } from "@tabcast/runtime";
import { keccak256, type LocalAccount, toHex } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Chain, connect } from "../src/chain/chain.ts";
import { potId as potIdOf, separator } from "../src/config.ts";
import { FINALIZED } from "../src/final.ts";
import type { Domain, Hex, Lane, PotConfig } from "../src/types.ts";
import { anvil, KEYS } from "./anvil.ts";
import { ledger } from "./ledger.ts";
import { memoryChain } from "./memory-chain.ts";

/* What the end of a pot asks of a chain, of the chain in memory and of the contract on a real one: tests on the first mean the second. */

const signal = AbortSignal.timeout(120_000);
const waits = { signal };
const amount = (value: bigint) => value as Amount;
const [payer, signer, stranger] = KEYS.map((key) => privateKeyToAccount(key)) as unknown as [
  LocalAccount,
  LocalAccount,
  LocalAccount,
];

interface Net {
  readonly chain: Chain;
  readonly domain: Domain;
  pass(seconds: number): Promise<void>;
  /** Gives an account so many coins. */
  fill(account: LocalAccount, wei: bigint): Promise<void>;
  /** Guarantees a lane up to a ceiling for so many seconds; the last of them. Undefined: this chain knows no guarantees. */
  guarantee?: (config: PotConfig, lane: Lane, ceiling: bigint, seconds: number) => Promise<number>;
  /** What undoes all that comes after it, as a reorganisation does. Undefined: this chain has no transactions. */
  snapshot?: () => Promise<() => Promise<void>>;
  close(): Promise<void>;
}

async function inMemory(): Promise<Net> {
  const domain: Domain = { chainId: 31337, contract: `0x${"ab".repeat(20)}` };
  const chain = ledger(domain);
  return {
    chain,
    domain,
    pass: async (seconds) => chain.pass(seconds),
    fill: async ({ address }, wei) => void chain.coins.set(address, wei),
    async guarantee(config, lane, ceiling, seconds) {
      const until = (await chain.now(waits)) + seconds;
      chain.guarantee(potIdOf(separator(domain), config), lane, ceiling, until);
      return until;
    },
    close: async () => {},
  };
}

async function withTransactions(): Promise<Net> {
  const net = memoryChain();
  const { chain } = net;
  for (const { address } of [payer, signer, stranger]) net.give(address, 10n ** 18n);
  return {
    chain,
    domain: chain.domain,
    pass: async (seconds) => net.warp(seconds),
    fill: async ({ address }, wei) =>
      net.give(address, wei - (await chain.balance(address, waits))),
    snapshot: async () => {
      const undo = net.snapshot();
      return async () => undo();
    },
    close: async () => {},
  };
}

async function onAnvil(): Promise<Net> {
  const net = await anvil();
  const { domain } = net;
  const chain = await connect({ ...net, signal });
  return {
    chain,
    domain,
    pass: (seconds) => net.warp(seconds),
    fill: (account, wei) => net.setBalance(account, wei),
    async guarantee(config, lane, ceiling, seconds) {
      const until = (await chain.now(waits)) + seconds;
      const potId = potIdOf(separator(domain), config);
      const [{ version } = { version: 0 }] = await chain.lanes(potId, [lane], waits);
      const row = { ...lane, ceiling: amount(ceiling), until, version };
      await chain.reserve(signer, config, [row], waits);
      return until;
    },
    snapshot: async () => {
      const before = await net.cheat("evm_snapshot");
      return async () => void (await net.cheat("evm_revert", before));
    },
    close: () => net.close(),
  };
}

describe.each([
  ["in memory", inMemory, test],
  // It knows no guarantees.
  ["in memory with its transactions", withTransactions, test.skip],
  ["on anvil", onAnvil, test],
] as const)("the end of a pot %s", (_, open, testWithGuarantees) => {
  let net: Net;
  let chain: Chain;
  let pots = 0;
  beforeAll(async () => {
    net = await open();
    chain = net.chain;
  });
  afterAll(() => net.close());

  async function funded(deposit: bigint): Promise<{ config: PotConfig; potId: Hex }> {
    const config: PotConfig = {
      payer: payer.address,
      signer: signer.address,
      token: `0x${"00".repeat(20)}`,
      challengePeriod: 1_000,
      salt: toHex(++pots, { size: 32 }),
    };
    await chain.deposit(payer, config, {
      ...{ amount: amount(deposit), signerGas: 0n as Wei, signal },
    });
    return { config, potId: potIdOf(separator(net.domain), config) };
  }
  /** A lane that nobody else has. */
  const lane = (): Lane => ({
    payee: toHex(0xabcd00 + ++lanes, { size: 20 }),
    lane: lanes,
  });
  let lanes = 0;
  const guarantee: NonNullable<Net["guarantee"]> = async (...asked) =>
    (await net.guarantee?.(...asked)) ?? Number.NaN;
  const row = (of: Lane, cumulative: bigint) => ({ ...of, cumulative: amount(cumulative) });
  const state = async (potId: Hex) => {
    const { balance, reserved } = await chain.pot(potId, waits);
    return { balance, reserved };
  };
  const refuses = (error: string) => ({ reason: { code: "CHAIN_REVERTED", error } });

  test("a payment brings each payee what was not paid, in turn, and says what the pot could not", async () => {
    const { config, potId } = await funded(100n);
    const [one, two, three] = [lane(), lane(), lane()];
    await chain.pay(signer, config, [row(one, 30n)], waits);
    const rows = [row(one, 50n), row(one, 50n), row(two, 60n), row(three, 30n)];
    const { events } = await chain.pay(payer, config, rows, waits);
    const heard = events.flatMap((event) =>
      event.type === "claimed"
        ? [[event.lane, event.paid, event.claimed]]
        : event.type === "bounced"
          ? [[event.lane, -event.shortfall]]
          : [],
    );
    expect(heard).toEqual([
      [one.lane, 20n, 50n],
      [two.lane, 50n, 50n],
      [two.lane, -10n],
      [three.lane, -30n],
    ]);
    expect(await state(potId)).toEqual({ balance: 0n, reserved: 0n });
    const seen = await chain.look(potId, [one, two, three], waits);
    expect(seen.lanes.map(({ claimed }) => claimed)).toEqual([50n, 50n, 0n]);
    expect(await chain.credit(one.payee, waits)).toBe(50n);
    await expect(chain.pay(stranger, config, [row(one, 60n)], waits)).rejects.toMatchObject(
      refuses("NotAuthorised"),
    );
  });

  testWithGuarantees(
    "a guarantee binds its part while it lives, and pays its own lane alone",
    async () => {
      const { config, potId } = await funded(100n);
      const [sure, other] = [lane(), lane()];
      await guarantee(config, sure, 70n, 600);
      await chain.pay(signer, config, [row(other, 50n)], waits);
      expect(await state(potId)).toEqual({ balance: 70n, reserved: 70n });
      await chain.pay(signer, config, [row(other, 50n)], { ...waits, lapsed: [sure] });
      expect(await state(potId)).toEqual({ balance: 70n, reserved: 70n });
      await chain.pay(signer, config, [row(sure, 60n)], waits);
      expect(await state(potId)).toEqual({ balance: 10n, reserved: 10n });
      expect(await chain.credit(other.payee, waits)).toBe(30n);
    },
  );

  testWithGuarantees(
    "a guarantee that lapsed binds its part until it is freed, by name or by its lane's payment",
    async () => {
      const { config, potId } = await funded(100n);
      const [gone, paid, other] = [lane(), lane(), lane()];
      const until = await guarantee(config, gone, 40n, 300);
      await guarantee(config, paid, 40n, 300);
      await net.pass(400);
      await chain.pay(signer, config, [row(other, 100n)], waits);
      expect(await chain.credit(other.payee, waits)).toBe(20n);
      await chain.pay(signer, config, [row(other, 50n), row(paid, 5n)], waits);
      expect(await chain.credit(other.payee, waits)).toBe(50n);
      expect(await state(potId)).toEqual({ balance: 45n, reserved: 40n });
      await chain.pay(signer, config, [], { ...waits, lapsed: [gone] });
      expect(await state(potId)).toEqual({ balance: 45n, reserved: 0n });
      const [freed] = await chain.lanes(potId, [gone], waits);
      expect(freed).toEqual({ claimed: 0n, ceiling: 0n, until, version: 2 });
    },
  );

  test("a close ends after the challenge, pays until then, and refunds what is left", async () => {
    const { config, potId } = await funded(100n);
    const late = lane();
    await expect(chain.finalizeClose(signer, config, waits)).rejects.toMatchObject(
      refuses("PotNotClosing"),
    );
    await chain.startClose(signer, config, waits);
    const { closeAt } = await chain.pot(potId, waits);
    expect(closeAt - (await chain.now(waits))).toBe(1_000);
    await expect(chain.startClose(payer, config, waits)).rejects.toMatchObject(
      refuses("PotClosing"),
    );
    await expect(chain.finalizeClose(signer, config, waits)).rejects.toMatchObject(
      refuses("ChallengeRunning"),
    );
    await chain.pay(signer, config, [row(late, 30n)], waits);
    await net.pass(1_000);
    const before = await chain.credit(payer.address, waits);
    await chain.finalizeClose(stranger, config, waits);
    expect((await chain.credit(payer.address, waits)) - before).toBe(70n);
    expect(await chain.pot(potId, waits)).toMatchObject({ balance: 0n, closeAt: FINALIZED });
    for (const again of [
      () => chain.pay(signer, config, [row(late, 40n)], waits),
      () => chain.startClose(signer, config, waits),
      () => chain.finalizeClose(signer, config, waits),
    ])
      await expect(again()).rejects.toMatchObject(refuses("PotIsFinal"));
  });

  testWithGuarantees("a close lasts until 15 minutes after the last guarantee", async () => {
    const { config, potId } = await funded(100n);
    const until = await guarantee(config, lane(), 40n, 3_000);
    await guarantee(config, lane(), 40n, 300);
    await chain.startClose(payer, config, waits);
    expect((await chain.pot(potId, waits)).closeAt).toBe(until + 900);
  });

  test("a credit is withdrawn whole, by anybody, and not twice", async () => {
    const { config } = await funded(10n ** 15n);
    await chain.pay(signer, config, [row({ payee: stranger.address, lane: 1 }, 10n ** 15n)], waits);
    await net.fill(stranger, 5n);
    await chain.withdraw(payer, stranger.address, waits);
    expect(await chain.balance(stranger.address, waits)).toBe(10n ** 15n + 5n);
    expect(await chain.credit(stranger.address, waits)).toBe(0n);
    await expect(chain.withdraw(payer, stranger.address, waits)).rejects.toMatchObject(
      refuses("ZeroAmount"),
    );
  });

  test("an account that lacks the gas is told what it needs, before and when it sends", async () => {
    const { config } = await funded(100n);
    const rows = [row(lane(), 10n)];
    await net.fill(signer, 10n ** 18n);
    const { cost } = await chain.quote(signer.address, { do: "pay", config, rows }, waits);
    await net.fill(signer, cost - 1n);
    const quoting = chain.quote(signer.address, { do: "pay", config, rows }, waits);
    await expect(quoting).rejects.toMatchObject({ code: "CHAIN_INSUFFICIENT" });
    await net.fill(signer, 1n);
    await expect(chain.pay(signer, config, rows, waits)).rejects.toMatchObject({
      reason: { code: "CHAIN_INSUFFICIENT", have: 1n },
    });
    await net.fill(signer, 10n ** 18n);
    const sent = await chain.pay(signer, config, rows, waits);
    expect(await chain.balance(signer.address, waits)).toBe(10n ** 18n - sent.cost);
    expect(await chain.sent(sent.hash, waits)).toMatchObject({ gas: sent.gas, cost: sent.cost });
  });

  test("a key that is emptied keeps less than its last gas, and one without that stays as it is", async () => {
    await net.fill(signer, 10n ** 18n);
    const home = lane().payee;
    await chain.sweep(signer, home, waits);
    expect(await chain.balance(signer.address, waits)).toBe(0n);
    await net.fill(signer, 5n);
    expect(await chain.sweep(signer, home, waits)).toBeUndefined();
    expect(await chain.balance(signer.address, waits)).toBe(5n);
    await net.fill(signer, 10n ** 18n);
  });

  test("a pot's events are its own, of the names asked for", async () => {
    const { config, potId } = await funded(100n);
    const [one, sure] = [lane(), lane()];
    await net.guarantee?.(config, sure, 20n, 300);
    await chain.pay(signer, config, [row(one, 30n)], waits);
    await funded(7n);
    const types = async (only: Parameters<Chain["events"]>[2]["only"]) =>
      (await chain.events(potId, 0n, { ...waits, ...(only && { only }) })).map(({ type }) => type);
    expect(await types(["Deposited", "Claimed"])).toEqual(["deposited", "claimed"]);
    expect(await types(["Reserved"])).toEqual(net.guarantee ? ["reserved"] : []);
  });
});

describe.each([
  ["in memory", withTransactions],
  ["on anvil", onAnvil],
] as const)("a deposit on its way %s", (_, open) => {
  let net: Net;
  let pots = 100;
  beforeAll(async () => {
    net = await open();
  });
  afterAll(() => net.close());

  /** Deposits 100, and undoes that again where asked. */
  async function deposited(undone: boolean) {
    const { chain, domain } = net;
    const config: PotConfig = {
      ...{ payer: payer.address, signer: signer.address, token: `0x${"00".repeat(20)}` },
      ...{ challengePeriod: 1_000, salt: toHex(++pots, { size: 32 }) },
    };
    const raws: Hex[] = [];
    const undo = await net.snapshot?.();
    const again = async () =>
      chain.deposit(payer, config, {
        ...{ amount: amount(100n), signerGas: 0n as Wei, signal },
        before: async (raw) => void raws.push(raw),
      });
    const { hash } = await again();
    if (undone) await undo?.();
    const potId = potIdOf(separator(domain), config);
    const balance = async () => (await chain.pot(potId, waits)).balance;
    return { chain, config, balance, hash, raw: raws[0] ?? "0x", again };
  }

  test("acts once, however often its bytes are sent", async () => {
    const { chain, balance, hash, raw } = await deposited(false);
    expect(keccak256(raw)).toBe(hash);
    for (let times = 0; times < 2; times++) await chain.resend(raw, waits);
    expect(await balance()).toBe(100n);
    expect(await chain.sent(hash, waits)).toMatchObject({ hash });
    expect(await chain.fate({ from: payer.address, hash }, waits)).toBe("done");
  });

  test("that the chain has undone is there again once its bytes are sent", async () => {
    const { chain, balance, hash, raw } = await deposited(true);
    expect(await balance()).toBe(0n);
    expect(await chain.sent(hash, waits)).toBeUndefined();
    await chain.resend(raw, waits);
    expect(await balance()).toBe(100n);
  });

  test("that the chain has undone is replaced by what its nonce is used for", async () => {
    const { chain, balance, hash, raw } = await deposited(true);
    await chain.sendCoins(payer, stranger.address, { amount: 1n as Wei, signal });
    await expect(chain.resend(raw, waits)).rejects.toMatchObject({ code: "CHAIN_REPLACED" });
    expect(await balance()).toBe(0n);
    expect(await chain.sent(hash, waits)).toBeUndefined();
  });

  test("into a pot that is closing is refused", async () => {
    const { chain, config, balance, again } = await deposited(false);
    await chain.startClose(signer, config, waits);
    await expect(again()).rejects.toMatchObject({ code: "CHAIN_REVERTED" });
    expect(await balance()).toBe(100n);
  });
});
