import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";

const main = fileURLToPath(new URL("./main.ts", import.meta.url));
let dir: string;
let started: ChildProcess[] = [];
const readers = new WeakMap<ChildProcess, AsyncIterator<string>>();

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "tabcast-relay-test-"));
});
afterEach(async () => {
  for (const child of started) if (child.exitCode === null) child.kill("SIGKILL");
  started = [];
  await rm(dir, { recursive: true, force: true });
});

function start(...args: string[]) {
  const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  started.push(child);
  return child;
}

/** Runs to the end: the exit code and what was said. */
async function finish(child: ChildProcess) {
  const [out, err]: [string[], string[]] = [[], []];
  child.stdout?.setEncoding("utf8").on("data", (text) => out.push(text));
  child.stderr?.setEncoding("utf8").on("data", (text) => err.push(text));
  const [code] = await once(child, "close");
  return { code, out: out.join(""), err: err.join("") };
}

/** Waits for a line of JSON that holds these values. One reader per child: a second one would miss what the first took. */
async function said(
  child: ChildProcess,
  wanted: Readonly<Record<string, unknown>>,
): Promise<Record<string, unknown>> {
  const { stdout } = child;
  if (stdout === null) throw new Error("no output");
  const lines = readers.get(child) ?? createInterface(stdout)[Symbol.asyncIterator]();
  readers.set(child, lines);
  while (true) {
    const { done, value } = await lines.next();
    if (done === true) throw new Error(`it ended before it said ${JSON.stringify(wanted)}`);
    const values = JSON.parse(value);
    if (Object.entries(wanted).every(([name, one]) => values[name] === one)) return values;
  }
}

/** Waits for the address it says it listens on. */
const listening = async (child: ChildProcess) =>
  String((await said(child, { event: "listening" })).addr);

async function stop(child: ChildProcess, signal: NodeJS.Signals) {
  const closed = once(child, "exit");
  child.kill(signal);
  expect(await closed).toEqual([0, null]);
}

test("a restarted relay is found at the same port under the same id", async () => {
  const first = start("--port", "0", "--dir", dir, "--json");
  const addr = await listening(first);
  expect(addr).toMatch(/^\/ip4\/127\.0\.0\.1\/tcp\/\d+\/ws\/p2p\/12D3Koo\w+$/);
  await stop(first, "SIGTERM");
  const port = addr.split("/")[4] ?? "";
  const second = start("--port", port, "--dir", dir, "--json");
  expect(await listening(second)).toBe(addr);
  await stop(second, "SIGINT");
  expect((await stat(join(dir, "relay.key"))).mode & 0o077).toBe(0);
}, 90_000);

test("two relays of a network find each other", async () => {
  const first = start("--port", "0", "--dir", join(dir, "a"), "--json");
  const addr = await listening(first);
  const second = start("--port", "0", "--dir", join(dir, "b"), "--json", "--peer", addr);
  const other = await listening(second);
  expect(other.split("/").at(-1)).not.toBe(addr.split("/").at(-1));
  await said(first, { event: "peers", peers: 1, reservations: 0 });
  await stop(first, "SIGTERM");
  await stop(second, "SIGTERM");
}, 90_000);

test.each([
  [["--port", "70000"], /--port must be a number from 0 to 65535, got 70000/],
  [["--host", "localhost"], /--host must be an IP address, got localhost/],
  [["--peer", "/ip4/127.0.0.1/tcp/1/ws"], /--peer must end in \/p2p\/<relay id>/],
  [["--slots-per-address", "0"], /--slots-per-address must be a number from 1 to 999999, got 0/],
  [["--peer", "nonsense/p2p/12D3Koo"], /not a multiaddr: nonsense/],
  [["--colour"], /--colour/],
])("%j is refused with one line", async (args, expected) => {
  const { code, out, err } = await finish(start("--dir", dir, "--port", "0", ...args));
  expect(code).toBe(1);
  expect(out).toBe("");
  expect(err).toMatch(expected);
  expect(err.trim().split("\n")).toHaveLength(1);
});

test("a port in use is named in one line", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const address = taken.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const { code, err } = await finish(start("--dir", dir, "--port", String(port)));
  taken.close();
  expect(code).toBe(1);
  expect(err).toBe(`tabcast-relay: port ${port} on 127.0.0.1 is in use by another process\n`);
});

test("a damaged key is refused instead of replaced", async () => {
  await writeFile(join(dir, "relay.key"), "short");
  const { code, err } = await finish(start("--dir", dir, "--port", "0"));
  expect(code).toBe(1);
  expect(err).toMatch(/relay\.key has 5 bytes, expected 32/);
});

test("--help names every flag and exits 0", async () => {
  const { code, out } = await finish(start("--help"));
  expect(code).toBe(0);
  for (const flag of [
    "--port",
    "--host",
    "--dir",
    "--peer",
    "--announce",
    "--slots-per-address",
    "--json",
  ])
    expect(out).toContain(flag);
});
