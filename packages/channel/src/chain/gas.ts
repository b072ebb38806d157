import type { Clock, Wei } from "@tabcast/runtime";
import type { Client } from "viem";
import { estimateFeesPerGas, estimateGas, getBalance, getBlock } from "viem/actions";
import type { Address } from "../types.ts";
import { ChainError, insufficient } from "./chain-error.ts";
import type { Rpc } from "./rpc.ts";
import type { Call, ChainNews, Quote, Work } from "./types.ts";

/** What a transaction offers for a unit of gas, wei. */
export type Fee =
  | { readonly maxFeePerGas: bigint; readonly maxPriorityFeePerGas: bigint }
  | { readonly type: "legacy"; readonly gasPrice: bigint };

/** What a transaction offers per unit of gas: EIP-1559 where the chain has it. */
export async function fees(client: Client): Promise<{ readonly price: bigint; readonly fee: Fee }> {
  const block = await getBlock(client);
  if (block.baseFeePerGas === null) {
    const { gasPrice } = await estimateFeesPerGas(client, { chain: null, type: "legacy" });
    return { price: gasPrice, fee: { type: "legacy", gasPrice } };
  }
  const { maxFeePerGas, maxPriorityFeePerGas } = await estimateFeesPerGas(client, { chain: null });
  return { price: maxFeePerGas, fee: { maxFeePerGas, maxPriorityFeePerGas } };
}

/** The fee of a replacement that pays at most `price` wei for a unit of gas. */
export function replacementFee(fee: Fee, price: bigint): Fee {
  return "maxFeePerGas" in fee
    ? { maxFeePerGas: price, maxPriorityFeePerGas: raisedTip(fee, price) }
    : { type: "legacy", gasPrice: price };
}

/** The tip must rise by an eighth as well, and cannot be more than the whole. */
function raisedTip(fee: { maxFeePerGas: bigint; maxPriorityFeePerGas: bigint }, price: bigint) {
  const tip = (fee.maxPriorityFeePerGas * price) / fee.maxFeePerGas + 1n;
  return tip < price ? tip : price;
}

/** What a call would cost `from` now. Throws CHAIN_REVERTED, CHAIN_INSUFFICIENT. */
export async function quote(
  rpc: Rpc,
  from: Address,
  call: Call,
  signal: AbortSignal,
): Promise<Quote> {
  const have = await rpc.ask(signal, (client) => getBalance(client, { address: from }));
  if (have < call.value) throw insufficient(from, have, call.value);
  const gas = await rpc.ask(signal, (client) => estimateGas(client, { account: from, ...call }));
  // A fifth more than now: a claim that comes first changes what a later one costs.
  const limit = gas + gas / 5n;
  const { price } = await rpc.ask(signal, fees);
  const need = call.value + limit * price;
  if (have < need) throw insufficient(from, have, need);
  return { gas: limit, cost: (limit * price) as Wei };
}

export interface GasCapOptions {
  readonly rpc: Rpc;
  /** Wei per unit of gas that we pay at most. */
  readonly gasCap: Wei | undefined;
  /** Milliseconds to wait for gas to become cheaper. */
  readonly patience: number;
  readonly clock: Clock;
  readonly onNews: (news: ChainNews) => void;
}

/** Waits until gas costs at most the cap. Throws CHAIN_GAS_HIGH. */
export async function underGasCap(options: GasCapOptions, signal: AbortSignal): Promise<void> {
  const { rpc, gasCap: cap, patience, clock, onNews } = options;
  if (cap === undefined) return;
  const start = clock.now();
  for (let told = false; ; told = true) {
    const price = (await rpc.ask(signal, fees)).price as Wei;
    if (price <= cap) return;
    if (!told) onNews({ type: "gasHigh", price, cap });
    const seconds = patience / 1000;
    if (clock.now() - start >= patience)
      throw new ChainError(
        { code: "CHAIN_GAS_HIGH", price, cap, seconds },
        `gas costs ${price} wei a unit, more than the ${cap} we pay, for ${seconds} s; nothing was sent`,
      );
    await clock.sleep(1000, { signal });
  }
}

/** What so much gas in so many transactions costs at most now. */
export async function costOf(rpc: Rpc, { gas }: Work, signal: AbortSignal): Promise<Wei> {
  const { price } = await rpc.ask(signal, fees);
  return (((gas * 6n) / 5n) * price) as Wei;
}
