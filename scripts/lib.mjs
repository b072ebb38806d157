import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's folder. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const windows = process.platform === "win32";
const bin = join(root, "node_modules", ".bin");

/** The Node 24 that the `node` dev dependency brings. */
export const node24 = join(root, "node_modules", "node", "bin", windows ? "node.exe" : "node");

/** The environment of everything we start: Node 24 and the tools of node_modules first. */
export function environment(extra = {}) {
  const env = { ...process.env, ...extra };
  const key = Object.keys(env).find((name) => name.toUpperCase() === "PATH") ?? "PATH";
  env[key] = bin + (windows ? ";" : ":") + (env[key] ?? "");
  return env;
}

/** One line for people, on stderr: stdout belongs to `--json`. */
export function say(line) {
  process.stderr.write(`${line}\n`);
}

/** A step that cannot go on: one line that says what happened and what to do. */
export class Stop extends Error {
  exit = 1;
}

/** A word of the command line that is unknown, missing or out of bounds. */
export class Misuse extends Stop {
  exit = 2;
}

/** Runs `main`; a Stop becomes one line on stderr and exit 1, a Misuse the same and exit 2. */
export async function run(main) {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    say(`error: ${error.message}`);
    process.exit(error.exit);
  }
}

/**
 * Runs a program to its end and returns its exit code and its last lines. What it prints is one moving line on a
 * terminal, and a line every five seconds elsewhere.
 */
export function runQuietly(command, args, { env = environment(), shell = false } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      env,
      shell,
      stdio: ["ignore", "pipe", "pipe"],
      windowsHide: true,
    });
    const tail = [];
    let shown = Date.now();
    const take = (chunk) => {
      for (const line of String(chunk).split(/[\r\n]+/)) {
        if (line.trim() === "") continue;
        tail.push(line.trimEnd());
        if (tail.length > 15) tail.shift();
        if (process.stderr.isTTY) {
          process.stderr.write(`\r\x1b[2K  ${line.slice(0, (process.stderr.columns ?? 80) - 4)}`);
        } else if (Date.now() - shown > 5_000) {
          shown = Date.now();
          say(`  ${line.slice(0, 160)}`);
        }
      }
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    const end = (code) => {
      if (process.stderr.isTTY) process.stderr.write("\r\x1b[2K");
      resolve({ code, tail });
    };
    child.once("error", (error) => {
      tail.push(error.message);
      end(127);
    });
    child.once("close", (code, signal) => end(code ?? (signal === null ? 1 : 128)));
  });
}

/** Runs a script on Node 24 in place of this process: it has our terminal, gets our signals, and its exit is ours. */
export function handOver(script, args, env) {
  const child = spawn(node24, ["--disable-warning=ExperimentalWarning", script, ...args], {
    env: environment(env),
    // The fourth is a line to the child: when this process is killed outright, the child sees it close and cleans up.
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  // A terminal sends Ctrl-C to both of us; the child takes signals that come together for one.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
    process.on(signal, () => child.kill(signal));
  child.once("exit", (code, signal) => process.exit(code ?? (signal === "SIGKILL" ? 137 : 1)));
}

/** SHA-256 over names and contents of the given files and folders, skipping what tools generate. */
export function fingerprint(paths) {
  const hash = createHash("sha256");
  const visit = (path) => {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return;
    if (stat.isDirectory()) {
      for (const name of readdirSync(path).sort())
        if (
          !["node_modules", "dist", "out", "cache", "bench"].includes(name) &&
          !name.startsWith(".")
        )
          visit(join(path, name));
    } else if (!/\.test\.tsx?$|\.md$/.test(path)) {
      hash.update(path.slice(root.length)).update("\0").update(readFileSync(path)).update("\0");
    }
  };
  for (const path of paths) visit(join(root, path));
  return hash.digest("hex");
}
