import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { type IncomingHttpHeaders, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CodedError } from "@tabcast/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { maxPiece, type PageServer, type Recorded, servePages } from "./server.ts";

const config = {
  relays: ["/ip4/127.0.0.1/tcp/9001/ws/p2p/x"],
  iceServers: [],
  local: true,
  chain: { id: 31337, rpc: "http://127.0.0.1:8545", contract: `0x${"11".repeat(20)}` as const },
};
const token = "0123456789abcdef0123456789abcdef";
let folder: string;
let server: PageServer;
const pieces: Recorded[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tabcast-pages-"));
  const pages = join(folder, "dist");
  await mkdir(join(pages, "assets"), { recursive: true });
  await writeFile(join(pages, "index.html"), "<title>index</title>");
  await writeFile(join(pages, "assets", "a-1.js"), "export {};");
  await writeFile(join(folder, "secret.txt"), "secret");
  const headless = join(folder, "headless");
  await mkdir(join(headless, "assets"), { recursive: true });
  await writeFile(join(headless, "headless.html"), "<title>headless</title>");
  await writeFile(join(headless, "assets", "b-1.js"), "export {};");
  server = await servePages({
    pages,
    headless,
    port: 0,
    config: () => config,
    faucet: async (address) => {
      if (address === "no") throw new CodedError({ code: "FAUCET_REFUSED" }, "enough");
      return { sent: "1" };
    },
    record: async (piece) => {
      pieces.push(piece);
      return piece.token === token;
    },
  });
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

/** A request whose path and headers are sent exactly as given; fetch would tidy them. */
function raw(path: string, headers: Record<string, string> = {}, method = "GET", body?: Buffer) {
  return new Promise<{
    status: number;
    text: string;
    type: string | undefined;
    headers: IncomingHttpHeaders;
  }>((resolve, reject) => {
    const asked = request(
      { port: server.port, host: "127.0.0.1", path, method, headers },
      (response) => {
        let text = "";
        response.on("data", (chunk) => {
          text += chunk;
        });
        response.once("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            text,
            type: response.headers["content-type"],
            headers: response.headers,
          }),
        );
      },
    );
    asked.once("error", reject);
    asked.end(body);
  });
}

test("every page's address gives index.html, a script its own type, and a missing script 404", async () => {
  for (const path of ["/", "/watch", "/watch/abc", "/earn?x=1"])
    expect(await raw(path)).toMatchObject({ status: 200, text: "<title>index</title>" });
  expect(await raw("/assets/a-1.js")).toMatchObject({
    status: 200,
    type: "text/javascript; charset=utf-8",
  });
  expect((await raw("/assets/gone.js")).status).toBe(404);
});

test.each([
  "/../secret.txt",
  "/%2e%2e/secret.txt",
  "/..%2fsecret.txt",
  "/assets/..%5c..%5c../secret.txt",
])("%s does not leave the pages' folder", async (path) => {
  const { status, text } = await raw(path);
  expect(status).toBe(404);
  expect(text).not.toContain("secret\n");
});

test("a path that is no text is refused and the server lives on", async () => {
  expect((await raw("/%ff")).status).toBe(400);
  expect((await raw("/")).status).toBe(200);
});

test("a foreign name for this machine is refused", async () => {
  expect((await raw("/tabcast.json", { host: "evil.example" })).status).toBe(421);
  expect(JSON.parse((await raw("/tabcast.json")).text)).toEqual(config);
});

test("the headless page and its scripts come from their own folder, and the pages have neither", async () => {
  expect(await raw("/headless.html")).toMatchObject({
    status: 200,
    text: "<title>headless</title>",
  });
  expect((await raw("/headless/assets/b-1.js")).status).toBe(200);
  expect((await raw("/assets/b-1.js")).status).toBe(404);
  expect((await raw("/headless/../../secret.txt")).status).toBe(404);
  expect((await raw("/headless/%2e%2e/secret.txt")).status).toBe(404);
});

test("every file comes with the network's rules for pages", async () => {
  for (const path of ["/", "/watch/abc", "/assets/a-1.js", "/headless.html"]) {
    const { headers } = await raw(path);
    expect(headers["content-security-policy"]).toContain(
      "connect-src 'self' ws://127.0.0.1:9001 http://127.0.0.1:8545;",
    );
    expect(headers).toMatchObject({
      "referrer-policy": "no-referrer",
      "cross-origin-opener-policy": "same-origin",
      "x-content-type-options": "nosniff",
    });
  }
});

test("localhost is led to the one origin that keeps a browser's identity and books", async () => {
  const host = `localhost:${server.port}`;
  const { status, headers } = await raw("/watch/abc?x=1", { host });
  expect(status).toBe(308);
  expect(headers.location).toBe(`${server.origin}/watch/abc?x=1`);
});

test.each([
  ["another site's form", { origin: "https://evil.example", "sec-fetch-site": "cross-site" }],
  ["a page of another port", { origin: "http://127.0.0.1:1", "sec-fetch-site": "same-site" }],
  ["a frame without an origin", { origin: "null" }],
  ["a browser that sends no origin", { "sec-fetch-site": "cross-site" }],
])("%s gets no play money, and records nothing", async (_, headers) => {
  const address = Buffer.from(JSON.stringify({ address: "yes" }));
  expect((await raw("/local/faucet", headers, "POST", address)).status).toBe(403);
  const before = pieces.length;
  const piece = `/local/record/${token}/720p/7/media`;
  expect((await raw(piece, headers, "PUT", Buffer.from([1]))).status).toBe(403);
  expect(pieces.length).toBe(before);
});

test("another site may link to a page, and may not read the network's description", async () => {
  const site = { "sec-fetch-site": "cross-site" };
  expect((await raw("/watch/abc", { ...site, "sec-fetch-mode": "navigate" })).status).toBe(200);
  expect((await raw("/tabcast.json", { ...site, "sec-fetch-mode": "cors" })).status).toBe(403);
});

test("the faucet says what it sent, what it refuses and what it does not understand", async () => {
  const ask = (body: string, method = "POST") =>
    fetch(`${server.origin}/local/faucet`, method === "POST" ? { method, body } : { method });
  expect((await ask(JSON.stringify({ address: "yes" }))).status).toBe(200);
  expect((await ask(JSON.stringify({ address: "no" }))).status).toBe(429);
  for (const body of ["", "{", "null", "[]", '{"address":7}', "x".repeat(5_000)])
    expect((await ask(body)).status).toBe(400);
  expect((await ask("", "GET")).status).toBe(405);
});

test("a recorded piece arrives whole, and only with the token and a plain name", async () => {
  const bytes = Buffer.from([1, 2, 3]);
  const put = (path: string) => raw(path, {}, "PUT", bytes);
  expect((await put(`/local/record/${token}/720p/7/media`)).status).toBe(204);
  expect(pieces.at(-1)).toEqual({ token, track: "720p", seq: 7, what: "media", bytes });
  expect((await put(`/local/record/${"0".repeat(32)}/720p/7/media`)).status).toBe(403);
  const before = pieces.length;
  for (const path of [
    `/local/record/${token}/..%2f..%2fx/7/media`,
    `/local/record/${token}/720p/-1/media`,
    `/local/record/${token}/720p/7/other`,
    "/local/record/short/720p/7/media",
  ])
    expect((await put(path)).status).toBe(404);
  expect(pieces.length).toBe(before);
});

test("a piece over the limit is refused by its announced size", async () => {
  const { status } = await raw(
    `/local/record/${token}/720p/7/media`,
    { "content-length": String(maxPiece + 1) },
    "PUT",
    Buffer.alloc(0),
  ).catch(() => ({ status: 0 }));
  expect([0, 413]).toContain(status);
});

test("a taken port is named", async () => {
  const again = servePages({
    pages: folder,
    headless: folder,
    port: server.port,
    config: () => undefined,
    record: async () => false,
  });
  await expect(again).rejects.toMatchObject({ reason: { code: "PORT_IN_USE", port: server.port } });
});
