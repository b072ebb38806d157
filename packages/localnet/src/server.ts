import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize, sep } from "node:path";
import type { NetworkConfig } from "@tabcast/node/config";
import { pageHeaders } from "@tabcast/node/page-headers";
import { type Bytes, CodedError, describe } from "@tabcast/runtime";

/** The pages' port cannot be had. Do: give another with --port. */
export class ServerError extends CodedError<{ code: "PORT_IN_USE"; port: number }> {}

/** One recorded piece of a broadcast, from its page. */
export interface Recorded {
  readonly token: string;
  readonly track: string;
  readonly seq: number;
  readonly what: "init" | "media";
  readonly bytes: Buffer;
}

export interface ServerOptions {
  /** The built pages. */
  readonly pages: string;
  /** The built headless page. */
  readonly headless: string;
  /** Serves the pages that people open from their sources; the headless page stays the built one. Default: all are built. */
  readonly live?: (server: Server) => Promise<LivePages>;
  /** Port on 127.0.0.1; 0 takes a free one. Throws PORT_IN_USE. */
  readonly port: number;
  /** What /tabcast.json holds, asked anew each time; undefined answers 503. */
  readonly config: () => NetworkConfig | undefined;
  /** Answers POST /local/faucet; a CodedError becomes 429. Absent: 404. */
  readonly faucet?: (address: string) => Promise<object>;
  /** Takes PUT /local/record/...; false refuses it. */
  readonly record: (piece: Recorded) => Promise<boolean>;
}

/** Pages served from their sources. */
export interface LivePages {
  serve(request: IncomingMessage, response: ServerResponse): void;
  close(): Promise<void>;
}

/** The pages, and the few questions that only the local machine answers. */
export interface PageServer {
  readonly port: number;
  /** Without a slash at the end. */
  readonly origin: string;
  /** Ends open connections too. May be called twice. */
  close(): Promise<void>;
}

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".wasm": "application/wasm",
  ".txt": "text/plain; charset=utf-8",
};

/** Largest recorded piece, in bytes: ten seconds at 25 Mbit/s. */
export const maxPiece = (32 * 1024 * 1024) as Bytes;
const maxQuestion = 1_024 as Bytes;
/** The headless page and what it is made of, which lie in a folder of their own. */
const headlessPath = /^\/headless(?:\.html$|\/)/;
const piecePath =
  /^\/local\/record\/([0-9a-f]{32})\/([A-Za-z0-9@_-]{1,40})\/(\d{1,9})\/(init|media)$/;

/** The body, or undefined if it is larger than `most` bytes; the rest is not read. */
async function body(request: IncomingMessage, most: Bytes): Promise<Buffer | undefined> {
  if (Number(request.headers["content-length"] ?? 0) > most) return undefined;
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.byteLength;
    if (size > most) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** Serves the pages on 127.0.0.1 only. */
export async function servePages(options: ServerOptions): Promise<PageServer> {
  let live: LivePages | undefined;
  const server = createServer((request, response) => {
    serve(options, live, request, response).catch((error) => {
      if (response.headersSent) response.destroy();
      else answer(response, error instanceof URIError ? 400 : 500, { error: describe(error) });
    });
  });
  const port = await listen(server, options.port);
  try {
    live = await options.live?.(server);
  } catch (error) {
    server.close();
    throw error;
  }
  let closing: Promise<void> | undefined;
  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    close() {
      closing ??= (async () => {
        await live?.close();
        await new Promise<void>((resolve) => {
          server.close(() => resolve());
          server.closeAllConnections();
        });
      })();
      return closing;
    },
  };
}

/** Throws PORT_IN_USE. */
function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(
        error.code === "EADDRINUSE"
          ? new ServerError(
              { code: "PORT_IN_USE", port },
              `port ${port} is in use; give another with --port`,
              { cause: error },
            )
          : error,
      ),
    );
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () =>
      resolve((server.address() as AddressInfo).port),
    );
  });
}

function answer(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
  response.end(JSON.stringify(value));
}

async function serve(
  options: ServerOptions,
  live: LivePages | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  // A name that some other site points at 127.0.0.1 must not reach the faucet or the recorder.
  const [, host, port = ""] = /^(.*?)(:\d+)?$/.exec(request.headers.host ?? "") ?? [];
  if (host !== "127.0.0.1" && host !== "localhost")
    return answer(response, 421, { error: "this server answers for 127.0.0.1 only" });
  const path = decodeURIComponent(new URL(request.url ?? "/", "http://127.0.0.1").pathname);
  // One origin: what a browser keeps is kept by origin, and the chain answers pages of this one.
  if (host === "localhost" && request.method === "GET") {
    response.writeHead(308, { location: `http://127.0.0.1${port}${request.url}` }).end();
    return;
  }
  if (isForeign(request))
    return answer(response, 403, { error: "this server answers its own pages only" });
  if (request.method === "GET" && path === "/tabcast.json") {
    const value = options.config();
    return value === undefined
      ? answer(response, 503, { error: "the network is starting" })
      : answer(response, 200, value);
  }
  if (path === "/local/faucet" && options.faucet !== undefined)
    return askFaucet(options.faucet, request, response);
  const piece = piecePath.exec(path);
  if (piece !== null && request.method === "PUT")
    return takePiece(options.record, piece, request, response);
  if (path.startsWith("/local/")) return answer(response, 404, { error: "not found" });
  if (request.method !== "GET" && request.method !== "HEAD")
    return answer(response, 405, { error: "GET only" });
  if (live !== undefined && !headlessPath.test(path)) return live.serve(request, response);
  const headers = pageHeaders(options.config());
  if (headlessPath.test(path))
    return file(options.headless, path.replace(/^\/headless\//, "/"), { response, headers });
  await file(options.pages, path, { response, headers });
}

/** True where a browser says that a page of another site asks for more than to show one of ours. */
function isForeign({ headers, method }: IncomingMessage): boolean {
  const { origin, host } = headers;
  const site = headers["sec-fetch-site"];
  if (origin !== undefined && origin !== `http://${host}`) return true;
  const asksToAct = method !== "GET" || headers["sec-fetch-mode"] !== "navigate";
  return asksToAct && (site === "cross-site" || site === "same-site");
}

async function askFaucet(
  faucet: NonNullable<ServerOptions["faucet"]>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method !== "POST") return answer(response, 405, { error: "POST {address}" });
  const text = await body(request, maxQuestion);
  let address: unknown;
  try {
    address = (JSON.parse(String(text)) as { address?: unknown } | null)?.address;
  } catch {
    // Falls to the check below.
  }
  if (typeof address !== "string") return answer(response, 400, { error: "POST {address}" });
  try {
    return answer(response, 200, await faucet(address));
  } catch (error) {
    return answer(response, error instanceof CodedError ? 429 : 502, { error: describe(error) });
  }
}

async function takePiece(
  record: ServerOptions["record"],
  [, token = "", track = "", seq = "", what]: RegExpExecArray,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const bytes = await body(request, maxPiece);
  if (bytes === undefined) return answer(response, 413, { error: `more than ${maxPiece} bytes` });
  const taken = await record({
    token,
    track,
    seq: Number(seq),
    what: what === "init" ? "init" : "media",
    bytes,
  });
  if (!taken) return answer(response, 403, { error: "not the recording of now" });
  response.writeHead(204).end();
}

/** A file of the built pages in a folder. */
async function file(
  pages: string,
  path: string,
  { response, headers }: { response: ServerResponse; headers: Readonly<Record<string, string>> },
): Promise<void> {
  let name = normalize(join(pages, path));
  const inside = name === pages || name.startsWith(pages + sep);
  let found = inside ? await stat(name).catch(() => undefined) : undefined;
  if (!found?.isFile()) {
    // The pages' own addresses (/watch, /earn, ...) are all index.html; a missing script is really missing.
    if (!inside || extname(path) !== "") return answer(response, 404, { error: "not found" });
    name = join(pages, "index.html");
    found = await stat(name).catch(() => undefined);
    if (!found?.isFile()) return answer(response, 404, { error: "the pages are not built" });
  }
  response.writeHead(200, {
    "content-type": types[extname(name)] ?? "application/octet-stream",
    "content-length": found.size,
    // Vite puts a hash of the content into the names under assets.
    "cache-control": path.startsWith("/assets/")
      ? "public, max-age=31536000, immutable"
      : "no-cache",
    ...headers,
  });
  createReadStream(name)
    .once("error", () => response.destroy())
    .pipe(response);
}
