import { tabcastPotAbi } from "@tabcast/contracts";
import type { Wei } from "@tabcast/runtime";
import {
  BlockNotFoundError,
  isAddressEqual,
  parseEventLogs,
  type TransactionReceipt,
  TransactionReceiptNotFoundError,
} from "viem";
import { call as callContract, getBlock, getTransactionReceipt } from "viem/actions";
import type { Address, Hex } from "../types.ts";
import { ChainError } from "./chain-error.ts";
import { potEvents } from "./pot-event.ts";
import type { Rpc } from "./rpc.ts";
import type { Call, Sent } from "./types.ts";

export interface ReceiptOptions {
  readonly rpc: Rpc;
  /** Whose events are read; undefined: nobody's. */
  readonly contract: Address | undefined;
  readonly signal: AbortSignal;
  /** What the transaction does and for whom: a reverted one is then told with the contract's own error. */
  readonly call?: Call | undefined;
  readonly from?: Address;
}

/**
 * A transaction's receipt in our words; undefined if no block has it, or if the server's own block does not, as after a
 * reorganisation or from a server that makes receipts up. Throws CHAIN_REVERTED.
 */
export async function receiptOf(hash: Hex, options: ReceiptOptions): Promise<Sent | undefined> {
  const { rpc, contract, signal, call, from } = options;
  const receipt = await rpc.ask(signal, async (client) => {
    try {
      return await getTransactionReceipt(client, { hash });
    } catch (error) {
      if (error instanceof TransactionReceiptNotFoundError) return undefined;
      throw error;
    }
  });
  if (!receipt || !(await inItsBlock(rpc, receipt, signal))) return undefined;
  if (receipt.status === "reverted") {
    const why = call && (await whyReverted(rpc, call, from, receipt.blockNumber, signal));
    throw new ChainError(
      { code: "CHAIN_REVERTED", error: why?.error ?? "unknown", args: why?.args ?? [], hash },
      `the transaction ${hash} is in block ${receipt.blockNumber}, reverted${why ? `: ${why.error}` : ""}`,
    );
  }
  const ours = receipt.logs.filter((log) => contract && isAddressEqual(log.address, contract));
  return {
    hash,
    block: receipt.blockNumber,
    gas: receipt.gasUsed,
    cost: (receipt.gasUsed * receipt.effectiveGasPrice + l1FeeIn(receipt)) as Wei,
    events: potEvents(parseEventLogs({ abi: tabcastPotAbi, logs: ours })),
  };
}

/** What an OP stack took for the transaction's bytes beside its gas, wei; viem leaves the field as the server wrote it. */
function l1FeeIn(receipt: TransactionReceipt): bigint {
  const { l1Fee } = receipt as { l1Fee?: unknown };
  return typeof l1Fee === "string" && /^0x[0-9a-f]{1,32}$/i.test(l1Fee) ? BigInt(l1Fee) : 0n;
}

/** The server's block of that number is the receipt's, and the transaction is in it. */
async function inItsBlock(
  rpc: Rpc,
  { transactionHash, blockHash, blockNumber }: TransactionReceipt,
  signal: AbortSignal,
): Promise<boolean> {
  const block = await rpc.ask(signal, async (client) => {
    try {
      return await getBlock(client, { blockNumber });
    } catch (error) {
      if (error instanceof BlockNotFoundError) return undefined;
      throw error;
    }
  });
  return block?.hash === blockHash && block.transactions.includes(transactionHash);
}

/** A receipt does not say why: the same call against the state just before it mostly does. */
async function whyReverted(
  rpc: Rpc,
  call: Call,
  from: Address | undefined,
  block: bigint,
  signal: AbortSignal,
) {
  try {
    await rpc.ask(signal, (client) =>
      callContract(client, { ...call, ...(from && { account: from }), blockNumber: block - 1n }),
    );
  } catch (error) {
    if (error instanceof ChainError && error.reason.code === "CHAIN_REVERTED") return error.reason;
  }
  return undefined;
}
