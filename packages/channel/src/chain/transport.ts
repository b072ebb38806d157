import type { Clock } from "@tabcast/runtime";
import { HttpRequestError, http, RpcRequestError, TimeoutError, type Transport } from "viem";
import { badAnswer, ChainError, causesOf, serverBusy } from "./chain-error.ts";
import { logLimit } from "./log-limit.ts";
import { fits } from "./shapes.ts";

export interface TransportOptions {
  /** JSON-RPC over HTTP. */
  readonly url: string;
  /** Milliseconds for one request, its whole answer included. */
  readonly timeout: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Most bytes of one answer: 5,000 blocks of a busy contract's events have some hundred thousand. */
const MAX_ANSWER = 8 * 1024 * 1024;
const TRIES = 3;
/** Longest pause between two tries, milliseconds. Who asks for more is told as CHAIN_BUSY at once. */
const MAX_PAUSE = 10_000;

/** What has the server or the line failed for now, in HTTP and in JSON-RPC. Sources: RFC 9110, EIP-1474, QuickNode. */
const PASSING_STATUS = new Set([403, 408, 425, 429, 500, 502, 503, 504]);
const PASSING_CODE = new Set([-1, 429, -32005, -32007, -32011, -32603]);
const BUSY_CODE = new Set([429, -32005, -32007]);

/**
 * One server's questions and answers, bounded: an answer's bytes and time, three tries, pauses as the server asks for them
 * up to 10 s. Throws CHAIN_BUSY and CHAIN_BAD_ANSWER; everything else as viem does.
 */
export function transport({ url, timeout, clock, signal }: TransportOptions): Transport {
  const plain = http(url, {
    timeout,
    retryCount: 0,
    maxResponseBodySize: MAX_ANSWER,
    fetchOptions: { signal },
  });
  return (parameters) => {
    const inner = plain(parameters);
    const request = async (
      args: { method: string; params?: unknown },
      options?: { retryCount?: number },
    ): Promise<unknown> => {
      const tries = options?.retryCount === 0 ? 1 : TRIES;
      for (let attempt = 1; ; attempt++) {
        try {
          const result = await inner.request(args as never, options as never);
          const params = Array.isArray(args.params) ? args.params : [];
          if (!fits(args.method, params, result)) throw badAnswer(url, args.method);
          return result;
        } catch (error) {
          signal.throwIfAborted();
          const trouble = read(error, attempt, clock);
          if (args.method === "eth_getLogs" && logLimit(error)) throw error;
          if (trouble.busy && (attempt === tries || trouble.pause > MAX_PAUSE))
            throw serverBusy(url, Math.ceil(trouble.pause / 1000), error);
          if (!trouble.passes || attempt >= tries) throw error;
          await clock.sleep(trouble.pause, { signal });
        }
      }
    };
    return { ...inner, request } as ReturnType<Transport>;
  };
}

/** Whether a failure may pass, whether the server only asks for a pause, and of how many milliseconds. */
function read(error: unknown, attempt: number, clock: Clock) {
  const usual = 150 * 2 ** (attempt - 1);
  // A garbled answer may be a proxy's on the way.
  if (error instanceof ChainError) return { passes: true, busy: false, pause: usual };
  const all = causesOf(error);
  const code = all
    .map((e) => ("code" in e ? e.code : undefined))
    .find((c) => typeof c === "number");
  const http = all.find((e) => e instanceof HttpRequestError || e instanceof RpcRequestError);
  const status = http?.status;
  const busy = status === 429 || (code !== undefined && BUSY_CODE.has(code as number));
  const passes =
    busy ||
    all.some((e) => e instanceof TimeoutError) ||
    (status === undefined
      ? code === undefined
        ? http instanceof HttpRequestError
        : PASSING_CODE.has(code as number) && !all.some(hasData)
      : PASSING_STATUS.has(status));
  return { passes, busy, pause: asked(http?.headers?.get("retry-after"), clock) ?? usual };
}

/** The contract's own words came with the failure: it is an answer. */
const hasData = (error: Error) => "data" in error && error.data !== undefined;

/** The milliseconds of a `Retry-After`: seconds, or a date. */
function asked(header: string | null | undefined, clock: Clock): number | undefined {
  if (!header) return undefined;
  const seconds = Number(header);
  if (Number.isFinite(seconds) && seconds >= 0) return seconds * 1000;
  const until = Date.parse(header);
  return Number.isNaN(until) ? undefined : Math.max(0, until - clock.unix());
}
