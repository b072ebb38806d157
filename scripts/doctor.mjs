// npm run doctor -- --rpc URL: installs what is missing, then says whether a chain will do, on Node 24.
import { join } from "node:path";
import { handOver, root, run } from "./lib.mjs";
import { setup } from "./setup.mjs";

await run(async () => {
  await setup();
  handOver(
    join(root, "packages", "channel", "commands", "doctor-main.ts"),
    process.argv.slice(2),
    {},
  );
});
