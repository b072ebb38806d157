import { describe } from "@tabcast/runtime";
import { type Browser, chromium, type Page } from "playwright-core";
import { BrowserError } from "./chromium.ts";
import type { Headless, Told } from "./headless.ts";
import type { Plain } from "./report.ts";

/** One page in a context of its own: its storage, and so its identity, is shared with no other. */
export interface Tab {
  readonly name: string;
  readonly page: Page;
  /** Calls one of the page's verbs. Throws PAGE_FAILED with the page's own message. */
  call<Verb extends keyof Headless>(
    verb: Verb,
    ...args: Parameters<Headless[Verb]>
  ): Promise<Awaited<ReturnType<Headless[Verb]>>>;
  /** Says goodbye, then closes. May be called twice. */
  close(): Promise<void>;
}

export interface OpenTab {
  readonly name: string;
  readonly url: string;
  /** Awaited by the page. */
  readonly on: (told: Plain<Told>) => void | Promise<void>;
  /** The page crashed or threw outside any call. */
  readonly broken: (message: string) => void;
}

/** A headless Chromium. */
export interface Tabs {
  open(options: OpenTab): Promise<Tab>;
  /** Of Debian, Chrome, ...: "Chromium 156.0". */
  readonly version: string;
  /** May be called twice. */
  close(): Promise<void>;
}

/** Flags of every page of a network on one machine. */
const flags = [
  "--no-sandbox",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // A worker's page is never looked at, and must not be slowed down for that.
  "--disable-background-timer-throttling",
  "--disable-renderer-backgrounding",
  "--disable-backgrounding-occluded-windows",
  "--autoplay-policy=no-user-gesture-required",
  // Cameras, screens and microphones of the tests; nobody is asked.
  "--use-fake-device-for-media-stream",
  "--use-fake-ui-for-media-stream",
];

/** Starts a headless Chromium. Throws BROWSER_FAILED. */
export async function openTabs({
  path,
  extraFlags = [],
}: {
  path: string;
  extraFlags?: readonly string[];
}): Promise<Tabs> {
  const browser: Browser = await chromium
    .launch({
      executablePath: path,
      headless: true,
      args: [...flags, ...extraFlags],
      // Ctrl-C is ours to handle: the pages settle first.
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
  let closing: Promise<void> | undefined;
  return {
    version: `Chromium ${browser.version()}`,
    async open({ name, url, on, broken }) {
      const context = await browser.newContext();
      const page = await context.newPage();
      let over = false;
      page.on("crash", () => broken("the page crashed"));
      page.on("close", () => {
        over = true;
      });
      page.on("pageerror", (error) => {
        if (!over) broken(firstLine(error));
      });
      if (process.env.TABCAST_DEBUG)
        page.on("console", (message) => process.stderr.write(`[${name}] ${message.text()}\n`));
      await page.exposeBinding("tabcastTell", (_, text: string) =>
        on(JSON.parse(text) as Plain<Told>),
      );
      await page.goto(url);
      await page.waitForFunction(() => "tabcast" in globalThis);
      const call: Tab["call"] = async (verb, ...args) => {
        try {
          return (await page.evaluate(
            ([verb, args]) => {
              const { tabcast } = globalThis as unknown as {
                tabcast: Record<string, (...args: readonly unknown[]) => unknown>;
              };
              return tabcast[verb]?.(...args);
            },
            [verb, args] as const,
          )) as never;
        } catch (cause) {
          throw new BrowserError({ code: "PAGE_FAILED", tab: name }, firstLine(cause), { cause });
        }
      };
      return {
        name,
        page,
        call,
        async close() {
          if (over) return;
          over = true;
          // A page that hangs or has crashed does not answer, and closing must not wait for it.
          await Promise.race([
            call("close").catch(() => {}),
            new Promise((resolve) => setTimeout(resolve, 2_000).unref()),
          ]);
          await context.close().catch(() => {});
        },
      };
    },
    close() {
      closing ??= browser.close();
      return closing;
    },
  };
}

/** What went wrong in the page, without Playwright's prefix and stack. */
function firstLine(error: unknown): string {
  const line = describe(error).split("\n")[0] ?? "";
  return line.replace(/^(page\.\w+: )?((Uncaught )?\(?\w*Error: )?/, "");
}
