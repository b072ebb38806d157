import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Chain, openLocalChain } from "./chain.ts";
import { type Report, shortcomings } from "./report.ts";

const main = fileURLToPath(new URL("./main.ts", import.meta.url));
const clip = (name: string) =>
  fileURLToPath(new URL(`../../media/test/clips/${name}`, import.meta.url));
/** Bounds a run; a whole one takes about ten seconds on an idle machine. */
const most = 100_000;

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Command lines of processes that the run left behind. */
  readonly left: readonly string[];
}

interface Line {
  readonly type: string;
  readonly at: number;
  readonly [key: string]: unknown;
}

/** Processes whose environment holds the mark: whatever the command started, however deep, has inherited it. */
function marked(mark: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        if (!readFileSync(`/proc/${pid}/environ`, "latin1").includes(mark)) return [];
        return [readFileSync(`/proc/${pid}/cmdline`, "latin1").replaceAll("\0", " ").slice(0, 120)];
      } catch {
        return [];
      }
    });
}

/** Runs the real command to its end. `on` sees each JSON line as it comes and may send signals. */
async function run(
  args: readonly string[],
  {
    env = {},
    on,
  }: {
    env?: Readonly<Record<string, string>>;
    on?: (line: Line, kill: (signal: NodeJS.Signals) => void) => void;
  } = {},
): Promise<Ran> {
  const mark = `TABCAST_TEST_MARK=${randomBytes(12).toString("hex")}`;
  const [name = "", value = ""] = mark.split("=");
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...process.env, ...env, [name]: value },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const limit = setTimeout(() => child.kill("SIGKILL"), most);
  let stdout = "";
  let stderr = "";
  let rest = "";
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
    rest += chunk;
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    if (on !== undefined)
      for (const line of lines) on(JSON.parse(line) as Line, (signal) => child.kill(signal));
  });
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  clearTimeout(limit);
  // A browser that was told to end takes a moment to take its children with it.
  let left = marked(mark);
  for (const until = Date.now() + 3_000; left.length > 0 && Date.now() < until; left = marked(mark))
    await new Promise((resolve) => setTimeout(resolve, 50));
  return { code, stdout, stderr, left };
}

/** The run failed well: exit 1, one line on stderr, nothing on stdout but JSON, nothing left running. */
function expectRefused({ code, stderr, left }: Ran, words: RegExp): void {
  expect(stderr).toMatch(words);
  expect(stderr.trim().split("\n")).toHaveLength(1);
  expect(code).toBe(1);
  expect(left).toEqual([]);
}

function linesOf(stdout: string): Line[] {
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tabcast-command-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("npm start", () => {
  test.each<[string, readonly string[], RegExp]>([
    ["a missing file", ["--input", "nowhere.mp4"], /nowhere\.mp4.*no such file/],
    ["a folder as the file", ["--input", tmpdir()], /not a file/],
    ["an empty ladder", ["--ladder", ","], /empty/],
    ["an unknown rung", ["--ladder", "1081p"], /unknown rung "1081p"/],
    ["odd dimensions", ["--ladder", "641x361@500"], /641x361/],
    ["huge dimensions", ["--ladder", "99998x99998@500"], /99998x99998/],
    ["an unknown flag", ["--worker", "2"], /--worker /],
    ["a folder that cannot be made", ["--out", "/proc/out"], /\/proc\/out/],
  ])("refuses %s before anything is started", async (_, args, words) => {
    expectRefused(await run(args), words);
  });

  test("says that it finds no Chromium before anything is started", async () => {
    const ran = await run([], { env: { TABCAST_CHROMIUM: "/nowhere/chromium" } });
    expectRefused(ran, /\/nowhere\/chromium.*TABCAST_CHROMIUM/);
  });

  test("refuses a port in use before anything is started", async () => {
    const server: Server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    expectRefused(await run(["--port", String(port)]), new RegExp(`port ${port} is in use`));
    server.close();
  });
});

describe("npm start with a file", () => {
  const input = (file: string, ...more: string[]) =>
    run(["--input", file, "--workers", "0", "--exit", "--json", ...more]);
  /** Without the warning that there are no workers, which is not what is tested here. */
  const refused = async (ran: Promise<Ran>, words: RegExp) => {
    const all = await ran;
    expectRefused({ ...all, stderr: all.stderr.replace(/^warning: no workers.*\n/, "") }, words);
  };

  test("refuses one with no video", () => refused(input(clip("sound.m4a")), /no video/));
  test("refuses a codec that this browser cannot decode, by its name", () =>
    refused(input(clip("hevc.mp4")), /h(vc|ev)1/));
  test("refuses a rung larger than the source", () =>
    refused(input(clip("bframes.mp4"), "--ladder", "360p"), /360p is larger than the source/));
  test("refuses one that is cut short, with the time", async () => {
    const bytes = await readFile(clip("bframes.mp4"));
    const file = join(folder, "short.mp4");
    await writeFile(file, bytes.subarray(0, Math.floor(bytes.length * 0.6)));
    await refused(input(file, "--ladder", "48x32@50"), /cut short at \d/);
  });
  test("refuses one that is no media", async () => {
    const file = join(folder, "noise.mp4");
    await writeFile(file, Buffer.alloc(50_000, "noise"));
    await refused(input(file), /noise\.mp4/);
  });
});

test("npm start --currency usdc pays a worker in play dollars, and the books are equal to the last part", async () => {
  const out = join(folder, "dollars");
  const args = ["--input", clip("bframes.mp4"), "--ladder", "48x32@50", "--exit", "--json"];
  const ran = await run([...args, "--currency", "usdc", "--workers", "1", "--out", out], {});
  expect(ran).toMatchObject({ stderr: "", code: 0 });
  const report = JSON.parse(await readFile(join(out, "report.json"), "utf8")) as Report;
  expect(shortcomings(report)).toEqual([]);
  const { deposited, paid, refunded } = report.settlement;
  expect(deposited).toBe("30000000");
  expect(BigInt(paid)).toBeGreaterThan(0n);
  // 0.3 cents a gigapixel: a coin's price in wei would have been a million times as much.
  expect(BigInt(paid)).toBeLessThan(1_000n);
  expect(BigInt(deposited)).toBe(BigInt(paid) + BigInt(refunded));
});

describe("npm start on another chain", () => {
  let chain: Chain;
  const payerKey = generatePrivateKey();
  beforeAll(async () => {
    chain = await openLocalChain({ origin: "*", signal: AbortSignal.timeout(30_000) });
  });
  afterAll(() => chain.close());
  const env = (change: Readonly<Record<string, string>> = {}) => ({
    TABCAST_RPC: chain.rpc,
    TABCAST_CONTRACT: chain.contract,
    TABCAST_CHAIN_ID: "31337",
    TABCAST_PAYER_KEY: payerKey,
    ...change,
  });
  const tiny = ["--input", clip("bframes.mp4"), "--ladder", "48x32@50", "--exit", "--json"];

  test.each<[string, Readonly<Record<string, string>>, RegExp]>([
    [
      "one that does not answer",
      { TABCAST_RPC: "http://127.0.0.1:1" },
      /127\.0\.0\.1:1 .*does not answer/,
    ],
    ["a wrong chain id", { TABCAST_CHAIN_ID: "1" }, /has id 31337, and TABCAST_CHAIN_ID says 1/],
    ["one without the contract", { TABCAST_CONTRACT: `0x${"12".repeat(20)}` }, /no TabcastPot/],
    ["a payer without enough balance", { TABCAST_PAYER_KEY: generatePrivateKey() }, /has 0 ETH/],
  ])("refuses %s, and shows no key", async (_, change, words) => {
    const ran = await run([...tiny, "--workers", "1"], { env: env(change) });
    expectRefused(ran, words);
    expect(ran.stdout + ran.stderr).not.toContain(env(change).TABCAST_PAYER_KEY);
  });

  test("pays a worker on it, leaves its clock alone, and never shows the key", async () => {
    await chain.local?.faucet(privateKeyToAccount(payerKey).address);
    const out = join(folder, "paid");
    const ran = await run([...tiny, "--workers", "1", "--out", out], {
      env: env(),
      on: (line) => {
        const { step, until } = (line.progress ?? {}) as { step?: string; until?: number };
        // Here the test is the passing of time; the command must not be.
        if (step === "waiting" && until !== undefined) void chain.local?.warp(until);
      },
    });
    expect(ran).toMatchObject({ stderr: "", code: 0 });
    expect(ran.left).toEqual([]);
    expect(ran.stdout).not.toContain(payerKey);
    expect(linesOf(ran.stdout).map(({ type }) => type)).not.toContain("warped");
    const report = JSON.parse(await readFile(join(out, "report.json"), "utf8")) as Report;
    expect(report.settlement.contract.toLowerCase()).toBe(chain.contract.toLowerCase());
    expect(BigInt(report.settlement.paid)).toBeGreaterThan(0n);
    expect(shortcomings(report)).toEqual([]);
  });

  test("a second Ctrl-C ends a settlement that waits, at once and with nothing left", async () => {
    const hard = await run([...tiny, "--workers", "1"], {
      env: env(),
      on: (line, kill) => {
        if ((line.progress as { step?: string } | undefined)?.step !== "waiting") return;
        kill("SIGINT");
        setTimeout(() => kill("SIGINT"), 1_000);
      },
    });
    expect(hard.code).toBe(130);
    expect(hard.left).toEqual([]);
  });
});

test("without workers everything is encoded in the broadcaster's tab, said loudly, and the run is good; a taken usual port is said too", async () => {
  const server = createServer();
  // Whoever holds it, it is taken.
  await new Promise<void>((resolve) => {
    server.once("error", () => resolve());
    server.listen(4_800, "127.0.0.1", resolve);
  });
  const out = join(folder, "alone");
  const args = ["--input", clip("bframes.mp4"), "--ladder", "48x32@50", "--segment", "1"];
  const { code, stdout, stderr, left } = await run([
    ...args,
    ...["--workers", "0", "--out", out, "--exit", "--json"],
  ]);
  server.close();
  expect(stderr).toMatch(/^warning: no workers .*\n$/);
  expect(code).toBe(0);
  expect(left).toEqual([]);
  const lines = linesOf(stdout);
  expect(lines[0]).toMatchObject({
    type: "note",
    message: expect.stringContaining("4800 is in use"),
  });
  expect(lines.at(-1)).toMatchObject({ type: "done", exit: 0 });
  const report = JSON.parse(await readFile(join(out, "report.json"), "utf8")) as Report;
  expect(report.summary).toMatchObject({ missed: 0, successRate: 1 });
  expect(report.segments.every((line) => line.worker === "local" && line.verified)).toBe(true);
  expect(report.settlement).toMatchObject({ deposited: "0", paid: "0" });
  const master = await readFile(join(out, "master.m3u8"), "utf8");
  expect(master).toContain("RESOLUTION=48x32");
  expect(master).toContain('URI="audio/index.m3u8"');
});

test("Ctrl-C ends a live broadcast of the scene, pays its workers on chain and leaves nothing", async () => {
  const seen = new Set<string>();
  const { code, stdout, stderr, left } = await run(
    ["--workers", "2", "--ladder", "240p", "--json"],
    {
      on: (line, kill) => {
        const first = line.type === "segment" && !seen.has("segment");
        seen.add(line.type);
        // Twice together, as a terminal and npm do: it must count once.
        if (first) for (let i = 0; i < 2; i++) kill("SIGINT");
      },
    },
  );
  expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
  expect(left).toEqual([]);
  const report = linesOf(stdout).find(({ type }) => type === "report")?.report as Report;
  expect(shortcomings(report)).toEqual([]);
  expect(report.workers.length).toBeGreaterThan(0);
  expect(BigInt(report.settlement.paid)).toBeGreaterThan(0n);
  expect(seen).toContain("warped");
});
