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

/** Answers in a row of a whole span after which twice as many blocks are asked for: a refusal may have been the hour's, or that range's. */
const GROW_AFTER = 20;
/** Most of such answers that are waited for. */
const MOST_GROW_AFTER = 1_280;
/** Blocks beyond which no span grows; one that was never refused may be longer. */
const MOST_BLOCKS = 10_000n;

/** What a server was last seen to take. */
interface Span {
  readonly blocks: bigint;
  /** Whole spans that it answered since it last refused one, or since the span grew. */
  readonly answered: number;
  /** As `answered` must be before the span grows: twice as many each time that growing was refused. */
  readonly growAfter: number;
  /** True from when it grew until the server has answered so much. */
  readonly tried: boolean;
}

const spans = new WeakMap<Rpc, Span>();

/**
 * The events of some blocks, oldest first, in as many requests as the server's limits make it: what it refuses is asked for
 * in smaller parts, and the size that it took is remembered, to grow again while nothing is refused. Throws CHAIN_LOG_LIMIT if one block alone is too much for it, or if
 * it would take more than 1,000 requests or 100,000 events.
 */
export async function logsOf(rpc: Rpc, filter: LogFilter, range: BlockRange): Promise<Log[]> {
  const { from, to, signal } = range;
  const found: Log[] = [];
  for (let at = from; at <= to; ) {
    const known = spans.get(rpc);
    const end = least(at + (known?.blocks ?? to - from + 1n) - 1n, to);
    const got = await part(rpc, filter, { from: at, to: end, signal });
    if (Array.isArray(got)) {
      for (const log of got) found.push(log);
      const blocks = end - at + 1n;
      if (found.length > MAX_EVENTS) throw limited(rpc, blocks, `more than ${MAX_EVENTS} events`);
      at = end + 1n;
      // Another question may have learnt more meanwhile.
      const now = spans.get(rpc);
      if (now !== undefined && blocks >= now.blocks) spans.set(rpc, answered(now));
      continue;
    }
    if (end === at) throw limited(rpc, 0n, `no events of block ${at}`);
    const span = refused(known, smaller(got, at, end));
    spans.set(rpc, span);
    if ((to - from) / span.blocks >= MAX_PARTS)
      throw limited(rpc, span.blocks, `events of only ${span.blocks} blocks at once`);
  }
  return found;
}

/** A span after an answer to the whole of it. */
function answered(span: Span): Span {
  const count = span.answered + 1;
  if (count < span.growAfter || span.blocks >= MOST_BLOCKS)
    return { ...span, answered: count, tried: false };
  return { ...span, blocks: least(2n * span.blocks, MOST_BLOCKS), answered: 0, tried: true };
}

/** A span after a refusal, of which `blocks` may be taken: one refused when it had just grown is tried half as often. */
function refused(span: Span | undefined, blocks: bigint): Span {
  const { growAfter = GROW_AFTER, tried = false } = span ?? {};
  const patience = Math.min(tried ? 2 * growAfter : growAfter, MOST_GROW_AFTER);
  return { blocks, answered: 0, growAfter: patience, tried: false };
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
