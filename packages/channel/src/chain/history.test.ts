import { tabcastPotAbi } from "@tabcast/contracts";
import { createClient, custom, encodeAbiParameters, encodeEventTopics, pad, toHex } from "viem";
import { expect, test } from "vitest";
import type { Hex } from "../types.ts";
import { history } from "./history.ts";
import type { Rpc } from "./rpc.ts";

const contract = `0x${"ab".repeat(20)}` as const;
const account = `0x${"11".repeat(20)}` as const;
const signal = AbortSignal.timeout(60_000);
const NEWEST = 1_000_000;
const [opened] = encodeEventTopics({ abi: tabcastPotAbi, eventName: "PotOpened" });
const [finalized] = encodeEventTopics({ abi: tabcastPotAbi, eventName: "PotFinalized" });
const potAt = (block: number) => toHex(block, { size: 32 });

/** A contract in which a stranger's pot ends in every span, and our own that was opened in block 957,123 ends in the newest. */
function busyChain(): Rpc & { readonly asked: string[] } {
  const asked: string[] = [];
  const log = (block: number, topics: readonly (Hex | null)[], data: Hex) => ({
    address: contract,
    topics,
    data,
    blockNumber: toHex(block),
    transactionHash: pad("0x01"),
    transactionIndex: "0x0",
    blockHash: pad("0x02"),
    logIndex: toHex(block % 1_000),
    removed: false,
  });
  const amount = encodeAbiParameters([{ type: "uint96" }], [7n]);
  const own = potAt(957_123);
  const opening = encodeAbiParameters(
    [{ type: "address" }, { type: "uint40" }, { type: "bytes32" }],
    [contract, 900, pad("0x03")],
  );
  const request = async ({ method, params }: { method: string; params?: unknown }) => {
    asked.push(method);
    if (method !== "eth_getLogs") {
      const [number] = params as [Hex | "latest"];
      return {
        number: number === "latest" ? toHex(NEWEST) : number,
        timestamp: "0x1",
        transactions: [],
      };
    }
    const [{ topics, fromBlock, toBlock }] = params as [
      { topics: readonly (readonly Hex[] | null)[]; fromBlock: Hex; toBlock: Hex },
    ];
    const [from, to] = [Number(fromBlock), Number(toBlock)];
    const within = (block: number) => from <= block && block <= to;
    if (topics[0]?.includes(finalized as Hex))
      return [
        log(to, [finalized as Hex, potAt(to)], amount),
        ...(within(NEWEST) ? [log(NEWEST, [finalized as Hex, own], amount)] : []),
      ];
    return topics[0]?.includes(opened as Hex) && within(957_123)
      ? [log(957_123, [opened as Hex, own, pad(account), pad(account)], opening)]
      : [];
  };
  const client = createClient({ transport: custom({ request }) });
  return {
    asked,
    url: "test",
    ask: (_, work) => work(client),
    requireChain: async () => {},
    now: async () => 0,
  };
}

test("an account's history shows the end of its own pot among strangers', in at most 100 requests for events a page", async () => {
  const rpc = busyChain();
  const { events, next } = await history(rpc, contract, account, { signal });
  expect(events.map(({ type, block }) => [type, block])).toEqual([
    ["final", 1_000_000n],
    ["opened", 957_123n],
  ]);
  expect(rpc.asked.filter((method) => method === "eth_getLogs").length).toBeLessThanOrEqual(100);
  expect(next).toBe(900_001n);
});
