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
    // With --json its stdout is one object; its closing line is ours to write.
    keep: (chunk) => {
      text += chunk;
    },
    count() {
      const line = text.split("\n").find((part) => part.startsWith("{"));
      if (line === undefined) {
        say(text.trim());
        return undefined;
      }
      const sum = { passed: 0, failed: 0, skipped: 0, failures: [] };
      for (const [suite, { test_results: results }] of Object.entries(JSON.parse(line)))
        for (const [name, { status, reason }] of Object.entries(results)) {
          sum[{ Success: "passed", Skipped: "skipped" }[status] ?? "failed"]++;
          if (status === "Failure") sum.failures.push(failure(`${suite} ${name}`, reason ?? ""));
        }
      say(`forge: ${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
      return sum;
    },
  };
}

/** The package's own test script: formatting, gas snapshots and generated code besides the tests. It counts as one. */
function contractChecks() {
  const folder = join(root, "packages", "contracts");
  const { scripts } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return {
    command: scripts.test,
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
  unit: (folders) => vitest("unit", folders),
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

/** Runs a stage in a process group of its own, so that nothing of it outlives it. */
function runStage({ command, args, cwd = root, env = {}, shell = false, keep }, shared, current) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      shell,
      env: environment({ ...shared, ...env }),
      stdio: ["ignore", keep ? "pipe" : "inherit", "inherit"],
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
    current.kill = kill;
    let late = false;
    const limit = setTimeout(() => {
      late = true;
      kill("SIGKILL");
    }, stageLimit * 60_000);
    child.stdout?.on("data", keep);
    child.once("error", () => resolve({ code: 127, late }));
    child.once("close", (code) => {
      clearTimeout(limit);
      current.kill = undefined;
      resolve({ code: code ?? 1, late });
    });
  });
}

await run(async () => {
  const asked = read(process.argv.slice(2), there);
  if (asked.help) return console.log(helpOf(there));
  const names = asked.stages;
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

  const current = { kill: undefined };
  let interrupted = false;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
    process.on(signal, () => {
      interrupted = true;
      current.kill?.(signal);
    });

  const sum = { passed: 0, failed: 0, skipped: 0 };
  const lines = [];
  const failures = [];
  for (const name of names.length > 0 ? names : Object.keys(stages)) {
    if (interrupted) break;
    say(`\n== ${name}`);
    const stage = await stages[name](folders);
    const began = Date.now();
    let note = "";
    let counted;
    try {
      if (stage.needsPages) await build();
      const { code, late } = await runStage(stage, shared, current);
      counted = stage.count === undefined ? yesOrNo(code) : stage.count();
      if (stage.skippable !== undefined && counted?.skipped > 0 && counted.failed === 0) {
        note = ` (${stage.skippable})`;
      } else if (counted === undefined || counted.passed + counted.failed === 0) {
        counted = { passed: counted?.passed ?? 0, failed: 1 };
        const none = folders.length === 0 ? "ran no test" : `no test of ${folders.join(", ")}`;
        note = ` (${late ? `stopped after ${stageLimit} min` : none})`;
      } else if (code !== 0 && counted.failed === 0) {
        // Every test was fine and yet the runner was not: an error outside any test, or a crash after the last.
        counted = { ...counted, failed: 1 };
        note = ` (the runner ended with ${code})`;
      }
    } catch (error) {
      if (!(error instanceof Stop)) throw error;
      counted = { passed: 0, failed: 1 };
      note = ` (${error.message})`;
    }
    for (const key of Object.keys(sum)) sum[key] += counted[key] ?? 0;
    failures.push(...(counted.failures ?? []));
    const seconds = ((Date.now() - began) / 1000).toFixed(0);
    const skipped = counted.skipped ? `, ${counted.skipped} skipped` : "";
    lines.push(
      `${name}: ${counted.passed} passed, ${counted.failed} failed${skipped} in ${seconds} s${note}`,
    );
  }
  // Once more at the end: of a long log people and machines keep the last page.
  if (failures.length > 0) console.log(`\n${failures.join("\n")}`);
  console.log(`\n${lines.join("\n")}`);
  if (interrupted) console.log("interrupted: the stages after this were not run");
  const skipped = sum.skipped > 0 ? `, ${sum.skipped} skipped` : "";
  console.log(`${sum.passed} passed, ${sum.failed} failed${skipped}`);
  const nothing = sum.passed + sum.skipped === 0;
  process.exitCode = sum.failed > 0 || interrupted || nothing ? 1 : 0;
});
