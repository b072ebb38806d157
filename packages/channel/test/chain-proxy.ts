import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { seededRandom } from "@tabcast/runtime";

/** One JSON-RPC call, as a client asked for it. */
export interface Asked {
  readonly method: string;
  readonly params: readonly unknown[];
}

/** What comes back: JSON-RPC's own answers, a whole HTTP response, a closed connection, or nothing at all. */
export type Answer =
  | { readonly result: unknown }
  | {
      readonly error: { readonly code: number; readonly message: string; readonly data?: unknown };
    }
  | {
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body: string | AsyncIterable<string>;
    }
  | "hang up"
  | "silence";

/** Asks the chain behind the proxy itself, past all faults. Throws an Error with the chain's own words. */
export type Behind = <T>(method: string, ...params: readonly unknown[]) => Promise<T>;

/**
 * One way in which a server or a chain differs from anvil. Answers by itself, or hands the call on to `next`, changed or
 * not, and may change what comes back.
 */
export type Fault = (
  asked: Asked,
  next: (asked: Asked) => Promise<Answer>,
  behind: Behind,
) => Answer | Promise<Answer>;

export interface ChainProxy {
  readonly rpc: string;
  /** What clients have asked for so far, by method. */
  readonly asked: ReadonlyMap<string, number>;
  /** Asks the chain itself, past all faults. */
  readonly behind: Behind;
  /** Plays a fault from now on, before those that play already; the returned function ends it. */
  play(fault: Fault): () => void;
  /** Ends every fault. */
  calm(): void;
  close(): Promise<void>;
}

/** A JSON-RPC server on a free loopback port in front of another, which plays faults. Batches are answered one by one. */
export async function chainProxy(
  target: string,
  faults: readonly Fault[] = [],
): Promise<ChainProxy> {
  const counts = new Map<string, number>();
  let playing = [...faults];
  const behind = direct(target);

  async function answer(body: unknown): Promise<Answer> {
    const { method, params = [] } = body as { method: string; params?: unknown[] };
    counts.set(method, (counts.get(method) ?? 0) + 1);
    const whole = playing.reduceRight<(asked: Asked) => Promise<Answer>>(
      (next, fault) => async (asked) => fault(asked, next, behind),
      (asked) => forward(target, asked),
    );
    return whole({ method, params });
  }

  const server = createServer((incoming, outgoing) => {
    void serve(incoming, outgoing, answer).catch(() => outgoing.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    rpc: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: counts,
    behind,
    play(fault) {
      playing = [fault, ...playing];
      return () => {
        playing = playing.filter((one) => one !== fault);
      };
    },
    calm() {
      playing = [];
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const CORS = {
  "access-control-allow-origin": "*",
  "access-control-allow-headers": "*",
  "access-control-expose-headers": "*",
};

async function serve(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  answer: (body: unknown) => Promise<Answer>,
): Promise<void> {
  if (incoming.method === "OPTIONS") return void outgoing.writeHead(204, CORS).end();
  let text = "";
  for await (const part of incoming) text += part;
  const body: unknown = JSON.parse(text);
  const bodies = Array.isArray(body) ? body : [body];
  const answers: unknown[] = [];
  for (const one of bodies) {
    const got = await answer(one);
    if (got === "silence") return;
    if (got === "hang up") return void incoming.socket.destroy();
    if ("status" in got) return whole(outgoing, got);
    answers.push({ jsonrpc: "2.0", id: (one as { id: unknown }).id, ...got });
  }
  outgoing
    .writeHead(200, { "content-type": "application/json", ...CORS })
    .end(JSON.stringify(Array.isArray(body) ? answers : answers[0]));
}

/** Sends a whole HTTP response, as slowly as its reader takes it. */
async function whole(
  outgoing: ServerResponse,
  { status, headers, body }: Extract<Answer, { status: number }>,
): Promise<void> {
  outgoing.writeHead(status, { ...CORS, ...headers });
  if (typeof body === "string") return void outgoing.end(body);
  for await (const part of body) {
    if (outgoing.destroyed) return;
    if (outgoing.write(part)) continue;
    await new Promise<void>((resolve) => {
      const go = () => {
        outgoing.off("drain", go).off("close", go);
        resolve();
      };
      outgoing.once("drain", go).once("close", go);
    });
  }
  outgoing.end();
}

async function forward(target: string, { method, params }: Asked): Promise<Answer> {
  const response = await fetch(target, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
  });
  const { result, error } = (await response.json()) as {
    result?: unknown;
    error?: { code: number; message: string };
  };
  return error === undefined ? { result } : { error };
}

function direct(target: string): Behind {
  return async <T>(method: string, ...params: readonly unknown[]) => {
    const got = await forward(target, { method, params });
    if (typeof got === "string" || !("result" in got)) {
      const why = typeof got === "object" && "error" in got ? got.error.message : String(got);
      throw new Error(`${method}: ${why}`);
    }
    return got.result as T;
  };
}

/** A fault of the named methods alone. */
export function only(methods: readonly string[], fault: Fault): Fault {
  return (asked, next, behind) =>
    methods.includes(asked.method) ? fault(asked, next, behind) : next(asked);
}

/** A fault of the first `count` calls that reach it. */
export function times(count: number, fault: Fault): Fault {
  let left = count;
  return (asked, next, behind) => (left-- > 0 ? fault(asked, next, behind) : next(asked));
}

/**
 * A fault of a share of the calls, 0 to 1, chosen by a seed: the n-th call of a method meets the same fate in every run
 * with that seed, whatever other methods are asked in between.
 */
export function sometimes({ seed, share }: { seed: number; share: number }, fault: Fault): Fault {
  const counts = new Map<string, number>();
  return (asked, next, behind) => {
    const nth = counts.get(asked.method) ?? 0;
    counts.set(asked.method, nth + 1);
    const hit = seededRandom(seed, `${asked.method} ${nth}`).fraction() < share;
    return hit ? fault(asked, next, behind) : next(asked);
  };
}
