import { type Clock, systemClock } from "@tabcast/runtime";
import { type Client, createClient } from "viem";
import { getBlock, getChainId } from "viem/actions";
import { most } from "../least.ts";
import { badAnswer, ChainError, shown, translate, wrongChain } from "./chain-error.ts";
import { transport } from "./transport.ts";
import { witnessed } from "./witness.ts";

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

const UNREAD = [TypeError, SyntaxError, RangeError];

export interface RpcOptions {
  /** JSON-RPC over HTTP. */
  readonly url: string;
  /** Milliseconds for one request. */
  readonly timeout: number;
  /** A second server, of another operator, that must say the same of fixed blocks and receipts. Silent, it has no say. */
  readonly witness?: string | undefined;
  readonly clock?: Clock;
}

/** Speaks to one RPC server, two retries a request. Opens nothing until it is asked. */
export function openRpc({ url, timeout, witness, clock = systemClock }: RpcOptions): Rpc {
  const through = (signal: AbortSignal) => {
    const main = transport({ url, timeout, clock, signal });
    if (witness === undefined) return main;
    return witnessed(main, transport({ url: witness, timeout, clock, signal }), { url, witness });
  };

  async function ask<T>(signal: AbortSignal, work: (client: Client) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    // A client per question, because viem takes a signal only with the transport.
    const client = createClient({ transport: through(signal) });
    try {
      return await work(client);
    } catch (error) {
      signal.throwIfAborted();
      const said = translate(error, url);
      // What is no error of viem's, of a wallet's or of ours came of reading an answer that made no sense.
      const unread = said instanceof ChainError && UNREAD.some((kind) => error instanceof kind);
      throw unread ? badAnswer(url, "a request", error) : said;
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
