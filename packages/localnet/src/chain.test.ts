import * as Chains from "@tabcast/channel/chains";
import { type CurrencyConfig, parseConfig } from "@tabcast/node/config";
import { createPublicClient, createTestClient, erc20Abi, http, zeroAddress } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type Chain,
  externalChain,
  faucetLimits,
  openExternalChain,
  openLocalChain,
  usualDeposit,
  usualDepositIn,
} from "./chain.ts";

const signal = AbortSignal.timeout(60_000);
const poorKey = generatePrivateKey();
let chain: Chain;
beforeAll(async () => {
  chain = await openLocalChain({ signal });
});
afterAll(() => chain.close());

const client = () => createPublicClient({ transport: http(chain.rpc) });
const elsewhere = (change: object = {}) => ({
  rpc: chain.rpc,
  contract: chain.contract,
  id: 31_337,
  payerKey: poorKey,
  ...change,
});

test("the local chain has a TabcastPot and answers with its id", async () => {
  expect(await client().getChainId()).toBe(31_337);
  expect((await client().getCode({ address: chain.contract }))?.length).toBeGreaterThan(1_000);
});

test("the faucet pays, and stops after its bound for one address", async () => {
  const { address } = privateKeyToAccount(generatePrivateKey());
  for (let i = 0; i < faucetLimits.perAddress; i++) await chain.local?.faucet(address);
  expect(await client().getBalance({ address })).toBe(
    faucetLimits.amount * BigInt(faucetLimits.perAddress),
  );
  await expect(chain.local?.faucet(address.toLowerCase())).rejects.toMatchObject({
    code: "FAUCET_REFUSED",
  });
});

test("a chain in play dollars names its token, and its faucet gives dollars beside the gas", async () => {
  const dollars = await openLocalChain({ signal, currency: "USDC" });
  try {
    const { currency } = dollars;
    if (currency === undefined) throw new Error("the chain has no currency");
    const fields = { symbol: "USDC", decimals: 6, dollars: true, perCoin: "3000000000" };
    expect(currency).toMatchObject(fields);
    const chain = { id: dollars.id, rpc: dollars.rpc, contract: dollars.contract, currency };
    expect(parseConfig({ relays: ["/p2p/a"], chain }).chain.currency).toEqual(currency);
    const { address } = privateKeyToAccount(generatePrivateKey());
    await dollars.local?.faucet(address);
    const reader = createPublicClient({ transport: http(dollars.rpc) });
    const token = { address: currency.token, abi: erc20Abi } as const;
    expect(await reader.getBalance({ address })).toBe(faucetLimits.amount);
    expect(
      await reader.readContract({ ...token, functionName: "balanceOf", args: [address] }),
    ).toBe(faucetLimits.dollars);
    expect(await reader.readContract({ ...token, functionName: "symbol" })).toBe(currency.symbol);
    expect(await reader.readContract({ ...token, functionName: "decimals" })).toBe(6);
  } finally {
    await dollars.close();
  }
});

test("the usual deposit in dollars is what the coin's is worth: 30 dollars", () => {
  const currency = { token: zeroAddress, symbol: "USDC", decimals: 6, dollars: true } as const;
  expect(usualDepositIn({ currency: { ...currency, perCoin: "3000000000" } })).toBe(30_000_000n);
  expect(usualDepositIn({})).toBe(usualDeposit);
});

test.each(["", "0x12", "hello", `0x${"g".repeat(40)}`])(
  "the faucet refuses %j as an address",
  async (address) => {
    await expect(chain.local?.faucet(address)).rejects.toMatchObject({ code: "FAUCET_REFUSED" });
  },
);

test("a warp moves the clock forward and never back", async () => {
  const before = (await client().getBlock()).timestamp;
  await chain.local?.warp(Number(before) + 900);
  expect((await client().getBlock()).timestamp).toBe(before + 900n);
  await chain.local?.warp(Number(before));
  expect((await client().getBlock()).timestamp).toBe(before + 900n);
});

test("another chain is taken when everything fits", async () => {
  const payerKey = generatePrivateKey();
  await chain.local?.faucet(privateKeyToAccount(payerKey).address);
  const taken = await openExternalChain(elsewhere({ payerKey }), { signal });
  expect(taken).toMatchObject({ id: 31_337, contract: chain.contract });
  expect(taken.local).toBeUndefined();
});

test("a chain that does not answer is named by its host alone, as its path may hold a key", async () => {
  const refused = openExternalChain(elsewhere({ rpc: "http://127.0.0.1:1/secret" }), { signal });
  await expect(refused).rejects.toMatchObject({ code: "CHAIN_UNREACHABLE" });
  await expect(refused).rejects.not.toThrow(/secret/);
});

test("a wrong chain id, a wrong contract and an empty purse each have their own error", async () => {
  await expect(openExternalChain(elsewhere({ id: 5 }), { signal })).rejects.toMatchObject({
    reason: { code: "CHAIN_WRONG_ID", wanted: 5, got: 31_337 },
  });
  const contract = privateKeyToAccount(poorKey).address;
  await expect(openExternalChain(elsewhere({ contract }), { signal })).rejects.toMatchObject({
    code: "CHAIN_NO_CONTRACT",
  });
  await expect(openExternalChain(elsewhere(), { signal })).rejects.toMatchObject({
    reason: { code: "CHAIN_POOR", balance: 0n },
  });
});

const complete = {
  TABCAST_RPC: "http://127.0.0.1:8545",
  TABCAST_CONTRACT: `0x${"1".repeat(40)}`,
  TABCAST_CHAIN_ID: "31337",
  TABCAST_PAYER_KEY: poorKey,
};

test("the environment describes a chain, or none", () => {
  expect(externalChain({})).toBeUndefined();
  expect(externalChain({ TABCAST_PAYER_KEY: poorKey })).toBeUndefined();
  expect(externalChain(complete)).toMatchObject({ id: 31_337, payerKey: poorKey });
});

test.each([
  ["TABCAST_RPC", "ftp://x"],
  ["TABCAST_RPC", undefined],
  ["TABCAST_CONTRACT", "0x1"],
  ["TABCAST_CHAIN_ID", "0"],
  ["TABCAST_CHAIN_ID", undefined],
  ["TABCAST_PAYER_KEY", undefined],
  ["TABCAST_PAYER_KEY", `0x${"zz".repeat(32)}`],
])("%s as %j is refused by name, and no key is shown", (name, value) => {
  let message = "";
  try {
    externalChain({ ...complete, [name]: value });
  } catch (error) {
    message = (error as Error).message;
  }
  expect(message).toContain(name);
  expect(message).not.toContain(poorKey);
  expect(message).not.toContain("zz");
});

const BASE = { ...complete, TABCAST_CHAIN_ID: "8453", TABCAST_CURRENCY: "usdc" };

test("TABCAST_CURRENCY=usdc is the chain's own USDC, with what a coin is worth in it", () => {
  expect(externalChain({ ...BASE, TABCAST_COIN_PRICE: "2999.5" })?.currency).toEqual({
    ...{ token: Chains.of(8453).usdc, symbol: "USDC", decimals: 6, dollars: true },
    perCoin: "2999500000",
  });
  expect(externalChain({ ...complete, TABCAST_CURRENCY: "eth" })?.currency).toBeUndefined();
});

test.each([
  ["TABCAST_CURRENCY", { TABCAST_CURRENCY: "dai" }, "CHAIN_CONFIG"],
  ["TABCAST_COIN_PRICE", {}, "CHAIN_CONFIG"],
  ["TABCAST_COIN_PRICE", { TABCAST_COIN_PRICE: "0" }, "CHAIN_CONFIG"],
  ["TABCAST_COIN_PRICE", { TABCAST_COIN_PRICE: "-3" }, "CHAIN_CONFIG"],
  ["TABCAST_COIN_PRICE", { TABCAST_COIN_PRICE: "3,000" }, "CHAIN_CONFIG"],
  ["TABCAST_CHAIN_ID", { TABCAST_CHAIN_ID: "31337", TABCAST_COIN_PRICE: "1" }, "CHAIN_NO_TOKEN"],
])("%s is named where the environment says %j of the currency", (name, change, code) => {
  const read = () => externalChain({ ...BASE, ...change });
  expect(read).toThrow(name);
  expect(read).toThrow(expect.objectContaining({ code }));
});

describe("another chain in a token", () => {
  let dollars: Chain;
  beforeAll(async () => {
    dollars = await openLocalChain({ signal, currency: "USDC" });
  });
  afterAll(() => dollars.close());

  const open = (change: Partial<CurrencyConfig>, payerKey = poorKey) => {
    const { rpc, contract, id, currency } = dollars;
    if (currency === undefined) throw new Error("the chain has no currency");
    const there = { rpc, contract, id, payerKey, currency: { ...currency, ...change } };
    return openExternalChain(there, { signal });
  };

  test("it is taken when the payer has the deposit in tokens and the gas in coins", async () => {
    const payerKey = generatePrivateKey();
    const { address } = privateKeyToAccount(payerKey);
    await dollars.local?.faucet(address);
    expect((await open({}, payerKey)).currency).toEqual(dollars.currency);
  });

  test.each([
    ["no code", () => ({ token: privateKeyToAccount(poorKey).address })],
    ["not answer as an ERC-20 token", () => ({ token: dollars.contract })],
    ["6 decimals, not 18", () => ({ decimals: 18 })],
    ["its symbol is USDC", () => ({ symbol: "DAI" })],
  ])("a token is refused: %s", async (why, change) => {
    const refused = open(change());
    await expect(refused).rejects.toMatchObject({ code: "CHAIN_NO_TOKEN" });
    await expect(refused).rejects.toThrow(why);
  });

  test("a payer without tokens is told what is missing, in the token", async () => {
    const payerKey = generatePrivateKey();
    const client = createTestClient({ mode: "anvil", transport: http(dollars.rpc) });
    const { address } = privateKeyToAccount(payerKey);
    await client.setBalance({ address, value: 10n ** 18n });
    const refused = open({}, payerKey);
    await expect(refused).rejects.toMatchObject({
      reason: { code: "CHAIN_POOR", needed: 30_000_000n, balance: 0n },
      message: `${address} has 0 USDC, and 30 are needed for the deposit`,
    });
  });
});

test("anvil is gone after a second close", async () => {
  const short = await openLocalChain({ signal });
  const pid = short.local?.pid as number;
  expect(process.kill(pid, 0)).toBe(true);
  await short.close();
  await short.close();
  expect(() => process.kill(pid, 0)).toThrow(/ESRCH/);
});
