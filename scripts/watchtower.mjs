// npm run watchtower -- [options]: installs what is missing, then hands over to apps/watchtower on Node 24. It needs no browser.
import { join } from "node:path";
import { handOver, root, run } from "./lib.mjs";
import { packages } from "./setup.mjs";

await run(async () => {
  await packages();
  handOver(join(root, "apps", "watchtower", "src", "main.ts"), process.argv.slice(2), {
    NODE_ENV: "production",
  });
});
