import { formatLog, type Log, toHex } from "viem";
import { least } from "../least.ts";
import type { Address, Hex } from "../types.ts";
import { ChainError, shown } from "./chain-error.ts";
import { type LogLimit, logLimit } from "./log-limit.ts";
import type { Rpc } from "./rpc.ts";
import type { Waits } from "./types.ts";

/** A topic as `eth_getLogs` takes it: one, any of some, or any at all. */
export type Topic = Hex | readonly Hex[] | null;

export interface LogFilter {
  readonly address: Address;
  readonly topics: readonly Topic[];
}

export interface BlockRange extends Waits {
  readonly from: bigint;
  readonly to: bigint;
}

/** Most parts that one question is divided into: 5,000 blocks at 10 at once, as the meanest of free servers have it, are 500. */
const MAX_PARTS = 1_000n;
/** Most events of one question: some hundred megabytes of them. */
const MAX_EVENTS = 100_000;

/** How many blocks each server was last seen to take. */
const spans = new WeakMap<Rpc, bigint>();

/**
 * The events of some blocks, oldest first, in as many requests as the server's limits make it: what it refuses is asked for
 * in smaller parts, and the size that it took is remembered. Throws CHAIN_LOG_LIMIT if one block alone is too much for it, or if
 * it would take more than 1,000 requests or 100,000 events.
 */
export async function logsOf(rpc: Rpc, filter: LogFilter, range: BlockRange): Promise<Log[]> {
  const { from, to, signal } = range;
  const found: Log[] = [];
  let span = spans.get(rpc) ?? to - from + 1n;
  for (let at = from; at <= to; ) {
    const end = least(at + span - 1n, to);
    const got = await part(rpc, filter, { from: at, to: end, signal });
    if (Array.isArray(got)) {
      for (const log of got) found.push(log);
      if (found.length > MAX_EVENTS) throw limited(rpc, span, `more than ${MAX_EVENTS} events`);
      at = end + 1n;
      continue;
    }
    if (end === at) throw limited(rpc, 0n, `no events of block ${at}`);
    span = smaller(got, at, end);
    spans.set(rpc, span);
    if ((to - from) / span >= MAX_PARTS)
      throw limited(rpc, span, `events of only ${span} blocks at once`);
  }
  return found;
}

function limited(rpc: Rpc, blocks: bigint, what: string): ChainError {
  return new ChainError(
    { code: "CHAIN_LOG_LIMIT", rpc: rpc.url, blocks },
    `the chain's RPC server ${shown(rpc.url)} gives out ${what}`,
  );
}

/** A number of blocks below the one refused: the server's own hint where that is less, else half. */
function smaller({ to }: LogLimit, at: bigint, end: bigint): bigint {
  return to !== undefined && to >= at && to < end ? to - at + 1n : (end - at + 1n) / 2n;
}

/** The events of one range, or the limit that the server names. */
function part(
  rpc: Rpc,
  { address, topics }: LogFilter,
  { from, to, signal }: BlockRange,
): Promise<Log[] | LogLimit> {
  return rpc.ask(signal, async (client) => {
    try {
      // Asked by topic: viem's own filter needs one event's name.
      const logs = await client.request({
        method: "eth_getLogs",
        params: [{ address, topics: topics as Hex[], fromBlock: toHex(from), toBlock: toHex(to) }],
      });
      return logs.map((log) => formatLog(log));
    } catch (error) {
      const limit = logLimit(error);
      if (!limit) throw error;
      return limit;
    }
  });
}
