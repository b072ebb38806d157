// npm run simulate -- SCENARIO.json [options]: installs what is missing, then hands over to packages/sim on Node 24.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { environment, node24, root, run } from "./lib.mjs";
import { setup } from "./setup.mjs";

/** Most memory for a run's objects, in MiB: what the largest scenario may take. Node's own limit is about 4,200. */
const MOST_HEAP = 8_192;

await run(async () => {
  await setup();
  const main = join(root, "packages", "sim", "src", "main.ts");
  const child = spawn(
    node24,
    [
      "--disable-warning=ExperimentalWarning",
      `--max-old-space-size=${MOST_HEAP}`,
      main,
      ...process.argv.slice(2),
    ],
    { env: environment({ NODE_ENV: "production" }), stdio: "inherit" },
  );
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
  child.once("exit", (code) => process.exit(code ?? 1));
});
