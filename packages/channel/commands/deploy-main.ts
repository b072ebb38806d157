// npm run deploy: puts TabcastPot on a chain. scripts/deploy.mjs starts it on Node 24.
import { fileURLToPath } from "node:url";
import { deployHelp, readDeployArgs, runDeploy } from "./deploy.ts";
import { main } from "./main.ts";

await main(async ({ argv, say, signal }) => {
  const options = readDeployArgs(argv);
  if (!options) say(deployHelp);
  else {
    const folder = fileURLToPath(new URL("../../../deployments", import.meta.url));
    await runDeploy(options, { env: process.env, folder, say, signal });
  }
  return 0;
});
