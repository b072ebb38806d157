import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { chromium, type Page } from "playwright-core";
import { createServer, type Plugin } from "vite";
import type { BenchPage } from "./page.ts";

declare const bench: BenchPage;

/** A browser, the bench's pages on a server of their own, and what the pages store there. */
export interface Lab {
  /** The browser's process. */
  readonly pid: number;
  /** A fresh page, which nothing has run in. */
  open(): Promise<Page>;
  /** Fragments by key: they are too large for the debugging protocol. */
  readonly shelf: ReadonlyMap<string, Buffer>;
  close(): Promise<void>;
}

/** Lets pages PUT and GET bytes under `/store/`. */
const shelving = (shelf: Map<string, Buffer>): Plugin => ({
  name: "shelf",
  configureServer(vite) {
    vite.middlewares.use("/store", (request: IncomingMessage, response: ServerResponse) => {
      const key = (request.url ?? "").slice(1);
      if (request.method !== "PUT") {
        const bytes = shelf.get(key);
        return bytes ? response.end(bytes) : response.writeHead(404).end();
      }
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => {
        shelf.set(key, Buffer.concat(parts));
        response.end();
      });
    });
  },
});

/** `root` is the repository's folder, `folder` one for passing files. */
export async function openLab(root: string, folder: string): Promise<Lab> {
  const shelf = new Map<string, Buffer>();
  const vite = await createServer({
    root,
    configFile: false,
    logLevel: "error",
    cacheDir: join(folder, "vite"),
    plugins: [shelving(shelf)],
    // What workers import is found before the first page, so that none reloads in mid-measurement.
    optimizeDeps: { entries: ["packages/media/src/**/*.ts", "!**/*.test.ts"] },
    server: { port: 0, host: "127.0.0.1", hmr: false, fs: { strict: false } },
  });
  const server = await chromium.launchServer({
    executablePath: process.env.TABCAST_CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"],
  });
  await vite.listen();
  const browser = await chromium.connect(server.wsEndpoint());
  return {
    pid: server.process().pid ?? 0,
    shelf,
    async open() {
      const page = await browser.newPage();
      page.on("pageerror", (error) => console.error(error.message));
      await page.goto(`${vite.resolvedUrls?.local[0]}packages/media/bench/page.html`);
      await page.waitForFunction(() => "bench" in globalThis);
      return page;
    },
    async close() {
      await browser.close();
      await server.close();
      await vite.close();
    },
  };
}
