import { parseArgs } from "node:util";
import { type Clock, systemClock } from "@tabcast/runtime";
import { isAddress } from "viem";
import { isPassing, shown } from "../src/chain/chain-error.ts";
import { openRpc } from "../src/chain/rpc.ts";
import type { Address } from "../src/types.ts";
import { CHECKS, type Check, type Checkup, type Finding, reach } from "./checks.ts";
import { readDeployment } from "./deployments.ts";
import { CommandError, misuse, rpcUrl } from "./words.ts";

export const doctorHelp = `Says whether a chain, through one RPC server, will do for Tabcast: one line for each check.

npm run doctor -- --rpc URL [--contract ADDRESS] [--json] [--help]

  --rpc URL           JSON-RPC of the chain, over HTTP
  --contract ADDRESS  TabcastPot on it; else that of deployments/CHAINID.json, else where npm run deploy would put it
  --json              one JSON object on stdout, and nothing else there

ok: fine. note: it works, with a drawback. FAIL: it will not do as it is, and what to do next. Ends with 0 without a FAIL,
with 1 with one, with 2 if what was given is wrong. docs/chains.md says more of each check.`;

export interface DoctorOptions {
  readonly rpc: string;
  readonly contract?: Address | undefined;
  readonly json: boolean;
}

export interface DoctorWorld {
  /** The folder of the records of deployments. */
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly clock?: Clock;
}

/** What the doctor found. */
export interface Report {
  readonly rpc: string;
  readonly chainId?: number;
  readonly chain?: string;
  readonly kind?: string;
  /** True if nothing failed. */
  readonly willDo: boolean;
  readonly findings: readonly (Finding & { readonly check: string })[];
}

const usage = "npm run doctor -- --rpc URL [--contract ADDRESS] [--json]";

/** Reads the command line; undefined: help was asked for. Throws COMMAND_MISUSE. */
export function readDoctorArgs(argv: readonly string[]): DoctorOptions | undefined {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        rpc: { type: "string" },
        contract: { type: "string" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) return undefined;
    const { contract, json } = values;
    if (contract !== undefined && !isAddress(contract, { strict: false }))
      return misuse("--contract", "--contract must be an address, 0x and 40 hex digits");
    return { rpc: rpcUrl(values.rpc, usage), contract: contract as Address | undefined, json };
  } catch (error) {
    if (error instanceof CommandError) throw error;
    return misuse("", `${(error as Error).message.split("\n")[0]}; ${usage}`);
  }
}

/** Examines a chain. What a check cannot find out is a finding of its own; only an abort rejects. */
export async function runDoctor(options: DoctorOptions, world: DoctorWorld): Promise<Report> {
  const { signal, folder, clock = systemClock } = world;
  const rpc = openRpc({ url: options.rpc, timeout: 10_000, clock });
  const findings: (Finding & { check: string })[] = [];
  const found = await reach(rpc, { signal, clock });
  findings.push({ check: "reachable", ...found.finding });
  const { facts } = found;
  if (facts) {
    const recorded = await readDeployment(folder, facts.id);
    const checkup: Checkup = {
      ...{ rpc, facts, signal, clock },
      contract: options.contract ?? recorded?.contract,
    };
    for (const [check, examine] of Object.entries(CHECKS))
      findings.push({ check, ...(await carefully(examine, checkup)) });
  }
  return {
    rpc: shown(options.rpc),
    ...(facts && { chainId: facts.id, chain: facts.name, kind: facts.kind }),
    willDo: findings.every(({ result }) => result !== "FAIL"),
    findings,
  };
}

/** A check that fails by itself is a finding as well. */
async function carefully(examine: Check, checkup: Checkup): Promise<Finding> {
  try {
    return await examine(checkup);
  } catch (error) {
    checkup.signal.throwIfAborted();
    const says = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
    const next = isPassing(error)
      ? "try again, or use another RPC server"
      : "use another RPC server";
    return { result: "FAIL", says, next };
  }
}

/** The report as lines for people. */
export function linesOf({ findings, willDo, chain, rpc }: Report): readonly string[] {
  const width = Math.max(...findings.map(({ check }) => check.length));
  const lines = findings.flatMap(({ check, result, says, next, more = [] }) => [
    `${result.padEnd(4)}  ${check.padEnd(width)}  ${says}`,
    ...more.map((line) => `${" ".repeat(width + 8)}${line}`),
    ...(next ? [`${" ".repeat(width + 8)}next: ${next}`] : []),
  ]);
  const failed = findings.filter(({ result }) => result === "FAIL").length;
  const what = chain ? `${chain} by ${rpc}` : rpc;
  return [...lines, willDo ? `${what} will do` : `${what} will not do: ${failed} failed`];
}
