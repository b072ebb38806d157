// npm run headers -- tabcast.json: the HTTP headers to serve a network's pages with, one a line. Needs Node 24, which it starts if it must.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Misuse, node24, root, run, Stop } from "./lib.mjs";
import { packages } from "./setup.mjs";

await run(async () => {
  const [file, ...more] = process.argv.slice(2);
  if (file === undefined || more.length > 0)
    throw new Misuse("one file is needed: npm run headers -- tabcast.json");
  await packages();
  if (!process.features.typescript) {
    const { status } = spawnSync(node24, [process.argv[1], file], { stdio: "inherit" });
    process.exitCode = status ?? 1;
    return;
  }
  const load = (name) => import(pathToFileURL(join(root, "packages", "node", "src", name)).href);
  const [{ parseConfig }, { pageHeaders }, { missingWays }] = await Promise.all([
    load("config.ts"),
    load("page-headers.ts"),
    load("ice-servers.ts"),
  ]);
  let config;
  try {
    config = parseConfig(JSON.parse(readFileSync(file, "utf8")));
  } catch (error) {
    throw new Stop(`${file}: ${error.message}`);
  }
  for (const sentence of missingWays(config.iceServers)) console.error(`note: ${sentence}`);
  for (const [name, value] of Object.entries(pageHeaders(config))) console.log(`${name}: ${value}`);
});
