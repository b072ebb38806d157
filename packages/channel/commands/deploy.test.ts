import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { tabcastPotBytecode } from "@tabcast/contracts";
import fc from "fast-check";
import { formatEther, keccak256, size } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { of } from "../src/chain/chains.ts";
import { codeMatches } from "../src/chain/code.ts";
import { ARGUMENTS, FACTORY, potAddress, SALT } from "../src/chain/create2.ts";
import type { Hex } from "../src/types.ts";
import { type BareAnvil, bareAnvil, KEYS } from "../test/anvil.ts";
import { arbitrum, opStack } from "../test/chain-l2.ts";
import { chainProxy } from "../test/chain-proxy.ts";
import { replay } from "../test/replay.ts";
import { type DeployOptions, readDeployArgs, runDeploy } from "./deploy.ts";
import { deployKey } from "./key.ts";
import { exitOf } from "./main.ts";
import { coins } from "./words.ts";

const signal = AbortSignal.timeout(120_000);

let local: BareAnvil;
/** A chain with the id of Base Sepolia. */
let real: BareAnvil;
beforeAll(async () => {
  [local, real] = await Promise.all([bareAnvil(), bareAnvil(["--chain-id", "84532"])]);
});
afterAll(() => Promise.all([local.close(), real.close()]));

let folder: string;
let state: unknown[];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "tabcast-deployments-"));
  state = [await local.cheat("evm_snapshot"), await real.cheat("evm_snapshot")];
});
afterEach(async () => {
  rmSync(folder, { recursive: true });
  await local.cheat("evm_revert", state[0]);
  await real.cheat("evm_revert", state[1]);
});

/** Deploys with the words that people would read. */
async function deploy(net: { readonly rpc: string }, more: Partial<DeployOptions> = {}, env = {}) {
  const lines: string[] = [];
  const options = { rpc: net.rpc, yes: false, replace: false, ...more };
  const record = await runDeploy(options, { env, folder, say: (line) => lines.push(line), signal });
  return { record, lines };
}

/** What the command would end with, and say. */
async function refusal(work: Promise<unknown>) {
  const error = await work.then(
    () => new Error("it did not fail"),
    (thrown: unknown) => thrown as Error,
  );
  return { exit: exitOf(error), message: error.message };
}

const codeAt = (net: BareAnvil, address: string) =>
  net.cheat("eth_getCode", address, "latest") as Promise<Hex>;
const nonceOf = (net: BareAnvil, address: string) =>
  net.cheat("eth_getTransactionCount", address, "latest");
const withKey = { TABCAST_DEPLOY_KEY: KEYS[0] };

describe("a local chain", () => {
  test("deploying asks for nothing, checks the code, and records it", async () => {
    const { record, lines } = await deploy(local);
    const code = await codeAt(local, potAddress());
    expect(record).toMatchObject({
      ...{ chainId: 31_337, contract: potAddress(), factory: FACTORY, salt: SALT },
      ...{ args: ARGUMENTS, codeHash: keccak256(code), version: expect.stringMatching(/^\d+$/) },
      ...{ block: expect.any(Number), tx: expect.stringMatching(/^0x[0-9a-f]{64}$/) },
    });
    expect(JSON.parse(readFileSync(join(folder, "31337.json"), "utf8"))).toEqual(record);
    expect(lines.join("\n")).toMatch(/units of gas at .* gwei, .* ETH in all/);
  });

  test("deploying again finds it there, sends nothing, and keeps what was recorded", async () => {
    const first = await deploy(local);
    const nonce = await nonceOf(local, local.accounts[0].address);
    const second = await deploy(local);
    expect(second.record).toEqual(first.record);
    expect(second.lines[0]).toContain("has code already");
    expect(await nonceOf(local, local.accounts[0].address)).toBe(nonce);
  });

  test("a chain without the factory gets it by its keyless transaction, and the same address", async () => {
    const bare = await bareAnvil(["--disable-default-create2-deployer"]);
    try {
      expect(await codeAt(bare, FACTORY)).toBe("0x");
      const { record, lines } = await deploy(bare);
      expect(record.contract).toBe(potAddress());
      expect(await codeAt(bare, FACTORY)).not.toBe("0x");
      expect(lines.join("\n")).toContain("the factory that makes its address is missing there");
    } finally {
      await bare.close();
    }
  });
});

describe("a chain whose money is real", () => {
  test("without --yes it says what it would do and cost, and sends nothing", async () => {
    const { address } = real.accounts[0];
    const lines: string[] = [];
    const options = { rpc: real.rpc, yes: false, replace: false };
    const world = { env: withKey, folder, say: (line: string) => lines.push(line), signal };
    const said = await refusal(runDeploy(options, world));
    expect(said).toEqual({
      exit: 2,
      message: "nothing was sent, as Base Sepolia is no local chain: add --yes to send it",
    });
    expect(lines[0]).toContain(`TabcastPot goes to ${potAddress()} on Base Sepolia, chain 84532`);
    expect(lines.join("\n")).toMatch(/units of gas at .* ETH in all/);
    expect(await nonceOf(real, address)).toBe("0x0");
  });

  test("with --yes it goes to the same address as on every other chain", async () => {
    const { record, lines } = await deploy(real, { yes: true }, withKey);
    expect(record).toMatchObject({ chain: "Base Sepolia", contract: potAddress() });
    expect(lines.join("\n")).toContain("https://sepolia.basescan.org/tx/0x");
  });

  test("without a key it names both ways to give one", async () => {
    expect(await refusal(deploy(real, { yes: true }))).toEqual({
      exit: 2,
      message:
        "Base Sepolia needs a key that pays: give --key-file FILE, or TABCAST_DEPLOY_KEY in the environment",
    });
  });

  test("an account with too little learns what it has and needs, and nothing is sent", async () => {
    const key = generatePrivateKey();
    const said = await refusal(deploy(real, { yes: true }, { TABCAST_DEPLOY_KEY: key }));
    expect(said.exit).toBe(2);
    expect(said.message).toMatch(/has 0 ETH and needs 0\.\d+ ETH: send it some first/);
  });

  test("the fee for L1 counts into what is needed", async () => {
    const poor = privateKeyToAccount(generatePrivateKey());
    await real.setBalance(poor, 10n ** 17n);
    const line = await chainProxy(real.rpc, [opStack({ wei: 10n ** 13n })]);
    const key = generatePrivateKey();
    await real.setBalance(privateKeyToAccount(key), 10n ** 17n);
    const said = await refusal(deploy(line, { yes: true }, { TABCAST_DEPLOY_KEY: key }));
    // Some 22,000 bytes at 10^13 wei each.
    expect(said.message).toMatch(/has 0\.1 ETH and needs 0\.[2-9]\d* ETH/);
    await line.close();
  });

  test("a chain that takes gas for L1 gets the contract as well", async () => {
    const line = await chainProxy(real.rpc, [arbitrum({ unitsPerByte: 20n })]);
    const { record } = await deploy(line, { yes: true }, withKey);
    expect(record.contract).toBe(potAddress());
    await line.close();
  });
});

describe("what is there already", () => {
  const record = (contract: string) =>
    `${JSON.stringify({ chainId: 31_337, contract, version: "1" })}\n`;

  test("a record of another address is not overwritten, and --replace does it", async () => {
    const file = join(folder, "31337.json");
    const other = `0x${"12".repeat(20)}`;
    writeFileSync(file, record(other));
    const said = await refusal(deploy(local));
    expect(said.exit).toBe(1);
    expect(said.message).toContain(`deployments/31337.json has ${other}, of version 1`);
    expect(readFileSync(file, "utf8")).toBe(record(other));
    expect(await codeAt(local, potAddress())).toBe("0x");
    await deploy(local, { replace: true });
    expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ contract: potAddress() });
  });

  test.each([
    ["no JSON", "{"],
    ["null", "null"],
    ["another chain's", record(`0x${"12".repeat(20)}`).replace("31337", "1")],
    ["without an address", JSON.stringify({ chainId: 31_337 })],
  ])("a record that is %s is refused and left alone", async (_, text) => {
    const file = join(folder, "31337.json");
    writeFileSync(file, text);
    const said = await refusal(deploy(local, { replace: true }));
    expect(said.exit).toBe(1);
    expect(said.message).toContain("is no record of a deployment on chain 31337");
    expect(readFileSync(file, "utf8")).toBe(text);
  });

  test("other code at the address is told, and nothing is recorded", async () => {
    await local.cheat("anvil_setCode", potAddress(), "0x60016002");
    const said = await refusal(deploy(local));
    expect(said).toEqual({
      exit: 1,
      message: `the code at ${potAddress()} is not that of these sources`,
    });
    expect(() => readFileSync(join(folder, "31337.json"))).toThrow("ENOENT");
  });

  test("the same code made with a fee is not ours", async () => {
    await deploy(local);
    rmSync(join(folder, "31337.json"));
    const code = await codeAt(local, potAddress());
    // The immutables stand behind PUSH32: a fee of 100 where there was none changes no other byte.
    const holes = [...code.matchAll(/7f(0{64})/g)];
    expect(holes.length).toBeGreaterThan(0);
    const forged = code.replaceAll(/7f0{64}/g, `7f${"64".padStart(64, "0")}`) as Hex;
    expect(codeMatches(forged)).toBe(true);
    await local.cheat("anvil_setCode", potAddress(), forged);
    const said = await refusal(deploy(local));
    expect(said.message).toContain("was made with other values");
  });
});

describe("whether code is ours", () => {
  let code: Hex;
  beforeEach(async () => {
    await deploy(local);
    code = await codeAt(local, potAddress());
  });

  test(`a byte changed anywhere but in an immutable is noticed (SEED=${replay.seed})`, () => {
    const inHole = new Set<number>();
    const text = tabcastPotBytecode.slice(-2 * size(code));
    for (const { index } of text.matchAll(new RegExp(`7f${"00".repeat(32)}`, "g")))
      for (let byte = 1; byte <= 32; byte++) inHole.add(index / 2 + byte);
    const changed = fc.property(
      fc.nat(size(code) - 1),
      fc.integer({ min: 1, max: 255 }),
      (at, mask) => {
        const bytes = Buffer.from(code.slice(2), "hex");
        bytes.writeUInt8((bytes.at(at) ?? 0) ^ mask, at);
        expect(codeMatches(`0x${bytes.toString("hex")}`)).toBe(inHole.has(at));
      },
    );
    fc.assert(changed, { ...replay, numRuns: Math.min(500, replay.numRuns) });
  });

  test("no code, half of it, and more than there can be are not ours", () => {
    expect(codeMatches(code)).toBe(true);
    expect(codeMatches("0x")).toBe(false);
    expect(codeMatches(code.slice(0, 1002) as Hex)).toBe(false);
    expect(codeMatches(`${code}${tabcastPotBytecode.slice(2)}` as Hex)).toBe(false);
  });
});

describe("keys", () => {
  const secret = "b".repeat(60);

  test.each([
    ["a key that is too short", secret, "must hold a private key, 0x and 64 hex digits"],
    ["a keystore", `{"crypto":"${secret}"}`, "is an encrypted keystore; a plain key is needed"],
    ["a key of zeros", "0".repeat(64), "holds 64 hex digits that are no key"],
    ["a key beyond the curve", "f".repeat(64), "holds 64 hex digits that are no key"],
    ["far too much", secret.repeat(100), "a key has 66"],
    ["nothing", "", "must hold a private key"],
  ])("%s in the file is told without showing it", async (_, text, expected) => {
    const file = join(folder, "key");
    writeFileSync(file, text);
    const said = await refusal(deployKey({ file, env: {} }, of(84_532)));
    expect(said.exit).toBe(2);
    expect(said.message).toContain(expected);
    expect(said.message).not.toContain("bbbbb");
    expect(said.message).not.toContain("fffff");
  });

  test("a file that is not there, and a folder, are told as such", async () => {
    const none = await refusal(deployKey({ file: join(folder, "none"), env: {} }, of(84_532)));
    expect(none).toEqual({ exit: 2, message: expect.stringContaining("there is no file") });
    const dir = await refusal(deployKey({ file: folder, env: {} }, of(84_532)));
    expect(dir).toEqual({ exit: 2, message: expect.stringContaining("is not a file") });
  });

  test("a file's key counts before the environment's, with or without 0x", async () => {
    const file = join(folder, "key");
    writeFileSync(file, ` ${KEYS[1].slice(2)}\n`);
    const env = { TABCAST_DEPLOY_KEY: KEYS[2] };
    const address = async (source: Parameters<typeof deployKey>[0]) =>
      (await deployKey(source, of(84_532))).address;
    expect(await address({ file, env })).toBe(privateKeyToAccount(KEYS[1]).address);
    expect(await address({ env })).toBe(privateKeyToAccount(KEYS[2]).address);
  });
});

describe("words", () => {
  test.each([
    [[], "--rpc is missing"],
    [["--rpc"], "npm run deploy -- --rpc URL"],
    [["--rpc", "sepolia.base.org"], "--rpc must be an address such as https://"],
    [["--rpc", "ftp://sepolia.base.org"], "--rpc must be an address such as https://"],
    [["--rpc", "wss://sepolia.base.org/ws"], "--rpc is a WebSocket address"],
    [["--rpc", "http://127.0.0.1:1", "--gas", "5"], "--gas"],
    [["--rpc", "http://127.0.0.1:1", "0x12"], "0x12"],
  ])("the words %j are refused", (words, expected) => {
    expect(() => readDeployArgs(words)).toThrow(expected);
  });

  test("an amount is said in coins with the digits that mean something", () => {
    const eth = (wei: bigint) => coins(wei, of(1));
    expect(eth(0n)).toBe("0 ETH");
    expect(eth(10n ** 18n)).toBe("1 ETH");
    expect(eth(123_456_789_012_345n)).toBe("0.0001234 ETH");
    expect(eth(2_500_000_000_000_000_000n)).toBe("2.5 ETH");
    expect(Number(eth(98_765_432_109_876_543_210n).split(" ")[0])).toBeLessThanOrEqual(
      Number(formatEther(98_765_432_109_876_543_210n)),
    );
  });
});

describe("the program", () => {
  /** Runs the command as a process. */
  function run(words: readonly string[], env: Record<string, string> = {}) {
    const entry = fileURLToPath(new URL("deploy-main.ts", import.meta.url));
    return new Promise<{ code: number | null; out: string; err: string }>((resolve) => {
      const child = spawn(process.execPath, [entry, ...words], {
        env: { PATH: process.env.PATH, ...env },
        stdio: ["ignore", "pipe", "pipe"],
      });
      let [out, err] = ["", ""];
      child.stdout.on("data", (part) => {
        out += part;
      });
      child.stderr.on("data", (part) => {
        err += part;
      });
      child.once("close", (code) => resolve({ code, out, err }));
    });
  }

  test("bad words end with 2 and one line", { timeout: 60_000 }, async () => {
    const bad = await run(["--rpc", "nowhere"]);
    expect(bad).toMatchObject({ code: 2, out: "" });
    expect(bad.err).toMatch(/^error: --rpc must be[^\n]*\n$/);
  });

  test("a server that is away ends with 1 and one line, without the address's secrets", {
    timeout: 60_000,
  }, async () => {
    const away = await run(["--rpc", "http://user:hunter2@127.0.0.1:1/v2?key=hunter2"]);
    expect(away.code).toBe(1);
    expect(away.err).toMatch(/^error: the chain's RPC server http:\/\/127.0.0.1:1\/v2[^\n]*\n$/);
    expect(away.err).not.toContain("hunter2");
  });
});
