// npm run deploy -- --rpc URL: installs what is missing, then puts TabcastPot on a chain, on Node 24.
import { join } from "node:path";
import { handOver, root, run } from "./lib.mjs";
import { setup } from "./setup.mjs";

await run(async () => {
  await setup();
  handOver(
    join(root, "packages", "channel", "commands", "deploy-main.ts"),
    process.argv.slice(2),
    {},
  );
});
