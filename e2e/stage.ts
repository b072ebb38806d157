import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Browser, test as base, expect, type Page } from "@playwright/test";
import { type DrivenPage, openPage } from "@tabcast/driver";
import { type Localnet, type LocalnetOptions, localnet } from "@tabcast/localnet";

/** Screenshots of live pages, for people to look at; git ignores them. */
const shots = fileURLToPath(new URL("../test-results/pages/", import.meta.url));

/** Something a page may complain about without failing the test. */
interface Excuse {
  readonly pattern: RegExp;
  readonly reason: string;
}

/** One network, one browser, and whatever its pages complained about. */
export interface Stage {
  readonly net: Localnet;
  /** A page with storage, and so an identity and a wallet, of its own. */
  open(name: string): Promise<Page>;
  /** Lets pages complain of one thing until the returned function is called. */
  excuse(excuse: Excuse): () => void;
  /** What pages wrote as errors, threw or died of since the last call. */
  complaints(): string[];
  /** A page is about to be crashed on purpose. */
  expectCrash(page: Page): void;
  /** A page at 1280 and at 390 pixels width, whole, in its present state. */
  shoot(page: Page, name: string): Promise<void>;
  /** Every page that is open, by name. */
  readonly pages: ReadonlyMap<string, Page>;
}

async function openStage(net: Localnet, browser: Browser): Promise<[Stage, () => Promise<void>]> {
  const opened: DrivenPage[] = [];
  const pages = new Map<string, Page>();
  const doomed = new Set<Page>();
  const excuses = new Set<Excuse>();
  let heard: string[] = [];
  const complain = (text: string) => {
    if (![...excuses].some(({ pattern }) => pattern.test(text))) heard.push(text);
  };
  const stage: Stage = {
    net,
    pages,
    async open(name) {
      const driven = await openPage(browser, {
        name,
        base: net.origin,
        line({ type, text, from }) {
          if (type === "error") complain(`${name} wrote: ${text} (${from})`);
        },
        broken({ message, over, stack }) {
          if (over) pages.delete(name);
          if (!over) complain(`${name} threw: ${stack ?? message}`);
          else if (!doomed.has(driven.page)) complain(`${name} is gone: ${message}`);
        },
      });
      const { page } = driven;
      opened.push(driven);
      pages.set(name, page);
      page.on("close", () => pages.delete(name));
      return page;
    },
    excuse(excuse) {
      excuses.add(excuse);
      return () => excuses.delete(excuse);
    },
    complaints() {
      const told = heard;
      heard = [];
      return told;
    },
    expectCrash: (page) => void doomed.add(page),
    async shoot(page, name) {
      mkdirSync(shots, { recursive: true });
      const before = page.viewportSize();
      for (const width of [1280, 390]) {
        await page.setViewportSize({ width, height: width === 390 ? 844 : 800 });
        await page.screenshot({ path: `${shots}${name}-${width}.png`, fullPage: true });
      }
      if (before !== null) await page.setViewportSize(before);
    },
  };
  const close = async () => {
    for (const driven of opened) await driven.close();
  };
  return [stage, close];
}

/** What `npm run explain` reads: how the newest segments of a page that broadcasts came to be. */
async function keepReport(page: Page, path: string): Promise<void> {
  const trace = await page.evaluate(() =>
    (globalThis as unknown as { tabcast: { traces(): readonly unknown[] } }).tabcast.traces(),
  );
  if (trace.length > 0) writeFileSync(path, JSON.stringify({ trace }, undefined, 1));
}

/** What the pots of a network are in: play dollars, or the chain's coin. */
type Currency = NonNullable<LocalnetOptions["currency"]> | undefined;

/** A test on the one network that all tests of a worker process share; of another `currency` is another network. */
export const test = base.extend<
  { quiet: undefined },
  { readonly currency: Currency; readonly stage: Stage }
>({
  currency: [undefined, { option: true, scope: "worker" }],
  stage: [
    async ({ browser, currency }, use) => {
      const { TABCAST_PAGES: pages } = process.env;
      const net = await localnet({
        workers: 0,
        ...(pages && { pages }),
        ...(currency && { currency }),
      });
      const [stage, close] = await openStage(net, browser);
      try {
        await use(stage);
      } finally {
        await close();
        await net.close();
      }
    },
    { scope: "worker", timeout: 90_000 },
  ],
  quiet: [
    async ({ stage }, use, info) => {
      await use(undefined);
      if (info.status !== info.expectedStatus)
        for (const [name, page] of stage.pages) {
          // The page may be what failed.
          await page
            .screenshot({ path: info.outputPath(`${name}.png`), fullPage: true, timeout: 10_000 })
            .catch(() => undefined);
          await keepReport(page, info.outputPath(`${name}.json`)).catch(() => undefined);
        }
      expect(stage.complaints(), "errors in the pages' consoles").toEqual([]);
    },
    { auto: true },
  ],
});

export { expect } from "@playwright/test";
