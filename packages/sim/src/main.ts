/** npm run simulate -- SCENARIO.json [--seed S] [--repeat N] [--out DIR] [--json] */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { CodedError, describe, systemClock } from "@tabcast/runtime";
import { calibration } from "./calibration.ts";
import type { Engine } from "./engine.ts";
import { fit, type RealRun } from "./fit.ts";
import { plain, reportOf, table, write } from "./report.ts";
import { parse, schema } from "./scenario.ts";

/** Loaded when they are needed: a mistake in a command is told at once. */
const engines: Readonly<Record<string, () => Promise<Engine>>> = {
  virtual: async () => (await import("./virtual/engine.ts")).virtual,
};
const scenarios = fileURLToPath(new URL("../scenarios/", import.meta.url));

const usage = `npm run simulate -- SCENARIO.json [options]   runs a scenario, and judges it
  SCENARIO.json   a file, or the name of one in packages/sim/scenarios
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
      schema: { type: "boolean", default: false },
      fit: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return say(usage, 0);
  if (values.schema) return say(plain(schema, 2), 0);
  if (values.fit !== undefined) {
    const runs = positionals.map((path): RealRun => JSON.parse(readFileSync(path, "utf8")));
    if (runs.length === 0) throw wrong("--fit needs at least one report.json of a real run");
    const date = new Date(systemClock.unix()).toISOString().slice(0, 10);
    return say(plain(fit(runs, { ...calibration, date, machine: values.fit }), 2), 0);
  }
  const [given, ...more] = positionals;
  if (given === undefined || more.length > 0) throw wrong(`one scenario is needed\n${usage}`);
  const file = [resolve(given), join(scenarios, given), join(scenarios, `${given}.json`)].find(
    (path) => existsSync(path),
  );
  if (file === undefined) throw wrong(`there is no scenario ${given}`);
  const scenario = parse(readFileSync(file, "utf8"));
  const open = engines[scenario.engine];
  if (open === undefined)
    throw wrong(`this build has no ${scenario.engine} engine; there is ${Object.keys(engines)}`);
  const first = values.seed === undefined ? scenario.seed : wholeOf(values.seed, "seed", 0);
  const repeat = wholeOf(values.repeat, "repeat", 1);
  const engine = await open();
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
