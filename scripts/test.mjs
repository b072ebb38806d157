// npm test [-- stage ... [package ...]]: makes the machine ready, runs every stage even after a failure, and ends with
// the sum of what the runners themselves counted. test-args.mjs has its help.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { delimiter, join } from "node:path";
import { build } from "./build.mjs";
import { environment, node24, root, run, Stop, say } from "./lib.mjs";
import { firefox, setup } from "./setup.mjs";
import { helpOf, read } from "./test-args.mjs";

const out = join(root, ".cache", "test");
const modules = join(root, "node_modules");
/** A stage that hangs is a failure, not a lost afternoon. Minutes. */
const stageLimit = 20;

/**
 * The seed of everything in this run that is drawn anew each time: forge's fuzz tests and invariants, and the unit tests'
 * properties. The tests in pages have seeds of their own, unless SEED is given.
 */
const seed = process.env.SEED || String(Math.floor(Math.random() * 2 ** 31));
const seeding = `seed: ${seed} (SEED=${seed} npm test draws the same)`;

/** Reads a runner's report, or undefined if it never wrote one. */
function report(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

/** The first lines of a failure, without the colours: what a reader of the last page of a log needs. */
function failure(name, message = "") {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what colours are made of
  const plain = message.replace(/\u001b\[[0-9;]*m/g, "");
  return [`FAIL ${name}`, ...plain.split("\n").slice(0, 6)].join("\n    ");
}

/** A tool that only says yes or no counts as one. */
const yesOrNo = (code) => ({ passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1 });

/** Packages and apps, by the last part of their folder. */
const packages = Object.fromEntries(
  ["packages", "apps"].flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => existsSync(join(root, folder, name, "package.json")))
      .map((name) => [name, `${folder}/${name}`]),
  ),
);

/** A project of Vitest's, or of it the tests below the given folders. */
function vitest(project, folders = []) {
  const file = join(out, `${project}.json`);
  return {
    command: node24,
    args: [
      join(modules, "vitest", "vitest.mjs"),
      "run",
      "--project",
      project,
      ...filtersOf(folders),
      "--reporter=default",
      "--reporter=json",
      `--outputFile.json=${file}`,
    ],
    count() {
      const json = report(file);
      if (json === undefined) return undefined;
      // A file that fails before its first test has no failing test in it, and would otherwise count for nothing.
      const broken = json.testResults.filter(
        (suite) =>
          suite.status === "failed" && !suite.assertionResults.some((t) => t.status === "failed"),
      );
      return {
        passed: json.numPassedTests,
        failed: json.numFailedTests + broken.length,
        skipped: json.numPendingTests + json.numTodoTests,
        failures: [
          ...json.testResults
            .flatMap((suite) => suite.assertionResults)
            .filter(({ status }) => status === "failed")
            .map((each) => failure(each.fullName, each.failureMessages[0])),
          ...broken.map((suite) => failure(suite.name, suite.message)),
        ],
      };
    },
  };
}

/** Vitest takes a whole path for its beginning, and a part of one for any place in it. */
const filtersOf = (folders) => folders.map((folder) => `${join(root, folder)}/`);

/** Runs tests again whenever what they import changes, until it is ended; resolves with its exit. */
function watch(project, folders, env) {
  const vitest = join(modules, "vitest", "vitest.mjs");
  const args = [vitest, "watch", "--project", project, ...filtersOf(folders)];
  // In our own process group, because it reads the terminal's keys and hears its Ctrl-C.
  const child = spawn(node24, args, { cwd: root, env: environment(env), stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
    process.on(signal, () => child.kill(signal));
  return new Promise((resolve) => child.once("exit", (code) => resolve(code ?? 1)));
}

function forge() {
  const folder = join(root, "packages", "contracts");
  let text = "";
  return {
    command: node24,
    args: [join("script", "forge.ts"), "test", "--json"],
    cwd: folder,
    env: { SEED: seed },
    // With --json its stdout is one object; its closing line is ours to write.
    keep: (chunk) => {
      text += chunk;
    },
    count() {
      const line = text.split("\n").find((part) => part.startsWith("{"));
      if (line === undefined) return { passed: 0, failed: 0, said: text.trim() };
      const sum = { passed: 0, failed: 0, skipped: 0, failures: [] };
      for (const [suite, { test_results: results }] of Object.entries(JSON.parse(line)))
        for (const [name, { status, reason }] of Object.entries(results)) {
          sum[{ Success: "passed", Skipped: "skipped" }[status] ?? "failed"]++;
          if (status === "Failure") sum.failures.push(failure(`${suite} ${name}`, reason ?? ""));
        }
      const said = `forge: ${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`;
      return { ...sum, said };
    },
  };
}

/** Formatting, gas snapshots (which forge compares only where it writes no JSON) and generated code. They count as one. */
function contractChecks() {
  const folder = join(root, "packages", "contracts");
  const { scripts } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return {
    command: scripts.check,
    args: [],
    cwd: folder,
    shell: true,
    env: {
      PATH: [join(folder, "node_modules", ".bin"), environment().PATH].join(delimiter),
    },
  };
}

const specsOf = (suite) => [...suite.specs, ...(suite.suites ?? []).flatMap(specsOf)];

/** The tests of a folder under e2e. */
function playwright(name, config) {
  const file = join(out, `${name}.json`);
  return {
    command: node24,
    args: [
      join(modules, "@playwright", "test", "cli.js"),
      "test",
      "-c",
      join(root, "e2e", config),
      "--reporter=list,json",
    ],
    env: { PLAYWRIGHT_JSON_OUTPUT_NAME: file },
    needsPages: true,
    count() {
      const json = report(file);
      if (json === undefined) return undefined;
      const { stats } = json;
      return {
        passed: stats.expected + stats.flaky,
        failed: stats.unexpected,
        skipped: stats.skipped,
        failures: json.suites
          .flatMap(specsOf)
          .flatMap(({ title, tests }) =>
            tests
              .filter(({ status }) => status === "unexpected")
              .map(({ results }) => failure(title, results.at(-1)?.error?.message)),
          ),
      };
    },
  };
}

/** The types, and no function that nobody can hold in the head. Together they count as one. */
function types() {
  const quoted = (...words) => words.map((word) => `"${word}"`).join(" ");
  const check = quoted(node24, join(modules, "typescript", "bin", "tsc"), "--noEmit");
  const functions = quoted(node24, join(root, "scripts", "functions.mjs"));
  return { command: `${check} && ${functions}`, args: [], shell: true };
}

/** Without a Firefox its tests are counted as skipped, and the reason is said. */
async function inFirefox() {
  const { path, missing } = await firefox();
  if (missing !== undefined) say(`firefox: its tests are skipped: ${missing}`);
  const stage = playwright("firefox", join("firefox", "playwright.config.ts"));
  const found = path === undefined ? { TABCAST_NO_FIREFOX: missing } : { TABCAST_FIREFOX: path };
  return {
    ...stage,
    env: { ...stage.env, TABCAST_FIREFOX: undefined, ...found },
    skippable: missing,
  };
}

const stages = {
  types,
  lint: () => ({
    command: node24,
    args: [join(modules, "@biomejs", "biome", "bin", "biome"), "check", "."],
  }),
  docs: () => ({ command: node24, args: [join(root, "scripts", "readmes.mjs")] }),
  contracts: forge,
  "contract-checks": contractChecks,
  unit: (folders) => ({ ...vitest("unit", folders), env: { SEED: seed } }),
  browser: (folders) => vitest("browser", folders),
  pages: (folders) => vitest("pages", folders),
  localnet: (folders) => ({ ...vitest("localnet", folders), needsPages: true }),
  e2e: () => playwright("e2e", "playwright.config.ts"),
  firefox: inFirefox,
};
/** Those whose runner can be told which packages' tests to run. */
const takesPackages = ["unit", "browser", "pages", "localnet"];
const there = {
  stages: Object.fromEntries(
    Object.keys(stages).map((name) => [name, { takesPackages: takesPackages.includes(name) }]),
  ),
  packages,
};

/**
 * Forge compiles for minutes and then runs its invariants, each on one core: these stages run one after the other beside
 * those that nothing measures, and what they print is shown when their turn comes.
 */
const beside = ["contracts", "contract-checks"];
/** Those whose tests do not mind it; whole networks with real codecs have the machine alone. */
const patient = ["types", "lint", "docs", "unit", "pages"];

/** What kills each stage that runs. */
const running = new Set();
let interrupted = false;

/**
 * Runs a stage in a process group of its own, so that nothing of it outlives it. `keep` takes its stdout, `tell` both of
 * its outputs; without them they are ours.
 */
function runStage({ command, args, cwd = root, env = {}, shell = false, keep }, shared, tell) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      shell,
      env: environment({ ...shared, ...env }),
      stdio: ["ignore", (keep ?? tell) ? "pipe" : "inherit", tell ? "pipe" : "inherit"],
      detached: process.platform !== "win32",
    });
    const kill = (signal) => {
      try {
        if (process.platform === "win32") child.kill(signal);
        else process.kill(-child.pid, signal);
      } catch {
        // Already gone.
      }
    };
    running.add(kill);
    let late = false;
    const limit = setTimeout(() => {
      late = true;
      kill("SIGKILL");
    }, stageLimit * 60_000);
    child.stdout?.on("data", keep ?? tell);
    child.stderr?.on("data", tell);
    const end = (code) => {
      clearTimeout(limit);
      running.delete(kill);
      resolve({ code, late });
    };
    child.once("error", () => end(127));
    child.once("close", (code) => end(code ?? 1));
  });
}

/** What a stage came to, given what its runner counted and how it ended: never nothing, and never good without a test. */
function judged({ skippable }, counted, { code, late }, folders) {
  if (skippable !== undefined && counted?.skipped > 0 && counted.failed === 0)
    return { counted, note: ` (${skippable})` };
  if (counted === undefined || counted.passed + counted.failed === 0) {
    const none = folders.length === 0 ? "ran no test" : `no test of ${folders.join(", ")}`;
    const note = ` (${late ? `stopped after ${stageLimit} min` : none})`;
    return { counted: { passed: counted?.passed ?? 0, failed: 1 }, note };
  }
  // Every test was fine and yet the runner was not: an error outside any test, or a crash after the last.
  if (code !== 0 && counted.failed === 0)
    return { counted: { ...counted, failed: 1 }, note: ` (the runner ended with ${code})` };
  return { counted, note: "" };
}

/** Runs one stage to its end; resolves with its counts and its closing line. */
async function outcomeOf(name, folders, shared, tell) {
  const began = Date.now();
  let outcome;
  try {
    const stage = await stages[name](folders);
    if (stage.needsPages) await build();
    if (interrupted) throw new Stop("interrupted");
    const ended = await runStage(stage, shared, tell);
    const counted = stage.count === undefined ? yesOrNo(ended.code) : stage.count();
    if (counted?.said !== undefined)
      tell ? tell(Buffer.from(`${counted.said}\n`)) : say(counted.said);
    outcome = judged(stage, counted, ended, folders);
  } catch (error) {
    // Also a report that is no report: the other stages have theirs, and the sum is said.
    outcome = { counted: { passed: 0, failed: 1 }, note: ` (${error.message})` };
  }
  const { counted, note } = outcome;
  const seconds = ((Date.now() - began) / 1000).toFixed(0);
  const skipped = counted.skipped ? `, ${counted.skipped} skipped` : "";
  const line = `${name}: ${counted.passed} passed, ${counted.failed} failed${skipped} in ${seconds} s${note}`;
  return { counted, line };
}

/** Starts stages one after the other; `of(name)` shows what one printed and resolves with its outcome. */
function startBeside(names, folders, shared) {
  const texts = new Map(names.map((name) => [name, []]));
  const outcomes = new Map();
  let before = Promise.resolve();
  for (const name of names) {
    before = before.then(() =>
      interrupted
        ? undefined
        : outcomeOf(name, folders, shared, (chunk) => texts.get(name)?.push(chunk)),
    );
    outcomes.set(name, before);
  }
  return {
    async of(name) {
      const outcome = await outcomes.get(name);
      process.stdout.write(Buffer.concat(texts.get(name) ?? []));
      return outcome;
    },
  };
}

/** Runs the named stages, those that others may run beside first of all; yields the outcome of each. */
async function* outcomes(names, folders, shared) {
  const first = names.filter((name) => patient.includes(name));
  const aside = first.length > 0 ? names.filter((name) => beside.includes(name)) : [];
  const alone = names.filter((name) => !first.includes(name) && !aside.includes(name));
  const lane = startBeside(aside, folders, shared);
  for (const name of [...first, ...aside, ...alone]) {
    if (interrupted) return;
    say(`\n== ${name}`);
    const outcome = aside.includes(name)
      ? await lane.of(name)
      : await outcomeOf(name, folders, shared);
    if (outcome !== undefined) yield { name, ...outcome };
  }
}

await run(async () => {
  const asked = read(process.argv.slice(2), there);
  if (asked.help) return console.log(helpOf(there));
  const names = asked.stages.length > 0 ? asked.stages : Object.keys(stages);
  const folders = asked.packages.map((name) => packages[name]);
  const { chromium } = await setup();
  const shared = { TABCAST_CHROMIUM: chromium, FORCE_COLOR: process.stdout.isTTY ? "1" : "0" };
  if (asked.watch) {
    if (stages[names[0]](folders).needsPages) await build();
    process.exitCode = await watch(names[0], folders, shared);
    return;
  }
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
    process.on(signal, () => {
      // Who asks twice is not asked to wait for what does not listen.
      for (const kill of running) kill(interrupted ? "SIGKILL" : signal);
      interrupted = true;
    });

  say(seeding);
  const sum = { passed: 0, failed: 0, skipped: 0 };
  const lines = new Map();
  const failures = [];
  for await (const { name, counted, line } of outcomes(names, folders, shared)) {
    for (const key of Object.keys(sum)) sum[key] += counted[key] ?? 0;
    failures.push(...(counted.failures ?? []));
    lines.set(name, line);
  }
  // Once more at the end: of a long log people and machines keep the last page.
  if (failures.length > 0) console.log(`\n${failures.join("\n")}`);
  console.log(`\n${seeding}`);
  console.log(names.flatMap((name) => lines.get(name) ?? []).join("\n"));
  if (interrupted) console.log("interrupted: the stages after this were not run");
  const skipped = sum.skipped > 0 ? `, ${sum.skipped} skipped` : "";
  console.log(`${sum.passed} passed, ${sum.failed} failed${skipped}`);
  const nothing = sum.passed + sum.skipped === 0;
  process.exitCode = sum.failed > 0 || interrupted || nothing ? 1 : 0;
});
