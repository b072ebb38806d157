// npm start: makes the machine ready, builds the pages, then hands over to packages/localnet on Node 24.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { build } from "./build.mjs";
import { environment, node24, root, run } from "./lib.mjs";
import { setup } from "./setup.mjs";

await run(async () => {
  const args = process.argv.slice(2);
  const { chromium } = await setup();
  if (!args.includes("--help")) await build();
  const main = join(root, "packages", "localnet", "src", "main.ts");
  const child = spawn(node24, ["--disable-warning=ExperimentalWarning", main, ...args], {
    env: environment({ TABCAST_CHROMIUM: chromium, NODE_ENV: "production" }),
    // The fourth is a line to the child: when this process is killed outright, the child sees it close and cleans up.
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  // A terminal sends Ctrl-C to both of us; the child takes signals that come together for one.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
    process.on(signal, () => child.kill(signal));
  child.once("exit", (code, signal) => process.exit(code ?? (signal === "SIGKILL" ? 137 : 1)));
});
