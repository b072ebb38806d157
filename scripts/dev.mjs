// npm run dev: makes the machine ready, builds the headless page, then serves the others from their sources on Node 24.
import { join } from "node:path";
import { build } from "./build.mjs";
import { handOver, root, run } from "./lib.mjs";
import { setup } from "./setup.mjs";

await run(async () => {
  const args = process.argv.slice(2);
  const { chromium } = await setup();
  if (!args.includes("--help")) await build();
  handOver(join(root, "packages", "localnet", "src", "dev.ts"), args, {
    TABCAST_CHROMIUM: chromium,
    NODE_ENV: "development",
    // Called from a test it would inherit VITEST, and vite.config.ts would set up tests.
    VITEST: undefined,
  });
});
