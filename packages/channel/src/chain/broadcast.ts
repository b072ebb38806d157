import type { Clock } from "@tabcast/runtime";
import { keccak256, TransactionNotFoundError } from "viem";
import { getTransaction, sendRawTransaction } from "viem/actions";
import type { Hex } from "../types.ts";
import { badAnswer, ChainError, isPassing } from "./chain-error.ts";
import type { Rpc } from "./rpc.ts";

/** The nonce belongs to another transaction of the same account: this one is void. */
export class NonceTaken extends ChainError {}

interface BroadcastOptions {
  readonly rpc: Rpc;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Sends signed bytes. "underpriced": not taken now, to be sent again when gas is cheaper. Throws NonceTaken. */
export async function broadcast(
  raw: Hex,
  options: BroadcastOptions,
): Promise<"taken" | "underpriced"> {
  const { rpc, signal } = options;
  try {
    await sendRaw(raw, options);
  } catch (error) {
    if (!(error instanceof ChainError)) throw error;
    if (error.code === "CHAIN_UNDERPRICED") return "underpriced";
    if (error.code !== "CHAIN_NONCE") throw error;
    if (ALREADY.test(described(error))) return "taken";
    // A request that was answered too late may have been taken all the same.
    if (!(await patiently(options, () => transactionOf(rpc, keccak256(raw), signal))))
      throw new NonceTaken(error.reason, error.message, { cause: error });
  }
  return "taken";
}

/** What servers say of bytes that they have already. */
const ALREADY = /already (known|imported)|known transaction/i;

const described = (error: ChainError) =>
  error.cause instanceof Error ? error.cause.message : error.message;

/** A transaction as the server knows it, in a block or not; undefined only if the server says that it knows none. */
export function transactionOf(rpc: Rpc, hash: Hex, signal: AbortSignal) {
  return rpc.ask(signal, async (client) => {
    try {
      return await getTransaction(client, { hash });
    } catch (error) {
      if (error instanceof TransactionNotFoundError) return undefined;
      throw error;
    }
  });
}

/** The same bytes may be sent again and again: they are one transaction. */
async function sendRaw(raw: Hex, options: BroadcastOptions): Promise<void> {
  const { rpc, signal } = options;
  // viem does not try a transaction twice by itself.
  await patiently(options, async () => {
    const hash = await rpc.ask(signal, (client) =>
      sendRawTransaction(client, { serializedTransaction: raw }),
    );
    // A server that names another transaction may not have sent ours.
    if (hash !== keccak256(raw)) throw badAnswer(rpc.url, "eth_sendRawTransaction");
  });
}

/** Does it up to three times while the server's trouble may pass. */
async function patiently<T>(
  { clock, signal }: BroadcastOptions,
  work: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!isPassing(error) || attempt === 3) throw error;
      await clock.sleep(pauseOf(error) ?? 150 * attempt, { signal });
    }
  }
}

/** Milliseconds that a busy server asks for, up to ten seconds. */
function pauseOf(error: unknown): number | undefined {
  if (!(error instanceof ChainError) || error.reason.code !== "CHAIN_BUSY") return undefined;
  return Math.min(10, error.reason.seconds) * 1000;
}
