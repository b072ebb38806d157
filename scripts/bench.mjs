// npm run bench -- [package ...]: runs packages/<package>/bench/main.ts on Node 24; without a name, all of them.
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { build } from "./build.mjs";
import { environment, node24, root, run, Stop, say } from "./lib.mjs";
import { setup } from "./setup.mjs";

const main = (name) => join(root, "packages", name, "bench", "main.ts");

await run(async () => {
  const all = readdirSync(join(root, "packages")).filter((name) => existsSync(main(name)));
  // "start" is the whole network's, which localnet measures.
  const names = process.argv.slice(2).map((name) => (name === "start" ? "localnet" : name));
  for (const name of names)
    if (!all.includes(name)) throw new Stop(`no bench named ${name}; there are ${all.join(", ")}`);
  const { chromium } = await setup();
  await build();
  let failed = 0;
  for (const name of names.length > 0 ? names : all) {
    say(`bench: ${name}`);
    const child = spawn(node24, [main(name)], {
      cwd: root,
      env: environment({ TABCAST_CHROMIUM: chromium, NODE_ENV: "production" }),
      stdio: "inherit",
    });
    const stop = () => child.kill("SIGINT");
    process.on("SIGINT", stop);
    const code = await new Promise((resolve) => child.once("exit", resolve));
    process.off("SIGINT", stop);
    if (code !== 0) failed++;
  }
  if (failed > 0)
    throw new Stop(`${failed} bench${failed === 1 ? "" : "es"} did not reach its end`);
});
