/** What settling costs in gas, where it comes from, and what is done when there is not enough. */

import type { Amount, Wei } from "@tabcast/runtime";
import { zeroAddress } from "viem";
import { type Action, ChainError, type Look, type Waits } from "../chain/chain.ts";
import type { Lane } from "../types.ts";
import type { PotParts } from "./parts.ts";

/**
 * Units of gas to start the close, finalize, withdraw the refund and send the session key's coins home: 31,684, 53,246, 60,426
 * and 21,000, measured in the gas snapshot, with room.
 */
export const CLOSE = { gas: 200_000n, transactions: 4 } as const;
/** Units of gas of one more lane in a `pay`: a fresh lane of a fresh payee, measured in the gas snapshot. */
export const PAY_GAS = 48_000n;
/** Lanes paid or freed in one transaction: at most 8 million gas, a quarter of a block. */
export const ROWS = 150;
/** Units of gas to pay the session key from the pot and to withdraw that. Source: the gas snapshot, with room. */
const REFUEL = { gas: 160_000n, transactions: 2 } as const;
/** The lane in which the session key pays itself. */
const OWN_LANE = 0;

/** The session key's own lane in its pot: what it takes for gas, and sends home with what is left. */
export function ownLane({ ledger }: Pick<PotParts, "ledger">): Lane {
  return { payee: ledger.config.signer, lane: OWN_LANE };
}

/** What an action of `from` costs at most, wei, even if `from` does not have it. Throws ChainError. */
export async function costOf(
  { chain }: Pick<PotParts, "chain">,
  from: `0x${string}`,
  action: Action,
  waits: Waits,
): Promise<Wei> {
  try {
    return (await chain.quote(from, action, waits)).cost;
  } catch (error) {
    if (error instanceof ChainError && error.reason.code === "CHAIN_INSUFFICIENT")
      return error.reason.need;
    throw error;
  }
}

/** What it costs at most to pay every lane of the books and to end the pot, wei. */
export function endCost({ chain, ledger }: Pick<PotParts, "chain" | "ledger">, waits: Waits) {
  const lanes = ledger.book.lanes.size;
  const transactions = CLOSE.transactions + Math.ceil(lanes / ROWS);
  return chain.costOf({ gas: CLOSE.gas + BigInt(lanes) * PAY_GAS, transactions }, waits);
}

/** What the session key has beyond what ends the pot, wei; below zero if it could not even do that. */
export async function budget(parts: PotParts, waits: Waits): Promise<bigint> {
  const { chain, ledger } = parts;
  const [have, close] = await Promise.all([
    chain.balance(ledger.config.signer, waits),
    chain.costOf(CLOSE, waits),
  ]);
  return have - close;
}

/**
 * Lets the session key take `want` wei for gas out of what the pot promises nobody. Undefined if the pot does not have it, holds a
 * token, or is the payer's no more. Throws ChainError.
 */
export async function refuel(
  parts: PotParts,
  { pot }: Pick<Look, "pot">,
  want: bigint,
  waits: Waits,
): Promise<Amount | undefined> {
  const { chain, ledger } = parts;
  const { key, config } = ledger;
  if (!key || config.token !== zeroAddress) return undefined;
  const own = ownLane(parts);
  const [have, toll] = await Promise.all([
    chain.balance(key.address, waits),
    chain.costOf(REFUEL, waits),
  ]);
  const amount = (want + toll) as Amount;
  if (have < toll || amount > pot.balance - pot.reserved) return undefined;
  const voucher = await ledger.post({ type: "takeGas", lane: own, amount });
  if (!voucher) return undefined;
  await chain.pay(key, config, [{ ...own, cumulative: voucher.cumulative }], waits);
  await takeCredit(parts, waits);
  return amount;
}

/** What the contract owes the session key, withdrawn by itself. */
export async function takeCredit({ chain, ledger }: PotParts, waits: Waits): Promise<void> {
  const { key } = ledger;
  if (key && (await chain.credit(key.address, waits)) > 0n)
    await chain.withdraw(key, key.address, waits);
}
