import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { openBench } from "@tabcast/driver/bench";
import type { Page } from "playwright-core";
import type { Plugin } from "vite";

/** A browser, the bench's pages on a server of their own, and what the pages store there. */
export interface Lab {
  /** The browser's process. */
  readonly pid: number;
  /** For passing files; it goes with the lab. */
  readonly folder: string;
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

/** Opens the bench's page. `root` is the repository's folder. */
export async function openLab(root: string): Promise<Lab> {
  const shelf = new Map<string, Buffer>();
  const bench = await openBench({
    root,
    page: "packages/media/bench/page.html",
    ready: "bench",
    entries: ["packages/media/src/**/*.ts", "!**/*.test.ts"],
    allow: [join(root, "../shared/fixtures")],
    plugins: [shelving(shelf)],
  });
  return {
    pid: bench.chromium.pid,
    folder: bench.folder,
    shelf,
    open: async () => (await bench.open()).page,
    close: () => bench.close(),
  };
}
