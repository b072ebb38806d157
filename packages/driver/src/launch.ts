import { describe, systemClock } from "@tabcast/runtime";
import { type Browser, chromium as playwright } from "playwright-core";
import { chromiumArguments } from "./arguments.ts";
import { BrowserError } from "./errors.ts";
import { findChromium } from "./find.ts";
import { type DrivenPage, firstLine, type OpenPage, openPage } from "./page.ts";

/** Milliseconds that Chromium may take to start. Default of `startWithin`. */
export const START_WITHIN = 30_000;
/** Milliseconds that Chromium may take to end by itself before its processes are killed. Default of `closeWithin`. */
export const CLOSE_WITHIN = 5_000;

export interface LaunchOptions {
  /** Path of Chromium. Default: `findChromium()`. */
  readonly path?: string;
  /** The whole command line. Default: `chromiumArguments()`. */
  readonly args?: readonly string[];
  /** Milliseconds, 1 to 600_000. Default 30_000; a start that takes longer throws BROWSER_FAILED. */
  readonly startWithin?: number;
  /** Milliseconds, 1 to 60_000. Default 5_000; after that the browser's processes are killed. */
  readonly closeWithin?: number;
}

/** A headless Chromium. */
export interface Chromium {
  /** "Chromium 156.0.7632.45". */
  readonly version: string;
  /** The browser's own process. Its renderers are children of it. */
  readonly pid: number;
  /** Playwright's browser, for what this package does not know. */
  readonly browser: Browser;
  /** Opens a page with storage of its own. Throws PAGE_FAILED or PAGE_GONE. */
  open(options: OpenPage): Promise<DrivenPage>;
  /** Ends the browser, and kills it if it does not end in time. May be called twice. */
  close(): Promise<void>;
}

function within(name: string, value: number, most: number): number {
  if (Number.isFinite(value) && value >= 1 && value <= most) return value;
  throw new RangeError(`${name} takes 1 to ${most} milliseconds, got ${value}`);
}

/** Starts a headless Chromium. Throws BROWSER_MISSING or BROWSER_FAILED, and a RangeError for an option out of bounds. */
export async function launchChromium(options: LaunchOptions = {}): Promise<Chromium> {
  const startWithin = within("startWithin", options.startWithin ?? START_WITHIN, 600_000);
  const closeWithin = within("closeWithin", options.closeWithin ?? CLOSE_WITHIN, 60_000);
  const path = options.path ?? findChromium();
  const browser = await playwright
    .launch({
      executablePath: path,
      headless: true,
      args: [...(options.args ?? chromiumArguments())],
      timeout: startWithin,
      // Ctrl-C is the caller's to handle: pages settle first.
      handleSIGINT: false,
      handleSIGTERM: false,
      handleSIGHUP: false,
    })
    .catch((cause) => {
      throw new BrowserError(
        { code: "BROWSER_FAILED", path },
        `Chromium at ${path} did not start: ${firstLine(cause)}`,
        { cause },
      );
    });
  const pid = await processOf(browser, path);
  const own = new AbortController();
  let closing: Promise<void> | undefined;
  return {
    version: `Chromium ${browser.version()}`,
    pid,
    browser,
    open: (page) => openPage(browser, { ...page, signal: own.signal }),
    close() {
      own.abort();
      closing ??= end(browser, pid, closeWithin);
      return closing;
    },
  };
}

/** The process id of the browser itself, as the browser tells it: what was started may be a script around it. */
async function processOf(browser: Browser, path: string): Promise<number> {
  try {
    const session = await browser.newBrowserCDPSession();
    const { processInfo } = await session.send("SystemInfo.getProcessInfo");
    await session.detach();
    const own = processInfo.find(({ type }) => type === "browser")?.id;
    if (own === undefined) throw new Error("it does not say which process it is");
    return own;
  } catch (cause) {
    await browser.close().catch(() => {});
    throw new BrowserError(
      { code: "BROWSER_FAILED", path },
      `Chromium at ${path} ended while it started: ${firstLine(describe(cause))}`,
      { cause },
    );
  }
}

/** Asks the browser to end, and kills its processes if it has not done so in time. */
async function end(browser: Browser, pid: number, patience: number): Promise<void> {
  const over = new AbortController();
  const late = systemClock.sleep(patience, { signal: over.signal }).then(
    () => kill(pid),
    () => {}, // it ended in time
  );
  await browser.close().catch(() => {});
  over.abort();
  await late;
}

/** Kills a process and the group that it leads, which its children belong to. */
function kill(pid: number): void {
  for (const target of process.platform === "win32" ? [pid] : [-pid, pid])
    try {
      process.kill(target, "SIGKILL");
    } catch {
      // It is gone already, or leads no group.
    }
}
