import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import tailwind from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { playwright } from "@vitest/browser-playwright";
import { defineConfig } from "vitest/config";
import { hlsFromSource } from "./apps/web/hls-from-source.ts";
import { libp2pLeftOut } from "./apps/web/libp2p-left-out.ts";
import { chromiumArguments } from "./packages/driver/src/arguments.ts";
import { installed } from "./packages/driver/src/places.js";

const here = fileURLToPath(new URL(".", import.meta.url));
const web = join(here, "apps/web");
const headless = join(here, "apps/headless");
const testing = process.env.VITEST !== undefined;

/** Without a Chromium these tests fail when they start it, and others need none. */
const chromium = {
  executablePath: process.env.TABCAST_CHROMIUM || (installed() ?? "/usr/bin/chromium"),
  headless: true,
  args: chromiumArguments(),
};

/** hls.js comes from its source, which Vite's scan for dependencies does not enter; what it imports must be named. */
const importedByHls = ["@svta/cml-id3", "@svta/cml-utils", "eventemitter3", "url-toolkit"].map(
  (name) => `hls.js > ${name}`,
);

/** What the tests in real pages share; a new one each time, because Vitest writes into it. */
const inChromium = () => ({
  exclude: ["**/node_modules/**", "**/dist/**"],
  testTimeout: 60_000,
  hookTimeout: 60_000,
  // What replays or lengthens a seeded test; pages have no environment of their own.
  env: Object.fromEntries(
    ["SEED", "RUNS"].flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
  ),
  // One page at a time, where a project does not say otherwise: real codecs on a small machine slow each other.
  fileParallelism: false,
  browser: {
    enabled: true,
    headless: true,
    screenshotFailures: false,
    provider: playwright({ launchOptions: chromium }),
    instances: [{ browser: "chromium" as const }],
  },
});

/**
 * A run's own place for pre-bundled dependencies. Runs that share one rewrite it under each other, and a stale one makes
 * the page reload in the middle of a test.
 */
function ownCache(): string {
  const folder = mkdtempSync(join(tmpdir(), "tabcast-vite-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** `vite build --mode headless` builds the page for the command, which is none of those that are put on a server. */
const build = (mode: string) =>
  mode === "headless"
    ? { outDir: join(headless, "dist"), input: join(headless, "headless.html") }
    : { outDir: join(web, "dist"), input: join(web, "index.html") };

export default defineConfig(({ mode }) => ({
  root: testing ? here : mode === "headless" ? headless : web,
  base: mode === "headless" ? "/headless/" : "/",
  // While pages are served from their sources (`npm run dev`), what a page or a Web Worker may load is found before the first one:
  // a dependency that is found later reloads the page.
  ...(testing
    ? { cacheDir: ownCache() }
    : {
        optimizeDeps: {
          entries: ["index.html", "../../packages/{media,channel}/src/**/*.ts", "!**/*.test.ts"],
          include: importedByHls,
        },
      }),
  // Vite warns of a dynamic import inside Vitest itself.
  ...(testing ? { logLevel: "error" as const } : {}),
  plugins: testing ? [hlsFromSource()] : [react(), tailwind(), hlsFromSource(), libp2pLeftOut()],
  worker: { format: "es" },
  build: {
    outDir: build(mode).outDir,
    emptyOutDir: true,
    target: "es2024",
    rolldownOptions: {
      // Whose exports nobody uses is left out, though its package.json does not say that it may be.
      treeshake: { moduleSideEffects: (id) => !/\/node_modules\/.*\.[cm]?[jt]sx?$/.test(id) },
      input: build(mode).input,
    },
  },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["{packages,apps}/**/*.test.ts", "scripts/*.test.mjs"],
          exclude: [
            "**/node_modules/**",
            "**/dist/**",
            "**/*.browser.test.ts",
            "packages/localnet/**",
          ],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        // These start whole networks, so they need the built pages and go one after the other: `npm test -- localnet`.
        extends: true,
        test: {
          name: "localnet",
          globalSetup: ["packages/localnet/src/pages.setup.ts"],
          include: ["packages/localnet/**/*.test.ts"],
          exclude: ["**/node_modules/**"],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
      {
        extends: true,
        // Every module a page or a Web Worker may load is scanned before the first test, so that no dependency is found
        // half-way: finding one reloads the page.
        optimizeDeps: {
          entries: [
            "packages/**/*.browser.test.ts",
            "packages/{runtime,protocol,mesh,media,channel,market,node,tab}/src/**/*.ts",
            "!**/*.test.ts",
            "!packages/mesh/src/relay*.ts",
          ],
        },
        test: {
          ...inChromium(),
          name: "browser",
          // Half of their time is live time that they wait for, and none bounds what another page's codecs slow.
          fileParallelism: true,
          maxWorkers: 2,
          // The relay through which pages of the mesh's tests meet, and the chain on which those of the node's pay.
          globalSetup: ["packages/mesh/src/relay.setup.ts", "packages/node/test/chain.setup.ts"],
          include: ["packages/**/*.browser.test.ts"],
        },
      },
      {
        extends: true,
        root: web,
        optimizeDeps: {
          entries: ["src/**/*.browser.test.{ts,tsx}", "../../packages/media/src/**/*.ts"],
          include: importedByHls,
        },
        test: { ...inChromium(), name: "pages", include: ["src/**/*.browser.test.{ts,tsx}"] },
      },
    ],
  },
}));
