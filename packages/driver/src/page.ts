import { describe, systemClock } from "@tabcast/runtime";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { BrowserError } from "./errors.ts";

/** Console lines of a page that are kept, newest last; older ones are let go of. */
export const MOST_LINES = 200;
/** Longest console line, in characters; the rest is cut off. */
export const LONGEST_LINE = 2_000;
/** Milliseconds for a page to load and to say that it is ready. Default of `loadWithin`. */
const LOAD_WITHIN = 30_000;
/** Milliseconds for a page's own goodbye, and then for the browser to close it. */
const CLOSE_WITHIN = 2_000;
/** Milliseconds between the end of a page and that of the browser which took it along. */
const SAME_END = 200;
/** Milliseconds for a picture of a page. */
const PICTURE_WITHIN = 10_000;

/** What a page wrote to its console. */
export interface ConsoleLine {
  /** "log", "error", "warning", "debug", ... */
  readonly type: string;
  readonly text: string;
  /** Address of the script that wrote it. */
  readonly from: string;
}

/** A page threw outside every call, or died. */
export interface Broken {
  readonly message: string;
  /** The page's renderer or the browser ended, and nothing can be asked of the page again. */
  readonly over: boolean;
  readonly stack?: string;
}

export interface OpenPage {
  /** For errors: "worker 1". */
  readonly name: string;
  /** Where it goes first; without one it stays empty. */
  readonly url?: string;
  /** A global that the page sets when it can be driven. Default: its load event is enough. */
  readonly ready?: string;
  /** Milliseconds, default 30_000; a page that takes longer throws PAGE_FAILED. */
  readonly loadWithin?: number;
  /** What addresses are relative to. */
  readonly base?: string;
  /** Functions that the page may call by name with one text. The page awaits them. */
  readonly bindings?: Readonly<Record<string, (text: string) => unknown>>;
  readonly line?: (line: ConsoleLine) => void;
  readonly broken?: (broken: Broken) => void;
  /** Aborted when the browser is being closed: then the end of its pages is no news. */
  readonly signal?: AbortSignal;
}

/** A page in a context of its own: its storage, and so whatever identity it keeps, is shared with no other. */
export interface DrivenPage {
  readonly name: string;
  /** Playwright's page, for what this package does not know. */
  readonly page: Page;
  /** The newest `MOST_LINES` lines of its console. */
  lines(): readonly ConsoleLine[];
  /** Runs a function in the page. Throws PAGE_FAILED with the page's own message, or PAGE_GONE. */
  evaluate<Result, Argument = undefined>(
    run: (argument: Argument) => Result | Promise<Result>,
    argument?: Argument,
  ): Promise<Result>;
  /** Calls a method of one of the page's globals. Throws like `evaluate`. */
  call(global: string, method: string, args: readonly unknown[]): Promise<unknown>;
  /** Writes a picture of the whole page, within ten seconds. */
  screenshot(file: string): Promise<void>;
  /** Lets the renderer die in the middle of whatever it does; resolves when it has. */
  crash(): Promise<void>;
  /** Gives `goodbye` and then the browser two seconds each. May be called twice; a page that is gone is closed already. */
  close(goodbye?: () => Promise<unknown>): Promise<void>;
}

/** Opens a page in a fresh context of a browser. Throws PAGE_FAILED or PAGE_GONE, and then leaves no page behind. */
export async function openPage(browser: Browser, options: OpenPage): Promise<DrivenPage> {
  const { name, base } = options;
  let context: BrowserContext | undefined;
  try {
    context = await browser.newContext(base === undefined ? {} : { baseURL: base });
    const driven = drive(browser, await context.newPage(), options);
    await load(driven.page, options, driven.gone);
    return driven;
  } catch (cause) {
    await context?.close().catch(() => {});
    if (cause instanceof BrowserError) throw cause;
    const code = browser.isConnected() ? "PAGE_FAILED" : "PAGE_GONE";
    throw new BrowserError({ code, page: name }, `${name}: ${firstLine(cause)}`, { cause });
  }
}

async function load(page: Page, options: OpenPage, gone: Promise<never>): Promise<void> {
  const { url, ready, loadWithin: timeout = LOAD_WITHIN, bindings = {} } = options;
  for (const [name, act] of Object.entries(bindings))
    await page.exposeBinding(name, (_, text: string) => act(text));
  if (url === undefined) return;
  await Promise.race([page.goto(url, { timeout }), gone]);
  if (ready !== undefined)
    await Promise.race([
      page.waitForFunction((key) => key in globalThis, ready, { timeout }),
      gone,
    ]);
}

/** Hears what a page writes and what breaks it, and asks it things only while it lives. */
function drive(
  browser: Browser,
  page: Page,
  { name, line, broken, signal }: OpenPage,
): DrivenPage & { readonly gone: Promise<never> } {
  const lines: ConsoleLine[] = [];
  const gone = Promise.withResolvers<never>();
  // Whoever asks the page something hears of it; nobody has to.
  gone.promise.catch(() => {});
  let closing: Promise<void> | undefined;
  let over = false;
  const die = (message: string): boolean => {
    if (over) return false;
    over = true;
    gone.reject(new BrowserError({ code: "PAGE_GONE", page: name }, `${name}: ${message}`));
    return closing === undefined && signal?.aborted !== true;
  };
  page.on("crash", () => {
    if (die("the page crashed")) broken?.({ message: "the page crashed", over: true });
  });
  page.on("close", async () => {
    // Whoever closes a page knows it; that the browser died is told, and Playwright says so after the page's end.
    if (die("the page was closed") && (await ends(browser)))
      broken?.({ message: "the browser ended", over: true });
  });
  page.on("console", (said) => {
    const text = said.text().slice(0, LONGEST_LINE);
    const one = { type: said.type(), text, from: said.location().url };
    lines.push(one);
    if (lines.length > MOST_LINES) lines.shift();
    line?.(one);
  });
  page.on("pageerror", ({ message, stack }) => {
    if (closing === undefined)
      broken?.({ message: firstLine(message), over: false, ...(stack ? { stack } : {}) });
  });
  const ask = async <T>(question: Promise<T>): Promise<T> => {
    try {
      return await Promise.race([question, gone.promise]);
    } catch (cause) {
      if (cause instanceof BrowserError) throw cause;
      throw new BrowserError({ code: "PAGE_FAILED", page: name }, firstLine(cause), { cause });
    } finally {
      question.catch(() => {}); // it may still fail after the page was given up
    }
  };
  return {
    name,
    page,
    gone: gone.promise,
    lines: () => [...lines],
    evaluate: (run, argument) => ask(page.evaluate(run as never, argument as never)),
    call: (global, method, args) => ask(page.evaluate(callIn, [global, method, args] as const)),
    screenshot: (path) =>
      ask(page.screenshot({ path, fullPage: true, timeout: PICTURE_WITHIN }).then(() => {})),
    crash: async () => (await crasher(page))(),
    close(goodbye) {
      closing ??= leave(page.context(), over ? undefined : goodbye);
      return closing;
    },
  };
}

/** Runs in the page. */
function callIn([global, method, args]: readonly [string, string, readonly unknown[]]): unknown {
  const object = (globalThis as unknown as Record<string, Record<string, unknown> | undefined>)[
    global
  ];
  const run = object?.[method];
  if (typeof run !== "function") throw new TypeError(`the page has no ${global}.${method}`);
  return run.apply(object, args);
}

/** The browser is gone, or goes within a moment. */
async function ends(browser: Browser): Promise<boolean> {
  const gone = new Promise<void>((resolve) => browser.once("disconnected", () => resolve()));
  if (browser.isConnected()) await atMost(SAME_END, gone);
  return !browser.isConnected();
}

/** Makes ready to let a page's renderer die at once, with no goodbye and no event in the page; resolves when it has. */
export async function crasher(page: Page): Promise<() => Promise<void>> {
  const session = await page.context().newCDPSession(page);
  return async () => {
    const seen = page.waitForEvent("crash");
    session.send("Page.crash").catch(() => {}); // nobody is left to answer
    await seen;
  };
}

/** A page that hangs or has crashed does not answer, and closing must not wait for it. */
async function leave(context: BrowserContext, goodbye?: () => Promise<unknown>): Promise<void> {
  if (goodbye !== undefined) await atMost(CLOSE_WITHIN, goodbye());
  await atMost(CLOSE_WITHIN, context.close());
}

async function atMost(milliseconds: number, task: Promise<unknown>): Promise<void> {
  const own = new AbortController();
  const late = systemClock.sleep(milliseconds, { signal: own.signal }).catch(() => {});
  await Promise.race([task.catch(() => {}), late]);
  own.abort();
}

/** What went wrong, without Playwright's prefix and stack. */
export function firstLine(error: unknown): string {
  const line = (typeof error === "string" ? error : describe(error)).split("\n")[0] ?? "";
  return line.replace(/^(\w+\.\w+: )?((Uncaught )?\(?\w*Error: )?/, "");
}
