import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { type Broken, launchChromium } from "@tabcast/driver";
import type { Browser, Page } from "playwright-core";
import { build, preview } from "vite";
import type { tools } from "./page/page.ts";

export type Tools = typeof tools;

/** Real tabs that hold a mesh each, driven from Node. */
export interface Tabs {
  readonly browser: Browser;
  /** A folder of this run, removed at the end. */
  readonly scratch: string;
  /** The page's scripts, gzipped: bytes. */
  readonly zipped: number;
  /** A new tab in a browser context of its own, which shares nothing with the others. */
  open(): Promise<Page>;
  close(): Promise<void>;
}

/** Builds the page, serves it from loopback and starts Chromium. */
export async function openTabs(): Promise<Tabs> {
  const closers: (() => Promise<unknown>)[] = [];
  const close = async () => {
    for (const one of closers.splice(0).reverse()) await one();
  };
  try {
    const scratch = await mkdtemp(join(tmpdir(), "tabcast-tabs-"));
    closers.push(() => rm(scratch, { recursive: true, force: true }));
    const root = fileURLToPath(new URL("./page", import.meta.url));
    const outDir = join(scratch, "page");
    await build({
      configFile: false,
      root,
      logLevel: "error",
      build: { outDir, target: "es2024" },
    });
    let zipped = 0;
    for (const file of await readdir(join(outDir, "assets")))
      if (file.endsWith(".js"))
        zipped += gzipSync(await readFile(join(outDir, "assets", file))).byteLength;
    const server = await preview({
      configFile: false,
      root,
      logLevel: "error",
      build: { outDir },
      preview: { host: "127.0.0.1", port: 0 },
    });
    closers.push(() => server.close());
    const url = server.resolvedUrls?.local[0];
    if (url === undefined) throw new Error("the page server has no address");
    const chromium = await launchChromium();
    closers.push(() => chromium.close());
    const broken = ({ message }: Broken) => console.error(`page: ${message}`);
    const open = async () => {
      const { page } = await chromium.open({ name: "tab", url, ready: "tools", broken });
      return page;
    };
    const { browser } = chromium;
    return { browser, scratch, zipped, open, close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

/** Calls one of the page's tools. */
export async function call<Name extends keyof Tools>(
  page: Page,
  name: Name,
  ...args: Parameters<Tools[Name]>
): Promise<Awaited<ReturnType<Tools[Name]>>> {
  return page.evaluate(
    ([tool, given]) =>
      (window.tools as unknown as Record<string, (...args: unknown[]) => unknown>)[tool]?.(
        ...given,
      ),
    [name as string, args as unknown[]] as const,
  ) as Promise<Awaited<ReturnType<Tools[Name]>>>;
}
