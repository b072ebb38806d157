// Runs forge and ends as it ended. npm's own launcher of it (1.7.1) ends with 0 whatever forge found, so a failed check would pass.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";

const arch = process.arch === "x64" ? "amd64" : process.arch;
const file = process.platform === "win32" ? "forge.exe" : "forge";
const inside = createRequire(
  createRequire(import.meta.url).resolve("@foundry-rs/forge/package.json"),
);
const binary = inside.resolve(`@foundry-rs/forge-${process.platform}-${arch}/bin/${file}`);
const { status, error } = spawnSync(binary, process.argv.slice(2), { stdio: "inherit" });
if (error) throw error;
process.exitCode = status ?? 1;
