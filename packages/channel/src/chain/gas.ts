import type { Clock, Wei } from "@tabcast/runtime";
import { type Client, concatHex, keccak256, size, slice, toHex } from "viem";
import { estimateFeesPerGas, estimateGas, getBalance, getBlock } from "viem/actions";
import type { Address, Hex } from "../types.ts";
import { ChainError, insufficient } from "./chain-error.ts";
import { l1Fee } from "./l1-fee.ts";
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

/**
 * What a call would cost `from` now, at most, with an OP stack's fee for its bytes. Throws CHAIN_REVERTED, CHAIN_INSUFFICIENT in words
 * with the coin's symbol.
 */
export async function quote(
  rpc: Rpc,
  from: Address,
  call: Call,
  { coin, signal }: { readonly coin: string; readonly signal: AbortSignal },
): Promise<Quote> {
  const have = await rpc.ask(signal, (client) => getBalance(client, { address: from }));
  if (have < call.value) throw insufficient(from, { have, need: call.value, coin });
  const gas = await rpc.ask(signal, (client) => estimateGas(client, { account: from, ...call }));
  // A fifth more than now: a claim that comes first changes what a later one costs.
  const limit = gas + gas / 5n;
  const { price } = await rpc.ask(signal, fees);
  const l1 = await rpc.ask(signal, (client) => l1Fee(client, bytesOf(call)));
  const cost = limit * price + withRoom(l1);
  const need = call.value + cost;
  if (have < need) throw insufficient(from, { have, need, coin });
  return { gas: limit, cost: cost as Wei };
}

/** A transaction with a call's bytes: how long its other fields are. */
function bytesOf({ to, data, value }: Call) {
  const gas = { gas: 10_000_000n, maxFeePerGas: 10n ** 11n, maxPriorityFeePerGas: 10n ** 10n };
  return {
    ...gas,
    chainId: 100_000_000,
    nonce: 100_000,
    value,
    ...(to && { to }),
    ...(data && { data }),
  };
}

/** A quarter more than now: what bytes cost on L1 changes from block to block. */
export function withRoom(l1: bigint): bigint {
  return l1 + l1 / 4n;
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

/** Bytes of a call with a pot's config and one row; one more for each ROW_GAS of its gas. */
const CALL_BYTES = 400;
const ROW_BYTES = 100;
const ROW_GAS = 30_000n;
/** An account that nobody has: sending bytes to it runs no code. */
const NOBODY: Address = "0x000000000000000000000000000000000000dEaD";

/** What so much gas in so many transactions costs at most now, with what the chain takes for their bytes. */
export async function costOf(
  rpc: Rpc,
  { gas, transactions }: Work,
  signal: AbortSignal,
): Promise<Wei> {
  const { price } = await rpc.ask(signal, fees);
  if (transactions === 0) return (gas * price) as Wei;
  const rows = Number(gas / ROW_GAS / BigInt(transactions));
  const data = noise(CALL_BYTES + ROW_BYTES * rows);
  const [l1, units] = await rpc.ask(signal, async (client) => [
    await l1Fee(client, bytesOf({ to: NOBODY, data, value: 0n })),
    await l1Units(client, data),
  ]);
  const all = gas + BigInt(transactions) * units;
  return (((all * 6n) / 5n) * price + BigInt(transactions) * withRoom(l1)) as Wei;
}

/**
 * Units of gas that a chain takes for a transaction's bytes beyond what Ethereum does, as Arbitrum's estimates have them: what is
 * estimated for nothing but those bytes, less Ethereum's own price of them (EIP-7623: at most 40 units each).
 */
async function l1Units(client: Client, data: Hex): Promise<bigint> {
  const estimated = await estimateGas(client, { account: NOBODY, to: NOBODY, data, value: 0n });
  const own = 21_000n + 40n * BigInt(size(data));
  return estimated > own ? estimated - own : 0n;
}

/** Bytes that do not compress, as signatures and addresses do not. */
function noise(bytes: number): Hex {
  const parts: Hex[] = [];
  for (let at = 0; at < bytes; at += 32) parts.push(keccak256(toHex(at)));
  return slice(concatHex(parts), 0, bytes);
}
