import type { Hex } from "../src/types.ts";
import type { Answer, Behind, Fault } from "./chain-proxy.ts";

/** A server that asks for a pause: HTTP 429. `retryAfter` in seconds, or as a date; missing: no header. */
export function busy({ retryAfter }: { retryAfter?: number | string } = {}): Fault {
  return () => ({
    status: 429,
    headers: {
      "content-type": "application/json",
      ...(retryAfter !== undefined && { "retry-after": String(retryAfter) }),
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: null,
      error: { code: -32005, message: "Too Many Requests: daily request count exceeded" },
    }),
  });
}

/** A request limit told with HTTP 200, as QuickNode and Alchemy's batches do. */
export function busyInside(): Fault {
  return () => ({
    error: { code: -32007, message: "15/second request limit reached - reduce calls per second" },
  });
}

/**
 * What servers say of too many blocks or events in one `eth_getLogs`, by the operator that words it so. Sources: messages
 * quoted in the issues and sources of indexers that are public on GitHub, read 2026-11-30.
 */
export const LOG_REFUSALS = {
  alchemy: (from, to) => ({
    code: -32602,
    message: `Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range and no limit on the response size, or you can request any block range with a cap of 10K logs in the response. Based on your parameters and the response size limit, this block range should work: [${hex(from)}, ${hex(to)}]`,
  }),
  alchemyFree: (from, to) => ({
    code: -32600,
    message: `Under the Free tier plan, you can make eth_getLogs requests with up to a 10 block range. Based on your parameters, this block range should work: [${hex(from)}, ${hex(to)}]. Upgrade to PAYG for expanded block range.`,
  }),
  infura: (from, to) => ({
    code: -32005,
    message: `query returned more than 10000 results. Try with this block range [${hex(from)}, ${hex(to)}].`,
    data: { from: hex(from), to: hex(to), limit: 10_000 },
  }),
  quicknode: () => ({ code: -32614, message: "eth_getLogs is limited to a 10,000 range" }),
  ankr: () => ({ code: -32600, message: "block range is too wide" }),
  publicnode: () => ({ code: -32701, message: "exceed maximum block range: 50000" }),
  drpc: () => ({ code: 35, message: "ranges over 10000 blocks are not supported on freetier" }),
  reth: () => ({ code: -32602, message: "query exceeds max block range 100000" }),
  rethResults: (from, to) => ({
    code: -32602,
    message: `query exceeds max results 20000, retry with the range ${from}-${to}`,
  }),
  cloudflare: () => ({
    code: -32047,
    message: "Invalid eth_getLogs request. 'fromBlock'-'toBlock' range too large. Max range: 800",
  }),
  oneRpc: () => ({ code: -32602, message: "eth_getLogs is limited to 0 - 50 blocks range" }),
  chainstack: () => ({ code: -32005, message: "Block range limit exceeded." }),
} satisfies Record<
  string,
  (from: bigint, to: bigint) => { code: number; message: string; data?: unknown }
>;

/**
 * A server that refuses more than `blocks` blocks, or an answer of more than `results` events, in one `eth_getLogs`. A hint
 * in its words names a range that it would take by blocks alone. Told as HTTP `status`, default 200; Alchemy says 400.
 */
export function logLimits(options: {
  readonly by: keyof typeof LOG_REFUSALS;
  readonly blocks?: number;
  readonly results?: number;
  readonly status?: number;
}): Fault {
  const { by, blocks = Number.POSITIVE_INFINITY, results = Number.POSITIVE_INFINITY } = options;
  const refuse = (from: bigint, to: bigint): Answer => {
    const error = LOG_REFUSALS[by](from, to);
    const { status = 200 } = options;
    if (status === 200) return { error };
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, error });
    return { status, headers: { "content-type": "application/json" }, body };
  };
  return async (asked, next, behind) => {
    if (asked.method !== "eth_getLogs") return next(asked);
    const { fromBlock, toBlock } = asked.params[0] as { fromBlock: string; toBlock: string };
    const [from, to] = [await blockOf(fromBlock, behind), await blockOf(toBlock, behind)];
    const fits = Number.isFinite(blocks) ? from + BigInt(blocks) - 1n : (from + to) / 2n;
    if (Number(to - from) + 1 > blocks) return refuse(from, fits);
    const got = await next(asked);
    const many = typeof got === "object" && "result" in got && (got.result as []).length > results;
    return many ? refuse(from, (from + to) / 2n) : got;
  };
}

/** An L2's only sequencer, which can stop: no block is made, and then the clock jumps. */
export interface Sequencer {
  readonly fault: Fault;
  /** From now on no block is made, and the pending block is the latest. */
  stop(): Promise<void>;
  /** The chain goes on `seconds` later by its own clock, with what waited. */
  go(seconds: number): Promise<void>;
}

/** `refuses`: while it stands, transactions are refused instead of kept until it goes on. */
export function sequencer(behind: Behind, { refuses = false } = {}): Sequencer {
  let stopped = false;
  return {
    async fault(asked, next) {
      if (!stopped) return next(asked);
      if (refuses && asked.method === "eth_sendRawTransaction")
        return {
          status: 503,
          headers: { "content-type": "application/json" },
          body: JSON.stringify({
            jsonrpc: "2.0",
            id: 1,
            error: {
              code: -32011,
              message: "no backend is currently healthy to serve traffic",
            },
          }),
        };
      // Nonces go on counting what waits.
      if (asked.method === "eth_getTransactionCount") return next(asked);
      return next({ ...asked, params: asked.params.map((p) => (p === "pending" ? "latest" : p)) });
    },
    async stop() {
      stopped = true;
      await behind("evm_setAutomine", false);
    },
    async go(seconds) {
      await behind("evm_increaseTime", seconds);
      await behind("evm_setAutomine", true);
      await behind("evm_mine");
      stopped = false;
    },
  };
}

/** Undoes the newest `depth` blocks and puts as many empty ones in their place; what was in them is forgotten. */
export async function reorganise(behind: Behind, depth: number): Promise<void> {
  await behind("anvil_reorg", depth, []);
  await behind("anvil_dropAllTransactions");
}

/** A server that says it is on another chain. */
export function wrongChain(id: number): Fault {
  return ({ method, ...asked }, next) =>
    method === "eth_chainId"
      ? { result: hex(BigInt(id)) }
      : method === "net_version"
        ? { result: String(id) }
        : next({ method, ...asked });
}

/** A server that shows the chain as it was `blocks` blocks ago: head, state, receipts and nonces. */
export function oldState(blocks: number): Fault {
  return async (asked, next, behind) => {
    const head = BigInt(await behind<Hex>("eth_blockNumber"));
    const last = head > BigInt(blocks) ? head - BigInt(blocks) : 0n;
    if (asked.method === "eth_blockNumber") return { result: hex(last) };
    if (
      asked.method === "eth_getTransactionReceipt" ||
      asked.method === "eth_getTransactionByHash"
    ) {
      const got = await next(asked);
      const at = typeof got === "object" && "result" in got && blockIn(got.result);
      return at && BigInt(at) > last ? { result: null } : got;
    }
    const old = (p: unknown) => (p === "latest" || p === "pending" ? hex(last) : p);
    return next({ ...asked, params: asked.params.map(old) });
  };
}

const blockIn = (result: unknown) =>
  (result as { blockNumber?: Hex | null } | null)?.blockNumber ?? undefined;

/** What a forged receipt claims. */
export interface Forgery {
  /** Default "0x1", success. */
  readonly status?: Hex;
  /** The events it shows. */
  readonly logs?: readonly unknown[];
  /** Whose transaction it is about. Default: the one that was asked for. */
  readonly hash?: Hex;
  /** Default: the newest block's. */
  readonly block?: { readonly number: Hex; readonly hash: Hex };
}

/** A server that shows a receipt for every transaction, whether a block has it or not. */
export function forgedReceipts({ status = "0x1", logs = [], hash, block }: Forgery = {}): Fault {
  return async (asked, next, behind) => {
    if (asked.method !== "eth_getTransactionReceipt") return next(asked);
    const head =
      block ?? (await behind<{ number: Hex; hash: Hex }>("eth_getBlockByNumber", "latest", false));
    return {
      result: {
        transactionHash: hash ?? asked.params[0],
        transactionIndex: "0x0",
        blockHash: head.hash,
        blockNumber: head.number,
        from: `0x${"11".repeat(20)}`,
        to: `0x${"22".repeat(20)}`,
        status,
        type: "0x2",
        cumulativeGasUsed: "0x5208",
        gasUsed: "0x5208",
        effectiveGasPrice: "0x1",
        contractAddress: null,
        logsBloom: `0x${"00".repeat(256)}`,
        logs,
      },
    };
  };
}

/** Answers that are no answer, by what is wrong with them. */
export const GARBAGE: Readonly<Record<string, Answer>> = {
  "a web page": {
    status: 200,
    headers: { "content-type": "text/html" },
    body: "<!doctype html><title>Sign in to the hotel's network</title>",
  },
  "half of a JSON text": json('{"jsonrpc":"2.0","id":1,"result":"0x7a'),
  "an empty body": json(""),
  "a JSON text that is null": json("null"),
  "a JSON list": json("[]"),
  "neither a result nor an error": json('{"jsonrpc":"2.0","id":1}'),
  "a result of null": { result: null },
  "a number that is none": { result: "0xzz" },
  "an object with nothing in it": { result: {} },
  "a list with nothing in it": { result: [] },
  "a number beyond 256 bits": { result: `0x${"f".repeat(100)}` },
  "an error without words": { error: { code: 0, message: "" } },
  "an error that is a text": json('{"jsonrpc":"2.0","id":1,"error":"no"}'),
};

function json(body: string): Answer {
  return { status: 200, headers: { "content-type": "application/json" }, body };
}

/** A server that answers one of GARBAGE. */
export function garbage(kind: keyof typeof GARBAGE): Fault {
  const answer = GARBAGE[kind];
  if (!answer) throw new RangeError(`there is no garbage called ${kind}`);
  return () => answer;
}

/** A server whose answer has no end. `sent()`: bytes that it got rid of so far. */
export function endless(): { readonly fault: Fault; sent(): number } {
  let bytes = 0;
  async function* body() {
    yield '{"jsonrpc":"2.0","id":1,"result":"0x';
    const part = "0".repeat(65_536);
    for (;;) {
      yield part;
      bytes += part.length;
    }
  }
  return {
    fault: () => ({
      status: 200,
      headers: { "content-type": "application/json" },
      body: body(),
    }),
    sent: () => bytes,
  };
}

/** A server that takes a question and never says anything. */
export const silent: Fault = () => "silence";

/** A server that begins its answer at once and never ends it, a space every 20 ms. */
export const dripping: Fault = () => ({
  status: 200,
  headers: { "content-type": "application/json" },
  body: spaces(),
});

async function* spaces() {
  for (;;) {
    yield " ";
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A server that closes the connection. */
export const hangsUp: Fault = () => "hang up";

/** A server that does what is asked and closes the connection before it answers. */
export const losesAnswers: Fault = async (asked, next): Promise<Answer> => {
  await next(asked);
  return "hang up";
};

const hex = (value: bigint): Hex => `0x${value.toString(16)}`;

async function blockOf(tag: string, behind: Behind): Promise<bigint> {
  if (tag.startsWith("0x")) return BigInt(tag);
  if (tag === "earliest") return 0n;
  return BigInt(await behind<Hex>("eth_blockNumber"));
}
