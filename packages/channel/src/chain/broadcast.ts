import type { Clock } from "@tabcast/runtime";
import { keccak256 } from "viem";
import { getTransaction, sendRawTransaction } from "viem/actions";
import type { Hex } from "../types.ts";
import { ChainError } from "./chain-error.ts";
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
    const hash = keccak256(raw);
    // A request that was answered too late may have been taken all the same.
    const taken = await rpc.ask(signal, (client) =>
      getTransaction(client, { hash }).catch(() => undefined),
    );
    if (!taken) throw new NonceTaken(error.reason, error.message, { cause: error });
  }
  return "taken";
}

/** The same bytes may be sent again and again: they are one transaction. */
async function sendRaw(raw: Hex, { rpc, clock, signal }: BroadcastOptions): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await rpc.ask(signal, (client) => sendRawTransaction(client, { serializedTransaction: raw }));
      return;
    } catch (error) {
      // viem does not try a transaction twice by itself.
      const lost = error instanceof ChainError && error.code === "CHAIN_UNREACHABLE";
      if (!lost || attempt === 3) throw error;
      await clock.sleep(150 * attempt, { signal });
    }
  }
}
