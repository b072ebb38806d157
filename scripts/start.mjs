// npm start: makes the machine ready, builds the pages, then hands over to packages/localnet on Node 24.
import { join } from "node:path";
import { build } from "./build.mjs";
import { handOver, root, run } from "./lib.mjs";
import { setup } from "./setup.mjs";

await run(async () => {
  const args = process.argv.slice(2);
  const { chromium } = await setup();
  if (!args.includes("--help")) await build();
  handOver(join(root, "packages", "localnet", "src", "main.ts"), args, {
    TABCAST_CHROMIUM: chromium,
    NODE_ENV: "production",
  });
});
