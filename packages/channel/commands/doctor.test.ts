import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, systemClock } from "@tabcast/runtime";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { of } from "../src/chain/chains.ts";
import { potAddress } from "../src/chain/create2.ts";
import { type BareAnvil, bareAnvil, KEYS } from "../test/anvil.ts";
import { busy, dripping, GARBAGE, garbage, logLimits } from "../test/chain-faults.ts";
import { arbitrum, opStack } from "../test/chain-l2.ts";
import { type ChainProxy, chainProxy, type Fault, only } from "../test/chain-proxy.ts";
import { CHECKS } from "./checks.ts";
import { runDeploy } from "./deploy.ts";
import { linesOf, type Report, readDoctorArgs, runDoctor } from "./doctor.ts";

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
let lines: ChainProxy[];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "tabcast-deployments-"));
  state = [await local.cheat("evm_snapshot"), await real.cheat("evm_snapshot")];
  lines = [];
});
afterEach(async () => {
  rmSync(folder, { recursive: true });
  await local.cheat("evm_revert", state[0]);
  await real.cheat("evm_revert", state[1]);
  await Promise.all(lines.map((line) => line.close()));
});

/** The pauses between two tries of a question are a hundredth of what they are. */
const hurried: Clock = {
  ...systemClock,
  sleep: (ms, options) => systemClock.sleep(ms / 100, options),
};

async function examine(net: { readonly rpc: string }, ...faults: Fault[]): Promise<Report> {
  const line = await chainProxy(net.rpc, faults);
  lines.push(line);
  const report = await runDoctor(
    { rpc: line.rpc, json: false },
    { folder, signal, clock: hurried },
  );
  for (const { result, says, next } of report.findings) {
    expect(says).toMatch(/^[^\n]{3,200}$/);
    if (result === "FAIL") expect(next).toMatch(/^[^\n]{5,100}$/);
  }
  return report;
}

const finding = ({ findings }: Report, name: string) =>
  findings.find(({ check }) => check === name);
const failed = ({ findings }: Report) =>
  findings.filter(({ result }) => result === "FAIL").map(({ check }) => check);

/** Code that answers every call with the word 6, as a token of 6 decimals does. */
const SIX = "0x600660005260206000f3";

test("a local chain will do, with every check told and nothing failed", async () => {
  const report = await examine(local);
  expect(report).toMatchObject({ willDo: true, chainId: 31_337, kind: "local" });
  expect(report.findings.map(({ check }) => check)).toEqual(["reachable", ...Object.keys(CHECKS)]);
  expect(failed(report)).toEqual([]);
  expect(finding(report, "contract")).toMatchObject({
    result: "note",
    next: "deploy it: npm run deploy -- --rpc URL",
  });
});

test("a chain with the contract on it is told so", async () => {
  const world = { env: {}, folder, say: () => {}, signal };
  await runDeploy({ rpc: local.rpc, yes: false, replace: false }, world);
  expect(finding(await examine(local), "contract")).toEqual({
    check: "contract",
    result: "ok",
    says: `TabcastPot is at ${potAddress()}, with the code of these sources`,
  });
});

test("a recorded contract that is not there, or is another's, fails", async () => {
  const contract = `0x${"12".repeat(20)}`;
  writeFileSync(join(folder, "31337.json"), JSON.stringify({ chainId: 31_337, contract }));
  expect(failed(await examine(local))).toEqual(["contract"]);
  await local.cheat("anvil_setCode", contract, SIX);
  const report = await examine(local);
  expect(failed(report)).toEqual(["contract"]);
  expect(finding(report, "contract")?.says).toContain("is not that of these sources");
});

describe("a chain that lacks what the contract needs", () => {
  test.each([
    ["paris", ["PUSH0", "transient", "MCOPY"]],
    ["shanghai", ["transient", "MCOPY"]],
  ])("a chain of %s fails for %j", async (hardfork, expected) => {
    const old = await bareAnvil(["--hardfork", hardfork]);
    try {
      const report = await examine(old);
      expect(failed(report)).toEqual(expected);
      expect(report.willDo).toBe(false);
    } finally {
      await old.close();
    }
  });
});

describe("a chain whose money is real", () => {
  beforeEach(() => real.cheat("anvil_setCode", of(84_532).usdc, SIX));

  test("an OP stack chain's prices name the part for L1", async () => {
    const plain = await examine(real);
    expect(failed(plain)).toEqual([]);
    const report = await examine(real, opStack({ wei: 10n ** 9n }));
    expect(failed(report)).toEqual([]);
    expect(finding(report, "prices")?.more?.[0]).toMatch(/^open a pot: .* of it for L1$/);
    const cost = (of: Report) => BigInt(finding(of, "prices")?.values?.["claim one lane"] ?? 0);
    // 420 bytes of data, and what a transaction is beside them.
    expect(cost(report) - cost(plain)).toBeGreaterThan(480n * 10n ** 9n);
  });

  test("an Arbitrum chain's prices name the units for L1", async () => {
    const chain = await bareAnvil(["--chain-id", "421614"]);
    try {
      await chain.cheat("anvil_setCode", of(421_614).usdc, SIX);
      const report = await examine(chain, arbitrum({ unitsPerByte: 100n }));
      expect(failed(report)).toEqual([]);
      expect(finding(report, "prices")?.more?.at(-1)).toMatch(/^claim one lane: 1[34]\d{4} units/);
    } finally {
      await chain.close();
    }
  });

  test("a chain without the token that is known as USDC fails, and so does another token there", async () => {
    await real.cheat("anvil_setCode", of(84_532).usdc, "0x");
    expect(failed(await examine(real))).toEqual(["USDC"]);
    await real.cheat("anvil_setCode", of(84_532).usdc, SIX.replace("6006", "6012"));
    expect(finding(await examine(real), "USDC")?.says).toContain("a token of 18 decimals");
  });

  test("a chain that stands still, or whose server lags, fails by its clock", async () => {
    const old = await bareAnvil(["--chain-id", "84532", "--timestamp", "1700000000"]);
    try {
      await old.cheat("anvil_setCode", of(84_532).usdc, SIX);
      const report = await examine(old);
      expect(failed(report)).toEqual(["clock"]);
      expect(finding(report, "clock")?.says).toContain(
        "the chain stands still, or the server lags",
      );
    } finally {
      await old.close();
    }
  });

  test("gas above the cap is noted, for it passes", async () => {
    await real.cheat("anvil_setNextBlockBaseFeePerGas", "0x4a817c800"); // 20 gwei
    await real.cheat("evm_mine");
    const report = await examine(real);
    expect(finding(report, "gas")).toMatchObject({
      result: "note",
      says: expect.stringContaining("above our cap of 5 gwei"),
    });
    expect(report.willDo).toBe(true);
  });

  test("a chain that no table has is noted", async () => {
    const other = await bareAnvil(["--chain-id", "424242"]);
    try {
      const report = await examine(other);
      expect(finding(report, "chain id")).toMatchObject({ result: "note" });
      expect(report.willDo).toBe(true);
    } finally {
      await other.close();
    }
  });
});

describe("a server with limits", () => {
  test("a limit on blocks is measured", async () => {
    await local.cheat("anvil_mine", "0xc8");
    const report = await examine(local, logLimits({ by: "publicnode", blocks: 100 }));
    expect(finding(report, "events")).toMatchObject({
      result: "note",
      says: "events of 78 blocks at once: history takes more requests",
      values: { blocks: 78 },
    });
  });

  test("a server that gives out no events fails", async () => {
    const report = await examine(local, logLimits({ by: "ankr", blocks: 0 }));
    expect(failed(report)).toEqual(["events"]);
  });

  test("a server without a safe block is noted", async () => {
    const fault = only(["eth_getBlockByNumber"], (asked, next) =>
      asked.params[0] === "safe"
        ? { error: { code: -39_001, message: "safe block not found" } }
        : next(asked),
    );
    expect(finding(await examine(local, fault), "safe")).toMatchObject({ result: "note" });
  });
});

describe("a server that will not do", () => {
  test("nothing at the address is one finding", async () => {
    const report = await runDoctor({ rpc: "http://127.0.0.1:1", json: false }, { folder, signal });
    expect(report.findings).toHaveLength(1);
    expect(report).toMatchObject({ willDo: false, findings: [{ result: "FAIL" }] });
    expect(linesOf(report).at(-1)).toBe("http://127.0.0.1:1 will not do: 1 failed");
  });

  test.each(Object.keys(GARBAGE))(
    "a server that answers all but its id with %s fails",
    async (kind) => {
      const fault: Fault = (asked, next, behind) =>
        asked.method === "eth_chainId" ? next(asked) : garbage(kind)(asked, next, behind);
      const report = await examine(local, fault);
      expect(report.willDo).toBe(false);
      expect(failed(report)).toContain("clock");
    },
  );

  test("a server that is busy for an hour fails at once with that", async () => {
    const fault: Fault = (asked, next, behind) =>
      asked.method === "eth_chainId"
        ? next(asked)
        : busy({ retryAfter: 3600 })(asked, next, behind);
    const report = await examine(local, fault);
    expect(finding(report, "gas")?.says).toContain("no more questions for 3600 s");
    expect(finding(report, "PUSH0")?.says).toContain("no more questions for 3600 s");
  });

  test("an owner who leaves ends the examination", async () => {
    const line = await chainProxy(local.rpc, [only(["eth_getCode"], dripping)]);
    lines.push(line);
    const stop = new AbortController();
    const work = runDoctor({ rpc: line.rpc, json: false }, { folder, signal: stop.signal });
    setTimeout(() => stop.abort(new Error("the owner left")), 300);
    await expect(work).rejects.toThrow("the owner left");
  });
});

describe("words", () => {
  test.each([
    [[], "--rpc is missing"],
    [["--rpc", "nowhere"], "--rpc must be an address"],
    [["--rpc", "http://127.0.0.1:1", "--contract", "0x12"], "--contract must be an address"],
    [["--rpc", "http://127.0.0.1:1", "--fix"], "--fix"],
  ])("the words %j are refused", (words, expected) => {
    expect(() => readDoctorArgs(words)).toThrow(expected);
  });

  test("the report is a line for each check, and the sum", async () => {
    const told = linesOf(await examine(local));
    expect(told[0]).toMatch(/^ok {4}reachable +http:\/\/127\.0\.0\.1:\d+ answers in \d+ ms$/);
    expect(told.at(-1)).toMatch(/^Local \(anvil\) by http:\/\/127\.0\.0\.1:\d+ will do$/);
    expect(KEYS.some((key) => told.join("\n").includes(key))).toBe(false);
  });
});
