import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test as base, expect } from "@playwright/test";
import { type Localnet, localnet } from "@tabcast/localnet";
import puppeteer, { type Browser, type ElementHandle, type Page } from "puppeteer-core";

/** Screenshots of live pages, for people to look at; git ignores them. */
const shots = fileURLToPath(new URL("../../test-results/pages/", import.meta.url));

/** Firefox's path, or why there is none: `npm test` finds or installs it. */
export const { TABCAST_FIREFOX: path, TABCAST_NO_FIREFOX: missing = "TABCAST_FIREFOX is not set" } =
  process.env;

/** Milliseconds that anything on a page may take: joining, a hire and the first segments are its longest. */
const PATIENCE = 40_000;

/** A Firefox with a profile of its own, which goes with it. */
export interface Firefox {
  readonly version: string;
  /** Opens a page of the network; what it writes as an error or throws fails the test. `before` runs in it first. */
  open(path: string, before?: () => void): Promise<Tab>;
  close(): Promise<void>;
}

/** One page, read and driven as a person would: by labels and words. */
export interface Tab {
  readonly page: Page;
  /** Resolves with the text of what has this label, once it matches. */
  reads(label: string, wanted: RegExp): Promise<string>;
  /** Resolves once the page shows this text anywhere. */
  shows(text: string): Promise<void>;
  /** All that the page shows. */
  text(): Promise<string>;
  press(button: string | RegExp): Promise<void>;
  /** Clicks the label that begins so. */
  choose(label: string): Promise<void>;
  /** Chooses an option by its text, in the list that has one of that text. */
  select(option: RegExp): Promise<void>;
  shoot(name: string): Promise<void>;
}

/** Starts Firefox headless, over WebDriver BiDi. `prefs` are entries of about:config. */
export async function openFirefox(
  origin: string,
  complain: (text: string) => void,
  prefs: Record<string, unknown> = {},
): Promise<Firefox> {
  const browser: Browser = await puppeteer.launch({
    browser: "firefox",
    executablePath: path as string,
    headless: true,
    extraPrefsFirefox: prefs,
  });
  return {
    version: await browser.version(),
    async open(where, before) {
      const page = await browser.newPage();
      await page.setViewport({ width: 1280, height: 800 });
      page.on("console", (message) => {
        if (message.type() === "error") complain(`${where} wrote: ${message.text()}`);
      });
      page.on("pageerror", (error) => complain(`${where} threw: ${String(error)}`));
      if (before !== undefined) await page.evaluateOnNewDocument(before);
      await page.goto(origin + where);
      return tabOf(page);
    },
    close: () => browser.close(),
  };
}

function tabOf(page: Page): Tab {
  const options = { timeout: PATIENCE, polling: 100 } as const;
  // biome-ignore lint/performance/useDomNodeTextContent: what a person sees, not what is hidden
  const text = () => page.evaluate(() => document.body.innerText);
  /** What a wait that failed was looking at is what its reader wants to know. */
  const until = async <T>(what: string, wait: Promise<T>): Promise<T> => {
    try {
      return await wait;
    } catch (cause) {
      const seen = await text().catch(() => "nothing");
      throw new Error(`the page never showed ${what}; it shows:\n${seen}`, { cause });
    }
  };
  return {
    page,
    text,
    async reads(label, wanted) {
      const found = await until(
        `${wanted} as "${label}"`,
        page.waitForFunction(
          (label, source) => {
            const text = document.querySelector(`[aria-label="${label}"]`)?.textContent ?? "";
            return new RegExp(source).test(text) ? text : false;
          },
          options,
          label,
          wanted.source,
        ),
      );
      return String(await found.jsonValue());
    },
    async shows(wanted) {
      await until(
        wanted,
        page.waitForFunction((text) => document.body.textContent.includes(text), options, wanted),
      );
    },
    async press(button) {
      const found = await until(
        `a button ${button}`,
        page.waitForFunction(
          (source) =>
            [...document.querySelectorAll("button")].find(
              (one) => !one.disabled && new RegExp(source).test(one.textContent),
            ),
          options,
          typeof button === "string" ? `^${button}$` : button.source,
        ),
      );
      await (found as ElementHandle<HTMLElement>).click();
    },
    async choose(label) {
      const found = await until(
        `the choice ${label}`,
        page.waitForFunction(
          (label) =>
            [...document.querySelectorAll("label")].find((one) =>
              one.textContent.startsWith(label),
            ),
          options,
          label,
        ),
      );
      await (found as ElementHandle<HTMLElement>).click();
    },
    async select(option) {
      const found = await until(
        `the option ${option}`,
        page.waitForFunction(
          (source) =>
            [...document.querySelectorAll("option")].find((one) =>
              new RegExp(source).test(one.text),
            ),
          options,
          option.source,
        ),
      );
      await page.evaluate((one) => {
        const list = one?.closest("select");
        if (one === undefined || !list) return;
        list.value = one.value;
        list.dispatchEvent(new Event("change", { bubbles: true }));
      }, found);
    },
    async shoot(name) {
      mkdirSync(shots, { recursive: true });
      await page.screenshot({ path: `${shots}firefox-${name}.png`, fullPage: true });
    },
  };
}

interface Shared {
  readonly net: Localnet;
  readonly complaints: string[];
  readonly firefox: Firefox;
  /** Whether this Firefox found an encoder for H.264 on its system. */
  readonly h264: boolean;
}

/** A test on one network and in one Firefox, which all tests share. Closes the pages that it opened. */
export const test = base.extend<{ quiet: undefined }, { shared: Shared }>({
  shared: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures that are asked for from the pattern
    async ({}, use) => {
      const { TABCAST_PAGES: pages } = process.env;
      const net = await localnet({ workers: 0, ...(pages && { pages }) });
      const complaints: string[] = [];
      try {
        const firefox = await openFirefox(net.origin, (text) => complaints.push(text));
        try {
          const { page } = await firefox.open("/watch");
          const h264 = await page.evaluate(async () => {
            const config = { codec: "avc1.4d001f", width: 640, height: 360, bitrate: 1_000_000 };
            return (await VideoEncoder.isConfigSupported(config)).supported === true;
          });
          await page.close();
          await use({ net, complaints, firefox, h264 });
        } finally {
          await firefox.close();
        }
      } finally {
        await net.close();
      }
    },
    { scope: "worker", timeout: 90_000 },
  ],
  quiet: [
    async ({ shared }, use) => {
      await use(undefined);
      expect(shared.complaints.splice(0), "errors in the pages' consoles").toEqual([]);
    },
    { auto: true },
  ],
});

export { expect } from "@playwright/test";
