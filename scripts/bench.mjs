// npm run bench -- [name ...] [--flag ...]: runs a package's measurements on Node 24; without a name, all but the long ones.
// A name, flag, clip or file that is not there ends it with 2, a missed target with 1.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { build } from "./build.mjs";
import { environment, Misuse, node24, root, run, Stop, say } from "./lib.mjs";
import { setup } from "./setup.mjs";

const at = (...path) => join(root, "packages", ...path);
const benches = {
  start: at("localnet", "bench", "main.ts"),
  mesh: at("mesh", "bench", "main.ts"),
  uplink: at("node", "bench", "uplink.ts"),
  bids: at("market", "bench", "bids.ts"),
  growth: at("node", "bench", "growth", "main.ts"),
  channel: at("channel", "bench", "main.ts"),
  media: at("media", "bench", "main.ts"),
  live: at("media", "bench", "live", "main.ts"),
  attacks: at("media", "bench", "attacks", "main.ts"),
  soak: at("localnet", "bench", "soak.ts"),
};
/** Take long: only when asked for by name. */
const long = ["soak", "growth"];

await run(async () => {
  const words = process.argv.slice(2);
  // Names first; from the first flag on it is all the bench's own.
  const end = words.findIndex((word) => word.startsWith("-"));
  const names = end < 0 ? words : words.slice(0, end);
  const flags = end < 0 ? [] : words.slice(end);
  if (flags.includes("--help")) {
    console.log(`npm run bench -- [${Object.keys(benches).join("|")} ...] [its flags]`);
    console.log(
      `Without a name all run but ${long.join(", ")}. A flag that a bench does not know is answered with those it knows.`,
    );
    return;
  }
  for (const name of names)
    if (!Object.hasOwn(benches, name))
      throw new Misuse(`no bench named ${name}; there are ${Object.keys(benches).join(", ")}`);
  const { chromium } = await setup();
  await build();
  let failed = 0;
  const usual = Object.keys(benches).filter((name) => !long.includes(name));
  for (const name of names.length > 0 ? names : usual) {
    say(`bench: ${name}`);
    const child = spawn(node24, [benches[name], ...flags], {
      cwd: root,
      env: environment({ TABCAST_CHROMIUM: chromium, NODE_ENV: "production" }),
      stdio: "inherit",
    });
    const stop = () => child.kill("SIGINT");
    process.on("SIGINT", stop);
    const code = await new Promise((resolve) => child.once("exit", resolve));
    process.off("SIGINT", stop);
    if (code === 2) {
      // A wrong flag: the bench has said so.
      process.exitCode = 2;
      return;
    }
    if (code !== 0) failed++;
  }
  if (failed > 0)
    throw new Stop(`${failed} bench${failed === 1 ? "" : "es"} did not reach its end`);
});
