import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Chain, memory, openPot, Share, Wire } from "@tabcast/channel";
import { type Anvil, anvil } from "@tabcast/channel/testing";
import { libp2p } from "@tabcast/mesh";
import { createRelay, type Relay } from "@tabcast/mesh/relay";
import { Delegate, DelegateReply, PROTOCOLS, peersWire, TOPICS } from "@tabcast/protocol";
import { type Amount, fromHex } from "@tabcast/runtime";
import { privateKeyToAccount } from "viem/accounts";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";

const main = fileURLToPath(new URL("./main.ts", import.meta.url));
const signal = AbortSignal.timeout(300_000);
let dir: string;
let net: Anvil;
let relay: Relay;
let pages: Server;
let network: string;
let started: ChildProcess[] = [];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "tabcast-watchtower-test-"));
  net = await anvil();
  const listen = ["/ip4/127.0.0.1/tcp/0/ws"];
  const options = { listen, topics: TOPICS, wire: peersWire };
  relay = await createRelay({ directory: join(dir, "relay"), ...options });
  pages = createServer((_, response) => {
    const { chainId: id, contract } = net.domain;
    const config = { relays: relay.addrs, local: true, chain: { id, rpc: net.rpc, contract } };
    response.end(JSON.stringify(config));
  });
  await new Promise<void>((resolve) => pages.listen(0, "127.0.0.1", resolve));
  network = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
}, 60_000);
afterAll(async () => {
  pages.close();
  await relay.close();
  await net.close();
  await rm(dir, { recursive: true, force: true });
});
let books: string;
let folders = 0;
beforeEach(() => {
  books = join(dir, `${++folders}`);
});
afterEach(() => {
  for (const child of started) if (child.exitCode === null) child.kill("SIGKILL");
  started = [];
});

/** A watchtower, and the lines that it says. */
function start(...args: string[]) {
  const child = spawn(
    process.execPath,
    [
      "--disable-warning=ExperimentalWarning",
      main,
      "--json",
      "--network",
      network,
      "--dir",
      books,
      ...args,
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  started.push(child);
  const said: Record<string, string | number>[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => said.push(JSON.parse(line)));
  const errors: string[] = [];
  child.stderr.setEncoding("utf8").on("data", (text) => errors.push(text));
  const hears = (event: string) =>
    expect
      .poll(() => said.find((one) => one.event === event), {
        timeout: 60_000,
        message: `${event}: ${JSON.stringify(said)} ${errors.join("")}`,
      })
      .toBeDefined()
      .then(() => said.find((one) => one.event === event) ?? {});
  return {
    child,
    errors,
    hears,
    said,
    async stop() {
      child.kill("SIGINT");
      const [code] = await once(child, "exit");
      return code;
    },
  };
}

/** Leaves five percent to whoever claims for it. */
const lane = Share.laneOf(5, 7);

/** A worker that hands its voucher to the peer, as node does, and is gone. */
async function delegate(peer: string, payee: `0x${string}`, amount: bigint) {
  const pot = await openPot({
    domain: net.domain,
    rpc: net.rpc,
    payer: net.accounts[0],
    deposit: (10n ** 16n) as Amount,
    challengePeriod: 900,
    store: memory(),
    signal,
  });
  const voucher = await pot.pay({ payee, lane }, amount as Amount);
  const seed = crypto.getRandomValues(new Uint8Array(32));
  const mesh = await libp2p({
    seed,
    relays: relay.addrs,
    iceServers: [],
    local: true,
    wire: peersWire,
  });
  await expect
    .poll(() => mesh.neighbours().map((one) => one.peer), { timeout: 60_000 })
    .toContain(peer);
  const head = Delegate.encode({
    pot: Wire.fromPot(pot.domain, pot.config),
    payee: fromHex(payee.slice(2)),
    voucher: Wire.fromVoucher(voucher),
  });
  const message = { head, body: new Uint8Array(0) };
  const replies: DelegateReply[] = [];
  for await (const part of mesh.request(peer, PROTOCOLS.delegate, message, { signal }))
    replies.push(DelegateReply.decode(part.head));
  await mesh.close();
  return { pot, reply: replies[0] };
}

test("a watchtower joins the network, keeps a worker's voucher over a restart, and claims it when the pot closes", async () => {
  const keyFile = join(dir, "funded.key");
  await writeFile(keyFile, "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a\n");
  const payee = privateKeyToAccount(`0x${"77".repeat(32)}`).address;
  const first = start("--key-file", keyFile);
  expect(await first.hears("watching")).toMatchObject({ address: net.accounts[2].address });
  const { peer } = await first.hears("joining");
  const worth = 4n * 10n ** 15n;
  const { pot, reply } = await delegate(String(peer), payee, worth);
  expect(reply).toEqual({ ok: true, why: "" });
  expect(await first.hears("kept")).toEqual({ event: "kept", payee, lane, total: "0.004" });
  expect(await first.stop()).toBe(0);
  expect(first.said.at(-1)).toEqual({ event: "stopped" });
  expect(first.errors).toEqual([]);

  const chain = await Chain.connect({ ...net, signal });
  await chain.startClose(net.accounts[0], pot.config, { signal });
  await net.warp(460);
  const second = start("--key-file", keyFile);
  expect(await second.hears("watching")).toMatchObject({ kept: 1 });
  expect(await second.hears("joining")).toMatchObject({ peer: String(peer) });
  expect(await second.hears("claimed")).toEqual({ event: "claimed", payee, paid: "0.0038" });
  expect(await second.hears("earned")).toEqual({ event: "earned", share: "0.0002" });
  expect(Number((await second.hears("spent")).gas)).toBeGreaterThan(0);
  expect(await chain.credit(payee, { signal })).toBe((worth * 95n) / 100n);
  expect(await second.stop()).toBe(0);
  await pot.close();
}, 180_000);

test("a watchtower without gas says whom to fund, and keeps nothing", async () => {
  const tower = start();
  const { address } = await tower.hears("watching");
  const { peer } = await tower.hears("joining");
  const { pot, reply } = await delegate(String(peer), net.accounts[1].address, 4n * 10n ** 15n);
  expect(reply).toMatchObject({ ok: false, why: expect.stringContaining(String(address)) });
  expect((await stat(join(books, "gas.key"))).mode & 0o777).toBe(0o600);
  expect(await readFile(join(books, "gas.key"), "utf8")).toMatch(/^0x[0-9a-f]{64}\n$/);
  expect(await tower.stop()).toBe(0);
  await pot.close();
}, 120_000);

/** Runs to the end: the exit code and what was said to the person. */
async function refused(...args: string[]) {
  const { child, errors } = start(...args);
  const [code] = await once(child, "close");
  return { code, said: errors.join("") };
}

test("a command line, a key or a network that makes no sense is refused in one line", async () => {
  expect(await refused("--rpc", "localhost")).toEqual({
    code: 1,
    said: "tabcast-watchtower: --rpc must be an http or https address, got localhost\n",
  });
  expect(await refused("--beneficiary", "me")).toEqual({
    code: 1,
    said: "tabcast-watchtower: --beneficiary must be an address, 0x and 40 hexadecimal digits, got me\n",
  });
  const bad = join(dir, "bad.key");
  await writeFile(bad, "0x1234");
  expect(await refused("--key-file", bad)).toEqual({
    code: 1,
    said: `tabcast-watchtower: ${bad} must hold a private key of 64 hexadecimal digits\n`,
  });
  const { code, said } = await refused("--network", "http://127.0.0.1:1");
  expect(code).toBe(1);
  expect(said).toMatch(
    /^tabcast-watchtower: no network at http:\/\/127.0.0.1:1\/tabcast.json .+\n$/,
  );
  const elsewhere = await refused("--rpc", "http://127.0.0.1:1");
  expect(elsewhere.code).toBe(1);
  expect(elsewhere.said).toMatch(/^tabcast-watchtower: .*127.0.0.1:1.*\n$/);
}, 120_000);
