import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { describe } from "@tabcast/runtime";
import { createServer, type PluginOption } from "vite";
import { type Chromium, launchChromium } from "./launch.ts";
import type { DrivenPage } from "./page.ts";
import { isFile } from "./places.js";

export interface BenchOptions {
  /** The repository's folder. */
  readonly root: string;
  /** The bench's page, below it. */
  readonly page: string;
  /** The global that the page sets when it can be driven. */
  readonly ready: string;
  /** Modules, below `root`, whose imports are found before the first page, so that none reloads in mid-measurement. */
  readonly entries: readonly string[];
  /** Folders outside `root` that pages may fetch from. */
  readonly allow?: readonly string[];
  readonly plugins?: readonly PluginOption[];
}

/** A bench's page served from its sources, and a Chromium to open it in. */
export interface Bench {
  readonly chromium: Chromium;
  /** A folder of this run, which goes with it. */
  readonly folder: string;
  /** A fresh page, which nothing has run in. What it throws outside of calls goes to stderr. */
  open(): Promise<DrivenPage>;
  /** Leaves no process, port or file. May be called twice. */
  close(): Promise<void>;
}

/** Serves a bench's page and starts Chromium; what has started is closed again if a later part fails. Throws BrowserError. */
export async function openBench(options: BenchOptions): Promise<Bench> {
  const { root, page, ready, entries, allow = [], plugins = [] } = options;
  const folder = mkdtempSync(join(tmpdir(), "tabcast-bench-"));
  const closers: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const close = async (): Promise<void> => {
    for (const end of closers.splice(0).reverse()) await end();
  };
  try {
    const vite = await createServer({
      root,
      configFile: false,
      logLevel: "error",
      cacheDir: join(folder, "vite"),
      plugins: [...plugins],
      optimizeDeps: { entries: [...entries] },
      server: { port: 0, host: "127.0.0.1", hmr: false, fs: { allow: [root, ...allow] } },
    });
    closers.push(() => vite.close());
    await vite.listen();
    const chromium = await launchChromium();
    closers.push(() => chromium.close());
    const url = `${vite.resolvedUrls?.local[0]}${page}`;
    const broken = ({ message }: { message: string }) => console.error(message);
    return {
      chromium,
      folder,
      open: () => chromium.open({ name: page, url, ready, broken }),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

type Flag =
  | { readonly type: "boolean" }
  /** With `of`, one or more of these, with commas between; without, any text. */
  | { readonly type: "string"; readonly of?: readonly string[] }
  | { readonly type: "number"; readonly least: number; readonly most: number }
  /** A file that is there. */
  | { readonly type: "file" };

type Value<F extends Flag> = F extends { type: "boolean" }
  ? boolean
  : F extends { type: "number" }
    ? number | undefined
    : F extends { of: readonly (infer Name)[] }
      ? readonly Name[] | undefined
      : string | undefined;

/** A bench was asked for something that it does not know. */
export class FlagError extends Error {}

/** Reads a bench's flags. Throws a FlagError that says what is expected and what came. */
export function readFlags<const Flags extends Readonly<Record<string, Flag>>>(
  flags: Flags,
  argv: readonly string[],
): { readonly [Name in keyof Flags]: Value<Flags[Name]> } {
  let values: Readonly<Record<string, unknown>>;
  try {
    const options = Object.entries(flags).map(([name, { type }]) => [
      name,
      { type: type === "boolean" ? type : "string" } as const,
    ]);
    ({ values } = parseArgs({ args: [...argv], options: Object.fromEntries(options) }));
  } catch (error) {
    const known = Object.keys(flags).map((name) => `--${name}`);
    const there = known.length > 0 ? `its flags are ${known.join(", ")}` : "it takes no flags";
    throw new FlagError(`${describe(error).split(". ")[0]}; ${there}`);
  }
  return Object.fromEntries(
    Object.entries(flags).map(([name, flag]) => [name, read(name, flag, values[name])]),
  ) as never;
}

function read(name: string, flag: Flag, given: unknown): unknown {
  if (flag.type === "boolean") return given ?? false;
  if (given === undefined) return undefined;
  const text = String(given);
  if (flag.type === "number") {
    const { least, most } = flag;
    const value = Number(text);
    if (/^\d+(\.\d+)?$/.test(text) && value >= least && value <= most) return value;
    throw new FlagError(`--${name} takes a number from ${least} to ${most}, got "${text}"`);
  }
  if (flag.type === "file") {
    if (isFile(text)) return text;
    throw new FlagError(`--${name} takes a file, and there is none at "${text}"`);
  }
  if (flag.of === undefined) return text;
  const names = text.split(",");
  const unknown = names.find((one) => !flag.of?.includes(one));
  if (unknown === undefined) return names;
  throw new FlagError(`--${name} takes ${flag.of.join(", ")}, got "${unknown}"`);
}

/** The flags of the bench that this process is; a wrong one is one line on stderr and exit 2. */
export function benchFlags<const Flags extends Readonly<Record<string, Flag>>>(flags: Flags) {
  try {
    return readFlags(flags, process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    process.stderr.write(`error: ${error.message}\n`);
    process.exit(2);
  }
}
