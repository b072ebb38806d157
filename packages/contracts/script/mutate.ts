/**
 * mutate [--list] [--only ID,ID] [--jobs N]: what the tests of the contract would miss. All mutants are compiled once, as one
 * contract that asks an environment variable which of them it is; then the tests run against each, the slow invariants only against
 * those that the others let live. Ends with 1 if a mutant lives that `equivalent.ts` does not explain, or dies though it does.
 */
import { spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { EQUIVALENT } from "./mutate/equivalent.ts";
import { type Mutant, mutantsOf, schemaOf } from "./mutate/mutants.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const work = join(root, "cache", "mutate");
/** Longest run of the tests against one mutant, in milliseconds; one that is slower has lost its way, and counts as killed. */
const PATIENCE = 180_000;
/** Runs of each fuzz test against each mutant. */
const FUZZ_RUNS = 16;
/** Walks of the invariants against those that are left. */
const INVARIANT_RUNS = 16;

type Fate = "killed" | "killed by an invariant" | "killed by its time" | "lives";

/** Tests that hold no behaviour: gas is another in a contract that holds all mutants. */
const NOT_GAS = ["--no-match-test", "FitInABlock"];
const UNIT = ["--no-match-contract", "Invariant|PotGas|PotVersion1", ...NOT_GAS];
const INVARIANT = ["--match-contract", "Invariant"];

function fail(why: string, code: number): never {
  console.error(`error: ${why}`);
  process.exit(code);
}

function syntaxTree(source: string): unknown {
  const solc: { compile: (input: string) => string } = createRequire(import.meta.url)("solc");
  const { sources, errors } = JSON.parse(
    solc.compile(
      JSON.stringify({
        language: "Solidity",
        sources: { "TabcastPot.sol": { content: source } },
        settings: { stopAfter: "parsing", outputSelection: { "*": { "": ["ast"] } } },
      }),
    ),
  );
  const ast = sources?.["TabcastPot.sol"]?.ast;
  return ast ?? fail(`solc cannot read the contract: ${JSON.stringify(errors)}`, 1);
}

/** A project of forge's of its own, with the contract of all mutants in place of the contract. */
function prepare(schema: string): void {
  mkdirSync(work, { recursive: true });
  for (const folder of ["src", "test"]) {
    rmSync(join(work, folder), { recursive: true, force: true });
    cpSync(join(root, folder), join(work, folder), { recursive: true });
  }
  cpSync(join(root, "vectors"), join(work, "vectors"), { recursive: true });
  cpSync(join(root, "solc.cjs"), join(work, "solc.cjs"));
  if (!existsSync(join(work, "node_modules")))
    symlinkSync(join(root, "node_modules"), join(work, "node_modules"));
  writeFileSync(join(work, "src", "TabcastPot.sol"), schema);
  const interfaces = join(work, "src", "ITabcastPot.sol");
  writeFileSync(interfaces, readFileSync(interfaces, "utf8").replaceAll(/\bpure\b/g, "view"));
  for (const name of readdirSync(join(work, "test"))) {
    const file = join(work, "test", name);
    // Their own numbers of runs would count for more than ours.
    writeFileSync(file, readFileSync(file, "utf8").replaceAll(/^.*forge-config:.*\n/gm, ""));
  }
  const config = readFileSync(join(root, "foundry.toml"), "utf8")
    .replace(/^optimizer_runs.*$/m, "optimizer_runs = 1")
    .replace(
      /^\[profile\.default\]$/m,
      "[profile.default]\ncode_size_limit = 1000000\nsparse_mode = false",
    );
  writeFileSync(join(work, "foundry.toml"), config);
}

/** Runs forge against one mutant; 0: the contract as it is. */
function forge(mutant: number, args: readonly string[], patience: number) {
  return new Promise<{ code: number | "late"; text: string }>((resolve) => {
    const child = spawn(process.execPath, [join(root, "script", "forge.ts"), "test", ...args], {
      cwd: work,
      detached: true,
      env: {
        ...process.env,
        MUTANT: String(mutant),
        FOUNDRY_FUZZ_RUNS: String(FUZZ_RUNS),
        FOUNDRY_INVARIANT_RUNS: String(INVARIANT_RUNS),
      },
    });
    let text = "";
    child.stdout.on("data", (chunk) => {
      text += chunk;
    });
    child.stderr.on("data", (chunk) => {
      text += chunk;
    });
    const late = setTimeout(() => {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      resolve({ code: "late", text });
    }, patience);
    child.once("close", (code) => {
      clearTimeout(late);
      resolve({ code: code ?? 1, text });
    });
  });
}

/** Runs some tests against each mutant, `jobs` at a time, and notes what has become of it. */
async function judge(
  mutants: readonly Mutant[],
  args: readonly string[],
  { fates, killed, jobs }: { fates: Map<Mutant, Fate>; killed: Fate; jobs: number },
): Promise<void> {
  const queue = [...mutants];
  const worker = async () => {
    for (let mutant = queue.shift(); mutant; mutant = queue.shift()) {
      const { code, text } = await forge(mutant.id, ["--fail-fast", ...args], PATIENCE);
      if (code !== 0 && code !== "late" && !text.includes("Suite result: FAILED"))
        fail(`forge ended with ${code}, though no test failed:\n${text}`, 1);
      fates.set(mutant, code === "late" ? "killed by its time" : code === 0 ? "lives" : killed);
      if (code === 0 || code === "late") console.log(`${fates.get(mutant)}: ${shown(mutant)}`);
      if (queue.length % 25 === 0) console.log(`${queue.length} left`);
    }
  };
  await Promise.all(Array.from({ length: jobs }, worker));
}

const shown = ({ id, line, inside, from, to }: Mutant) =>
  `${id}. line ${line}, ${inside}: \`${from}\` → ${to ? `\`${to}\`` : "left out"}`;
const explained = (mutant: Mutant) =>
  EQUIVALENT.find(
    ({ inside, from, to }) => inside === mutant.inside && from === mutant.from && to === mutant.to,
  );

/** The table, and whether every survivor is explained and every explanation true. */
function report(fates: ReadonlyMap<Mutant, Fate>): boolean {
  const rows = [...fates];
  const lives = rows.flatMap(([mutant, fate]) => (fate === "lives" ? [mutant] : []));
  console.log("\n| kind | mutants | killed | of these by an invariant | live |");
  console.log("| --- | --- | --- | --- | --- |");
  for (const kind of ["comparison", "arithmetic", "negation", "deletion", "all"]) {
    const own = rows.filter(([mutant]) => kind === "all" || mutant.kind === kind);
    const by = (wanted: Fate) => own.filter(([, fate]) => fate === wanted).length;
    const killed = own.length - by("lives");
    const share = own.length === 0 ? "" : ` (${((100 * killed) / own.length).toFixed(1)} %)`;
    console.log(
      `| ${kind} | ${own.length} | ${killed}${share} | ${by("killed by an invariant")} | ${by("lives")} |`,
    );
  }
  for (const mutant of lives)
    console.log(`\n- ${shown(mutant)}\n  ${explained(mutant)?.why ?? "NOT EXPLAINED"}`);
  const wrong = rows.filter(([mutant, fate]) => fate !== "lives" && explained(mutant));
  for (const [mutant] of wrong)
    console.log(`\n- ${shown(mutant)} was killed: it is not equivalent`);
  return wrong.length === 0 && lives.every(explained);
}

const { values } = (() => {
  try {
    return parseArgs({
      options: {
        list: { type: "boolean", default: false },
        only: { type: "string" },
        jobs: { type: "string", default: "1" },
      },
    });
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error), 2);
  }
})();
const jobs = Number(values.jobs);
if (!Number.isInteger(jobs) || jobs < 1 || jobs > 64)
  fail(`--jobs takes a whole number from 1 to 64, got ${values.jobs}`, 2);

const source = readFileSync(join(root, "src", "TabcastPot.sol"), "utf8");
const { mutants, edits } = mutantsOf(source, syntaxTree(source));
const wanted = values.only?.split(",").map(Number);
const unknown = wanted?.find((id) => !mutants.some((mutant) => mutant.id === id));
if (unknown !== undefined) fail(`--only takes ids from 1 to ${mutants.length}, got ${unknown}`, 2);
const chosen = mutants.filter(({ id }) => wanted?.includes(id) ?? true);

if (values.list) {
  for (const mutant of chosen) console.log(shown(mutant));
} else {
  prepare(schemaOf(source, edits));
  console.log(`${chosen.length} mutants of ${mutants.length}; compiling them as one contract`);
  for (const args of [UNIT, INVARIANT]) {
    const { code, text } = await forge(0, args, 3_600_000);
    if (code !== 0) fail(`the tests fail for the contract as it is:\n${text}`, 1);
  }
  const fates = new Map<Mutant, Fate>();
  await judge(chosen, UNIT, { fates, killed: "killed", jobs });
  const left = chosen.filter((mutant) => fates.get(mutant) === "lives");
  console.log(`${left.length} are left for the invariants`);
  await judge(left, INVARIANT, { fates, killed: "killed by an invariant", jobs });
  if (!report(new Map([...fates].sort(([a], [b]) => a.id - b.id)))) process.exitCode = 1;
}
