import type { Server } from "node:http";
import { createLogger, createServer } from "vite";
import type { LivePages } from "./server.ts";

/** Where the pages' sources are. */
export interface LiveSources {
  /** The folder of index.html. */
  readonly root: string;
  /** A Vite configuration file. Default: none. */
  readonly config?: string;
}

/** Serves pages from their sources through `server`, tells each change that they take up, and warns on stderr. */
export async function openLivePages(
  server: Server,
  { root, config }: LiveSources,
  changed: (what: string) => void,
): Promise<LivePages> {
  const logger = createLogger("info", { allowClearScreen: false });
  const vite = await createServer({
    root,
    configFile: config ?? false,
    mode: "development",
    appType: "spa",
    customLogger: { ...logger, info: (text) => tell(text, changed) },
    server: { middlewareMode: true, ws: { server } },
  });
  return {
    serve: (request, response) => vite.middlewares(request, response),
    close: () => vite.close(),
  };
}

/** Passes on what Vite says of a change, "page reload main.ts" or "hmr update /src/app.tsx", and leaves out the rest. */
function tell(text: string, changed: (what: string) => void): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what colours are made of
  const plain = text.replace(/\u001b\[[0-9;]*m/g, "").trim();
  if (/^(page reload|hmr update) /.test(plain)) changed(plain);
}
