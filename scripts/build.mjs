// Builds the pages, when their sources are not those of the last build.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { environment, fingerprint, node24, root, run, runQuietly, Stop, say } from "./lib.mjs";

const stamp = join(root, "apps", "web", "dist", ".built-from");

/** Everything the pages are made of. `contracts` counts by its generated ABI. */
const sources = [
  "vite.config.ts",
  "pnpm-lock.yaml",
  "apps/web",
  "apps/headless",
  ...["runtime", "protocol", "mesh", "media", "market", "channel", "node", "tab", "contracts"].map(
    (name) => `packages/${name}/src`,
  ),
];

/** Leaves production builds of apps/web and of apps/headless in their dist, or throws a Stop. */
export async function build() {
  const now = fingerprint(sources);
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === now) return;
  const began = Date.now();
  say("build: building the pages ...");
  const vite = join(root, "node_modules", "vite", "bin", "vite.js");
  // The stamp lies among the pages, so they come last.
  for (const mode of ["headless", "production"]) {
    const args = [vite, "build", "--config", "vite.config.ts", "--logLevel", "warn"];
    const { code, tail } = await runQuietly(node24, [...args, "--mode", mode], {
      // Called from a test's set-up it would inherit VITEST, and vite.config.ts would set up tests.
      env: environment({ NODE_ENV: "production", VITEST: undefined }),
    });
    if (code === 0) continue;
    for (const line of tail) say(`  ${line}`);
    throw new Stop(`the pages could not be built (vite ended with ${code})`);
  }
  writeFileSync(stamp, now);
  say(`build: pages built in ${((Date.now() - began) / 1000).toFixed(1)} s`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await run(build);
