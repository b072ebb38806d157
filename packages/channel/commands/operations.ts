import gasOf from "@tabcast/contracts/gas.json" with { type: "json" };
import { concatHex, encodeAbiParameters, parseAbi } from "viem";
import { readContract } from "viem/actions";
import type { ChainFacts } from "../src/chain/chains.ts";
import { fees } from "../src/chain/gas.ts";
import { l1Fee } from "../src/chain/l1-fee.ts";
import type { Rpc } from "../src/chain/rpc.ts";
import type { Hex } from "../src/types.ts";

/** What one of our transactions costs now. */
export interface Operation {
  readonly name: string;
  readonly who: "broadcaster" | "worker";
  /** Units of gas, those for L1 included. */
  readonly gas: bigint;
  /** Amount of its price that are for its bytes on L1. */
  readonly l1: bigint;
  /** Amount in all. */
  readonly wei: bigint;
}

/** Our transactions, by the measured gas of packages/contracts/snapshots and the size of their data. */
const OURS: readonly {
  readonly name: string;
  readonly who: Operation["who"];
  readonly gas: keyof typeof gasOf;
  /** Bytes of its data: 4, the pot's rules (160), and what follows. */
  readonly bytes: number;
}[] = [
  ...row("open a pot", "broadcaster", "deposit: open, with gas for a fresh signer", 228),
  ...row("guarantee ten lanes", "broadcaster", "reserve 10: fresh lanes", 228 + 10 * 160),
  ...row("pay sixteen lanes", "broadcaster", "pay 16: one warm", 228 + 16 * 96),
  ...row("start the close", "broadcaster", "startClose", 164),
  ...row("finish the close", "broadcaster", "finalizeClose", 164),
  ...row("take the refund", "broadcaster", "withdraw: to an account in use", 68),
  ...row("claim one lane", "worker", "claim 1: fresh lanes and credits", 228 + 192),
];

function row(
  name: string,
  who: Operation["who"],
  gas: keyof typeof gasOf,
  bytes: number,
): [(typeof OURS)[number]] {
  return [{ name, who, gas, bytes }];
}

/** Arbitrum's virtual contract about gas. Source: docs.arbitrum.io, "NodeInterface". */
const NODE_INTERFACE = "0x00000000000000000000000000000000000000C8";
const nodeInterface = parseAbi([
  "function gasEstimateL1Component(address to, bool contractCreation, bytes data) view returns (uint64, uint256, uint256)",
]);

/** What each of our transactions would cost on this chain now. */
export async function operations(
  rpc: Rpc,
  facts: ChainFacts,
  signal: AbortSignal,
): Promise<readonly Operation[]> {
  const { price } = await rpc.ask(signal, fees);
  const rows: Operation[] = [];
  for (const { name, who, gas, bytes } of OURS) {
    const own = BigInt(gasOf[gas]);
    const extra = await forL1(rpc, facts, sample(bytes), { gas: own, price, signal });
    const l1 = extra.wei + extra.units * price;
    rows.push({ name, who, gas: own + extra.units, l1, wei: own * price + l1 });
  }
  return rows;
}

/** Data that compresses as badly as signatures and hashes do, of so many bytes. */
function sample(bytes: number): Hex {
  const word = encodeAbiParameters(
    [{ type: "uint256" }],
    [0x9e3779b97f4a7c15f39cc0605cedc834n ** 2n],
  );
  const words = concatHex(Array.from({ length: Math.ceil(bytes / 32) }, () => word));
  return words.slice(0, 2 + 2 * bytes) as Hex;
}

/** What bytes on L1 cost beside the gas: wei on the OP stack, units of gas on Arbitrum. */
async function forL1(
  rpc: Rpc,
  { id: chainId, kind }: ChainFacts,
  data: Hex,
  { gas, price, signal }: { gas: bigint; price: bigint; signal: AbortSignal },
): Promise<{ wei: bigint; units: bigint }> {
  const to = `0x${"11".repeat(20)}` as const;
  const transaction = { chainId, to, data, gas, maxFeePerGas: price, type: "eip1559" } as const;
  if (kind === "arbitrum") {
    const [units] = await rpc.ask(signal, (client) =>
      readContract(client, {
        ...{ address: NODE_INTERFACE, abi: nodeInterface, functionName: "gasEstimateL1Component" },
        args: [to, false, data],
      }),
    );
    return { wei: 0n, units };
  }
  // Also of an unknown chain: where there is an oracle, it is asked.
  return { wei: await rpc.ask(signal, (client) => l1Fee(client, transaction)), units: 0n };
}
