/** npm run simulate -- SCENARIO.json [--seed S] [--repeat N] [--out DIR] [--json] */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { CodedError, describe, systemClock } from "@tabcast/runtime";
import { brief, type Comparison, comparisonTable, markdownTable, openAttacks } from "./attacks.ts";
import { calibration } from "./calibration.ts";
import type { Engine } from "./engine.ts";
import { fit, type RealRun } from "./fit.ts";
import { list } from "./list.ts";
import { plain, reportOf, table, write } from "./report.ts";
import { ATTACKERS, type AttackerKind, parse, type Scenario, schema } from "./scenario.ts";

/** Loaded when they are needed: a mistake in a command is told at once. */
const engines: Readonly<Record<string, () => Promise<Engine>>> = {
  virtual: async () => (await import("./virtual/engine.ts")).virtual,
};
const scenarios = fileURLToPath(new URL("../scenarios/", import.meta.url));

const usage = `npm run simulate -- SCENARIO.json [options]   runs a scenario, and judges it
npm run simulate -- attack-KIND [options]     runs each seed with and without attackers, side by side; attack-all runs every kind
  SCENARIO.json   a file, or the name of one in packages/sim/scenarios
  --list          tells of all scenarios and attackers, one a line
  --share A,B     of an attack: what share of all peers is hostile; 0.1
  --brief         of an attack: with a third of the peers, as every commit does
  --seed S        instead of the scenario's own
  --repeat N      runs it N times, with the seeds from S on
  --out DIR       writes report.json, events.ndjson and segments.csv there (DIR/SEED/ for several)
  --json          prints the reports, one a line, instead of tables
  --schema        prints the JSON Schema of scenario files
  --fit MACHINE   fits times to the report.json files given instead of a scenario, and prints calibration.json for that class of machine
exit 0: all that was expected holds; 1: something does not; 2: the scenario or the command cannot be read`;

/** A command that cannot be carried out. Do: see npm run simulate -- --help. */
class CommandError extends CodedError<{ code: "COMMAND" }> {}
const wrong = (why: string) => new CommandError({ code: "COMMAND" }, why);

function wholeOf(text: string, name: string, least: number): number {
  const value = Number(text);
  if (!/^\d{1,10}$/.test(text) || value < least || value > 2 ** 32 - 1)
    throw wrong(`--${name} takes a whole number from ${least} on, got ${text}`);
  return value;
}

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      seed: { type: "string" },
      repeat: { type: "string", default: "1" },
      out: { type: "string" },
      json: { type: "boolean", default: false },
      list: { type: "boolean", default: false },
      share: { type: "string", default: "0.1" },
      brief: { type: "boolean", default: false },
      schema: { type: "boolean", default: false },
      fit: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return say(usage, 0);
  if (values.list) return say(await list(scenarios), 0);
  if (values.schema) return say(plain(schema, 2), 0);
  if (values.fit !== undefined) {
    const runs = positionals.map((path): RealRun => JSON.parse(readFileSync(path, "utf8")));
    if (runs.length === 0) throw wrong("--fit needs at least one report.json of a real run");
    const date = new Date(systemClock.unix()).toISOString().slice(0, 10);
    return say(plain(fit(runs, { ...calibration, date, machine: values.fit }), 2), 0);
  }
  const [given, ...more] = positionals;
  if (given === undefined || more.length > 0) throw wrong(`one scenario is needed\n${usage}`);
  const repeat = wholeOf(values.repeat, "repeat", 1);
  const seed = values.seed === undefined ? undefined : wholeOf(values.seed, "seed", 0);
  const kinds = attackersOf(given);
  if (kinds !== undefined) {
    const shares = values.share.split(",").map((share) => shareOf(share));
    return runAttacks(kinds, { shares, seed, repeat, brief: values.brief, json: values.json });
  }
  const { scenario, engine } = await open(given);
  const first = seed ?? scenario.seed;
  let failed = 0;
  for (let seed = first; seed < first + repeat; seed++) {
    const began = process.hrtime.bigint();
    const run = await engine.run(scenario, { seed, keepEvents: values.out !== undefined });
    const report = reportOf(run, Number(process.hrtime.bigint() - began) / 1e6);
    if (values.out !== undefined)
      write(repeat === 1 ? values.out : join(values.out, `${seed}`), report, run);
    say(values.json ? plain(report) : `${table(report)}\n`, 0);
    if (report.passed) continue;
    failed++;
    process.stderr.write(`again: npm run simulate -- ${given} --seed ${seed}\n`);
  }
  return failed === 0 ? 0 : 1;
}

/** The scenario that is meant, and the engine that plays it. */
async function open(given: string): Promise<{ scenario: Scenario; engine: Engine }> {
  const file = [resolve(given), join(scenarios, given), join(scenarios, `${given}.json`)].find(
    (path) => existsSync(path),
  );
  if (file === undefined) throw wrong(`there is no scenario ${given}`);
  const scenario = parse(readFileSync(file, "utf8"));
  const load = engines[scenario.engine];
  if (load === undefined)
    throw wrong(`this build has no ${scenario.engine} engine; there is ${Object.keys(engines)}`);
  return { scenario, engine: await load() };
}

/** The kinds that "attack-KIND" or "attack-all" means; undefined for what is no attack. */
function attackersOf(given: string): readonly AttackerKind[] | undefined {
  if (!given.startsWith("attack-")) return undefined;
  const kind = given.slice("attack-".length);
  if (kind === "all") return ATTACKERS;
  const known = ATTACKERS.find((one) => one === kind);
  if (known === undefined)
    throw wrong(`there is no attacker ${kind}; there is ${ATTACKERS.join(", ")}`);
  return [known];
}

function shareOf(text: string): number {
  const share = Number(text);
  if (!(share > 0 && share <= 0.9)) throw wrong(`--share takes numbers from 0 to 0.9, got ${text}`);
  return share;
}

interface AttackRuns {
  readonly shares: readonly number[];
  readonly seed: number | undefined;
  readonly repeat: number;
  readonly brief: boolean;
  readonly json: boolean;
}

/** Runs attacks one after the other, and prints each, and a table of all where there are several. */
async function runAttacks(
  kinds: readonly AttackerKind[],
  { shares, seed, repeat, brief: short, json }: AttackRuns,
): Promise<number> {
  const { attackers } = await import("./virtual/attackers/index.ts");
  let attacks: ReturnType<typeof openAttacks> | undefined;
  const comparisons: Comparison[] = [];
  for (const kind of kinds) {
    const own = existsSync(join(scenarios, `attack-${kind}.json`));
    const { scenario, engine } = await open(own ? `attack-${kind}` : "attacked");
    attacks ??= openAttacks(engine);
    const first = seed ?? scenario.seed;
    const seeds = Array.from({ length: repeat }, (_, i) => first + i);
    for (const share of shares) {
      const used = short ? brief(scenario) : scenario;
      const comparison = await attacks.run(used, { kind, share }, seeds);
      comparisons.push(comparison);
      say(json ? plain(comparison) : `${comparisonTable(comparison, attackers[kind].what)}\n`, 0);
    }
  }
  if (!json && comparisons.length > 1) say(markdownTable(comparisons), 0);
  const failed = comparisons.filter(({ passed }) => !passed);
  for (const { kind, share } of failed)
    process.stderr.write(
      `again: npm run simulate -- attack-${kind} --share ${share} --repeat ${repeat}${seed === undefined ? "" : ` --seed ${seed}`}${short ? " --brief" : ""}\n`,
    );
  return failed.length === 0 ? 0 : 1;
}

function say(line: string, code: number): number {
  process.stdout.write(`${line}\n`);
  return code;
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    const ours =
      error instanceof CodedError ||
      /^(ERR_PARSE_ARGS|ENOENT)/.test((error as { code?: string }).code ?? "");
    process.stderr.write(`error: ${ours ? describe(error) : (error as Error).stack}\n`);
    process.exitCode = 2;
  },
);
