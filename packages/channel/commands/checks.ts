import type { Clock } from "@tabcast/runtime";
import { parseAbi } from "viem";
import { call, getBlock, getBlockNumber, getChainId, getCode, readContract } from "viem/actions";
import { isPassing, shown } from "../src/chain/chain-error.ts";
import { type ChainFacts, known, of } from "../src/chain/chains.ts";
import { codeMatches } from "../src/chain/code.ts";
import { FACTORY, PERMIT2, potAddress } from "../src/chain/create2.ts";
import { fees } from "../src/chain/gas.ts";
import { EVENT_BLOCKS } from "../src/chain/history.ts";
import { logLimit } from "../src/chain/log-limit.ts";
import type { Rpc } from "../src/chain/rpc.ts";
import type { Address, Hex } from "../src/types.ts";
import { operations } from "./operations.ts";
import { coins, gwei } from "./words.ts";

/** What a check found. `next`: what to do about it, with every FAIL. */
export interface Finding {
  readonly result: "ok" | "note" | "FAIL";
  /** One line. */
  readonly says: string;
  readonly next?: string;
  /** Further lines. */
  readonly more?: readonly string[];
  /** Figures for programs. */
  readonly values?: Readonly<Record<string, string | number | boolean>>;
}

/** What a check is given. */
export interface Checkup {
  readonly rpc: Rpc;
  readonly facts: ChainFacts;
  /** The contract that is to be there; undefined: none is said to be, and where it would be is looked at. */
  readonly contract: Address | undefined;
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

export type Check = (checkup: Checkup) => Promise<Finding>;

/** Seconds by which the chain's clock and ours may differ. */
const MAX_SKEW = 120;

/** Whether the server answers, and on which chain it is. */
export async function reach(
  rpc: Rpc,
  { signal, clock }: Pick<Checkup, "signal" | "clock">,
): Promise<{ readonly finding: Finding; readonly facts?: ChainFacts }> {
  const start = clock.now();
  try {
    const id = await rpc.ask(signal, (client) => getChainId(client));
    const ms = Math.round(clock.now() - start);
    const says = `${shown(rpc.url)} answers in ${ms} ms`;
    return { finding: { result: "ok", says, values: { ms } }, facts: of(id) };
  } catch (error) {
    signal.throwIfAborted();
    const says = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
    return { finding: { result: "FAIL", says, next: "check the address, or use another server" } };
  }
}

const chainId: Check = async ({ facts: { id, name, kind } }) =>
  known(id)
    ? { result: "ok", says: `${id}, ${name} (${kind})` }
    : {
        result: "note",
        says: `${id} is in no table of ours: it is treated as slow and dear as Ethereum`,
        next: "add a row for it to packages/channel/src/chain/chains.ts",
      };

/** Runs init code without a transaction; true if it returns the word 1. */
async function runs(rpc: Rpc, data: Hex, signal: AbortSignal): Promise<boolean> {
  try {
    const got = await rpc.ask(signal, (client) => call(client, { data }));
    return got.data !== undefined && BigInt(got.data) === 1n;
  } catch (error) {
    // The chain's refusal is the answer; a server that is away is none.
    if (signal.aborted || isPassing(error)) throw error;
    return false;
  }
}

/** An opcode that the compiled contract uses: the init code returns the word 1 where the chain has it. */
const opcode =
  (name: string, code: Hex): Check =>
  async ({ rpc, signal }) =>
    (await runs(rpc, code, signal))
      ? { result: "ok", says: `${name} runs` }
      : {
          result: "FAIL",
          says: `${name} does not run, and the contract needs it`,
          next: "use a chain with the Cancun upgrade",
        };

/** PUSH1 1, PUSH0, MSTORE, PUSH1 32, PUSH0, RETURN. */
const push0 = opcode("PUSH0 (EIP-3855)", "0x60015f5260205ff3");
/** PUSH1 1, PUSH1 0, TSTORE, PUSH1 0, TLOAD, PUSH1 0, MSTORE, PUSH1 32, PUSH1 0, RETURN. */
const transient = opcode("transient storage (EIP-1153)", "0x600160005d60005c60005260206000f3");
/** PUSH1 1, PUSH1 0, MSTORE, PUSH1 32, PUSH1 0, PUSH1 32, MCOPY, PUSH1 32, PUSH1 32, RETURN. */
const mcopy = opcode("MCOPY (EIP-5656)", "0x60016000526020600060205e60206020f3");

const head: Check = async ({ rpc, facts, signal, clock }) => {
  const newest = await rpc.ask(signal, (client) => getBlock(client));
  const behind = Math.round(clock.unix() / 1000 - Number(newest.timestamp));
  const values = { block: Number(newest.number), behind };
  const says = `block ${newest.number} is ${behind} s old`;
  const allowed = Math.max(MAX_SKEW, 20 * facts.blockSeconds);
  // A chain on this machine makes blocks on demand, and tests move its clock.
  if (facts.kind === "local" || Math.abs(behind) <= allowed) return { result: "ok", says, values };
  return behind < 0
    ? {
        ...{ result: "FAIL", says: `the newest block is ${-behind} s ahead of this clock`, values },
        next: "set this machine's clock",
      }
    : {
        ...{ result: "FAIL", says: `${says}: the chain stands still, or the server lags`, values },
        next: "wait for the chain, use another RPC server, or set this machine's clock",
      };
};

const blockTime: Check = async ({ rpc, facts, signal }) => {
  const [newest, older] = await rpc.ask(signal, async (client) => {
    const newest = await getBlock(client);
    const back = newest.number < 100n ? newest.number : 100n;
    return [newest, await getBlock(client, { blockNumber: newest.number - back })] as const;
  });
  const blocks = Number(newest.number - older.number);
  if (facts.kind === "local" || blocks === 0)
    return { result: "ok", says: "blocks are made on demand, or there are none yet" };
  const seconds = Number(newest.timestamp - older.timestamp) / blocks;
  const values = { seconds, expected: facts.blockSeconds };
  const says = `${seconds.toFixed(2)} s between blocks, of late`;
  return seconds <= 3 * facts.blockSeconds + 1
    ? { result: "ok", says, values }
    : { result: "note", says: `${says}, where ${facts.blockSeconds} s are usual`, values };
};

const gas: Check = async ({ rpc, facts, signal }) => {
  const { price } = await rpc.ask(signal, fees);
  const values = { wei: price.toString() };
  const says = `${gwei(price)} a unit at most`;
  if (facts.gasCap === undefined) return { result: "ok", says, values };
  const cap = `our cap of ${gwei(facts.gasCap)}`;
  return price <= facts.gasCap
    ? { result: "ok", says: `${says}, below ${cap}`, values }
    : {
        ...{ result: "note", says: `${says}, above ${cap}: transactions wait`, values },
        next: "wait for cheaper gas, or give a higher gasCap",
      };
};

const prices: Check = async ({ rpc, facts, signal }) => {
  const rows = await operations(rpc, facts, signal);
  const of = (name: string) => rows.find((row) => row.name === name)?.wei ?? 0n;
  const stream = rows
    .filter(({ who }) => who === "broadcaster")
    .reduce((sum, r) => sum + r.wei, 0n);
  const claim = of("claim one lane");
  return {
    result: "ok",
    says: `a stream of 16 workers costs ${coins(stream, facts)}, a worker's own claim ${coins(claim, facts)}`,
    more: rows.map(({ name, gas, l1, wei }) => {
      const bytes = l1 > 0n ? `, ${coins(l1, facts)} of it for L1` : "";
      return `${name}: ${gas} units, ${coins(wei, facts)}${bytes}`;
    }),
    values: Object.fromEntries(rows.map(({ name, wei }) => [name, wei.toString()])),
  };
};

const logs: Check = async ({ rpc, signal }) => {
  const newest = await rpc.ask(signal, (client) => getBlockNumber(client, { cacheTime: 0 }));
  const address = potAddress();
  const taken = (blocks: bigint) =>
    rpc.ask(signal, async (client) => {
      const from = newest >= blocks ? newest - blocks + 1n : 0n;
      const range = { fromBlock: hex(from), toBlock: hex(newest) };
      try {
        await client.request({ method: "eth_getLogs", params: [{ address, ...range }] });
        return true;
      } catch (error) {
        if (!logLimit(error)) throw error;
        return false;
      }
    });
  let blocks = EVENT_BLOCKS;
  while (blocks > 0n && !(await taken(blocks))) blocks /= 2n;
  const values = { blocks: Number(blocks) };
  if (blocks === 0n)
    return {
      ...{ result: "FAIL", says: "events are not given out, not even of one block", values },
      next: "use another RPC server",
    };
  const says = `events of ${blocks} blocks at once`;
  return blocks === EVENT_BLOCKS
    ? { result: "ok", says, values }
    : {
        ...{ result: "note", says: `${says}: history takes more requests`, values },
        next: "use a server with wider ranges if history is slow",
      };
};

const safe: Check = async ({ rpc, signal }) => {
  const [newest, block] = await rpc.ask(signal, async (client) => [
    await getBlockNumber(client, { cacheTime: 0 }),
    await getBlock(client, { blockTag: "safe" }).catch(() => undefined),
  ]);
  if (!block)
    return {
      result: "note",
      says: "the server knows no safe block; large sums wait by depth alone",
    };
  const depth = Number(newest - block.number);
  return { result: "ok", says: `the safe block is ${depth} behind the newest`, values: { depth } };
};

const permit2: Check = async ({ rpc, signal }) =>
  (await rpc.ask(signal, (client) => getCode(client, { address: PERMIT2 })))
    ? { result: "ok", says: `Permit2 is at ${PERMIT2}` }
    : { result: "note", says: "there is no Permit2: tokens are paid in by allowance or EIP-3009" };

const usdc: Check = async ({ rpc, facts, signal }) => {
  const address = facts.usdc;
  if (!address)
    return { result: "note", says: `no USDC of ${facts.name} is known: pots hold ${facts.coin}` };
  const decimals = await rpc.ask(signal, async (client) => {
    if (!(await getCode(client, { address }))) return undefined;
    const abi = parseAbi(["function decimals() view returns (uint8)"]);
    return readContract(client, { address, abi, functionName: "decimals" });
  });
  return decimals === 6
    ? { result: "ok", says: `USDC is at ${address}, with 6 decimals` }
    : {
        result: "FAIL",
        says: `at ${address}, known as USDC, there is ${decimals === undefined ? "no code" : `a token of ${decimals} decimals`}`,
        next: "check that the server is on the chain whose id it tells",
      };
};

const factory: Check = async ({ rpc, signal }) =>
  (await rpc.ask(signal, (client) => getCode(client, { address: FACTORY })))
    ? { result: "ok", says: `the deployment proxy is at ${FACTORY}` }
    : { result: "note", says: "there is no deployment proxy; npm run deploy puts it there first" };

const contract: Check = async ({ rpc, contract: expected, signal }) => {
  const address = expected ?? potAddress();
  const code = await rpc.ask(signal, (client) => getCode(client, { address }));
  if (code && codeMatches(code))
    return { result: "ok", says: `TabcastPot is at ${address}, with the code of these sources` };
  if (code)
    return {
      result: "FAIL",
      says: `the code at ${address} is not that of these sources`,
      next: "use the version that was deployed, or deploy this one: npm run deploy -- --rpc URL",
    };
  const next = "deploy it: npm run deploy -- --rpc URL";
  return expected
    ? { result: "FAIL", says: `there is no code at ${address}, where TabcastPot should be`, next }
    : { result: "note", says: `TabcastPot is not deployed; it would be at ${address}`, next };
};

/** Every check after the first, in the order of the report. */
export const CHECKS: Readonly<Record<string, Check>> = {
  "chain id": chainId,
  clock: head,
  "block time": blockTime,
  PUSH0: push0,
  transient,
  MCOPY: mcopy,
  gas,
  prices,
  events: logs,
  safe,
  Permit2: permit2,
  USDC: usdc,
  factory,
  contract,
};

const hex = (value: bigint): Hex => `0x${value.toString(16)}`;
