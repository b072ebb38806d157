import { systemClock } from "@tabcast/runtime";
import { createClient, http, parseAbi, parseGwei, size } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import {
  estimateGas,
  getBalance,
  getBlock,
  getBlockNumber,
  getTransactionReceipt,
  readContract,
  sendRawTransaction,
} from "viem/actions";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type Anvil, anvil } from "./anvil.ts";
import { busy, logLimits, oldState, reorganise, sequencer, wrongChain } from "./chain-faults.ts";
import { arbitrum, GAS_PRICE_ORACLE, NODE_INTERFACE, opStack } from "./chain-l2.ts";
import { type ChainProxy, chainProxy, only, sometimes, times } from "./chain-proxy.ts";

let net: Anvil;
let line: ChainProxy;
beforeAll(async () => {
  net = await anvil();
});
afterAll(() => net.close());
beforeEach(async () => {
  line = await chainProxy(net.rpc);
});
afterEach(() => line.close());

const client = () => createClient({ transport: http(line.rpc, { retryCount: 0 }) });
const signal = AbortSignal.timeout(60_000);

/** A fresh key with 1 ETH, and a transfer of 1000 wei signed by it. */
async function transfer(gas: bigint) {
  const from = privateKeyToAccount(generatePrivateKey());
  await net.setBalance(from, 10n ** 18n);
  const fee = { maxFeePerGas: parseGwei("20"), maxPriorityFeePerGas: 0n };
  const to = net.accounts[1].address;
  const raw = await from.signTransaction({
    chainId: 31337,
    nonce: 0,
    gas,
    to,
    value: 1000n,
    ...fee,
  });
  return { from, to, raw };
}

async function mined(hash: `0x${string}`) {
  for (;;) {
    const receipt = await getTransactionReceipt(client(), { hash }).catch(() => undefined);
    if (receipt) return receipt;
    await systemClock.sleep(5, { signal });
  }
}

test("an OP stack takes the L1 fee from the sender, and its oracle names that fee beforehand", async () => {
  line.play(opStack({ wei: 10n ** 9n }));
  const { from, raw } = await transfer(21_000n);
  const hash = await sendRawTransaction(client(), { serializedTransaction: raw });
  const receipt = await mined(hash);
  const l1Fee = 10n ** 9n * BigInt(size(raw));
  expect(receipt).toMatchObject({ l1Fee: `0x${l1Fee.toString(16)}` });
  expect(await getBalance(client(), { address: from.address })).toBe(
    10n ** 18n - 1000n - receipt.gasUsed * receipt.effectiveGasPrice - l1Fee,
  );
  const abi = parseAbi(["function getL1FeeUpperBound(uint256) view returns (uint256)"]);
  const bound = await readContract(client(), {
    address: GAS_PRICE_ORACLE,
    abi,
    functionName: "getL1FeeUpperBound",
    args: [BigInt(size(raw) - 68)],
  });
  expect(bound).toBe(l1Fee);
});

test("an OP stack refuses a transaction whose sender cannot pay the L1 fee", async () => {
  line.play(opStack({ wei: 10n ** 17n }));
  const { raw } = await transfer(21_000n);
  await expect(sendRawTransaction(client(), { serializedTransaction: raw })).rejects.toThrow(
    /insufficient funds for gas \* price \+ value/,
  );
});

test("an Arbitrum chain estimates, demands and charges the units of gas for L1", async () => {
  line.play(arbitrum({ unitsPerByte: 100n }));
  const { from, to, raw } = await transfer(21_000n);
  const gas = await estimateGas(client(), { account: from, to, value: 1000n });
  const abi = parseAbi([
    "function gasEstimateL1Component(address,bool,bytes) view returns (uint64, uint256, uint256)",
  ]);
  const [l1] = await readContract(client(), {
    address: NODE_INTERFACE,
    abi,
    functionName: "gasEstimateL1Component",
    args: [to, false, "0x"],
  });
  expect(gas).toBeGreaterThanOrEqual(21_000n + l1);
  await expect(sendRawTransaction(client(), { serializedTransaction: raw })).rejects.toThrow(
    /intrinsic gas too low/,
  );
  const enough = await from.signTransaction({
    ...{ chainId: 31337, nonce: 0, gas, to, value: 1000n },
    ...{ maxFeePerGas: parseGwei("20"), maxPriorityFeePerGas: 0n },
  });
  const hash = await sendRawTransaction(client(), { serializedTransaction: enough });
  const receipt = await mined(hash);
  expect(receipt).toMatchObject({ gasUsed: 21_000n + l1, gasUsedForL1: `0x${l1.toString(16)}` });
  expect(await getBalance(client(), { address: from.address })).toBe(
    10n ** 18n - 1000n - receipt.gasUsed * receipt.effectiveGasPrice,
  );
});

test("a busy server refuses the calls of its plan and no other", async () => {
  line.play(only(["eth_blockNumber"], times(2, busy({ retryAfter: 3 }))));
  const answers: number[] = [];
  for (const method of ["eth_blockNumber", "eth_chainId", "eth_blockNumber", "eth_blockNumber"]) {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: [] });
    const response = await fetch(line.rpc, { method: "POST", body });
    answers.push(response.status);
    if (response.status === 429) expect(response.headers.get("retry-after")).toBe("3");
  }
  expect(answers).toEqual([429, 200, 429, 200]);
});

test("the same seed makes the same calls fail, whatever is asked in between", async () => {
  async function fates(seed: number, between: boolean): Promise<string> {
    const stop = line.play(sometimes({ seed, share: 0.5 }, busy()));
    let fate = "";
    for (let i = 0; i < 24; i++) {
      const ask = (method: string) =>
        fetch(line.rpc, { method: "POST", body: JSON.stringify({ id: 1, method, params: [] }) });
      if (between) await ask("eth_chainId");
      fate += (await ask("eth_blockNumber")).ok ? "." : "x";
    }
    stop();
    return fate;
  }
  const first = await fates(7, false);
  expect(first).toContain("x");
  expect(first).toContain(".");
  expect(await fates(7, true)).toBe(first);
  expect(await fates(8, false)).not.toBe(first);
});

test("a server with a limit on events names a range that it takes", async () => {
  line.play(logLimits({ by: "alchemy", blocks: 10 }));
  const logs = (fromBlock: string, toBlock: string) =>
    client().request({ method: "eth_getLogs", params: [{ fromBlock, toBlock }] } as never);
  await expect(logs("0x0", "0x63")).rejects.toThrow(/\[0x0, 0x9\]/);
  await expect(logs("0x0", "0x0")).resolves.toBeDefined();
});

test("a sequencer that stops makes no block, and then its clock has jumped", async () => {
  const stops = sequencer(line.behind);
  line.play(stops.fault);
  const { raw } = await transfer(21_000n);
  await stops.stop();
  const before = await getBlock(client());
  const hash = await sendRawTransaction(client(), { serializedTransaction: raw });
  expect(await getTransactionReceipt(client(), { hash }).catch(() => "none")).toBe("none");
  expect((await getBlock(client(), { blockTag: "pending" })).hash).toBe(before.hash);
  await stops.go(7200);
  expect((await mined(hash)).status).toBe("success");
  const after = await getBlock(client());
  expect(after.timestamp - before.timestamp).toBeGreaterThanOrEqual(7200n);
});

test("a reorganisation of ten blocks undoes what was in them", async () => {
  const { from, raw } = await transfer(21_000n);
  const hash = await sendRawTransaction(client(), { serializedTransaction: raw });
  await mined(hash);
  await net.cheat("anvil_mine", "0x8");
  const height = await getBlockNumber(client(), { cacheTime: 0 });
  await reorganise(line.behind, 10);
  expect(await getBlockNumber(client(), { cacheTime: 0 })).toBe(height);
  expect(await getTransactionReceipt(client(), { hash }).catch(() => "none")).toBe("none");
  expect(await net.cheat("eth_getTransactionCount", from.address, "pending")).toBe("0x0");
});

test("a liar shows another chain's id, and state of some blocks ago", async () => {
  line.play(wrongChain(1));
  expect(await client().request({ method: "eth_chainId" })).toBe("0x1");
  line.calm();
  const { from } = await transfer(21_000n);
  await net.cheat("anvil_mine", "0x5");
  await net.setBalance(from, 5n);
  await net.cheat("evm_mine");
  const height = await getBlockNumber(client(), { cacheTime: 0 });
  line.play(oldState(4));
  expect(await getBlockNumber(client(), { cacheTime: 0 })).toBe(height - 4n);
  expect(await getBalance(client(), { address: from.address })).toBe(10n ** 18n);
});
