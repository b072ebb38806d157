import { type Client, createClient, http } from "viem";
import { getBlock, getChainId } from "viem/actions";
import { most } from "../least.ts";
import { shown, translate, wrongChain } from "./chain-error.ts";

/** One RPC server: requests with a bound, errors in our words. Knows no contract and no account. */
export interface Rpc {
  readonly url: string;
  /** Asks the server; what it throws comes out as a ChainError, or as the signal's reason. */
  ask<T>(signal: AbortSignal, work: (client: Client) => Promise<T>): Promise<T>;
  /** Throws CHAIN_WRONG_ID unless the server is on the chain `expected`. */
  requireChain(expected: number, signal: AbortSignal): Promise<void>;
  /** The chain's clock, unix seconds. */
  now(signal: AbortSignal): Promise<number>;
}

export interface RpcOptions {
  /** JSON-RPC over HTTP. */
  readonly url: string;
  /** Milliseconds for one request. */
  readonly timeout: number;
}

/** Speaks to one RPC server, two retries a request. Opens nothing until it is asked. */
export function openRpc({ url, timeout }: RpcOptions): Rpc {
  async function ask<T>(signal: AbortSignal, work: (client: Client) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    // A client per question, because viem takes a signal only with the transport.
    const client = createClient({
      transport: http(url, { timeout, retryCount: 2, fetchOptions: { signal } }),
    });
    try {
      return await work(client);
    } catch (error) {
      signal.throwIfAborted();
      throw translate(error, url);
    }
  }

  return {
    url,
    ask,
    async requireChain(expected, signal) {
      const got = await ask(signal, (client) => getChainId(client));
      if (got !== expected) throw wrongChain(expected, got, `the RPC server ${shown(url)}`);
    },
    now: (signal) =>
      ask(signal, async (client) => {
        const latest = await getBlock(client);
        // A chain that makes blocks only on demand, as anvil does, shows the time only in the block to come.
        const pending = await getBlock(client, { blockTag: "pending" }).catch(() => latest);
        return Number(most(pending.timestamp, latest.timestamp));
      }),
  };
}
