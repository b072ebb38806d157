// Runs forge and ends as it ended; SEED, a whole number, is the seed of its fuzz tests and invariants.
// npm's own launcher of it (1.7.1) ends with 0 whatever forge found, so a failed check would pass.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";

const arch = process.arch === "x64" ? "amd64" : process.arch;
const file = process.platform === "win32" ? "forge.exe" : "forge";
const inside = createRequire(
  createRequire(import.meta.url).resolve("@foundry-rs/forge/package.json"),
);
const binary = inside.resolve(`@foundry-rs/forge-${process.platform}-${arch}/bin/${file}`);
const { SEED } = process.env;
if (SEED && !/^\d+$/.test(SEED))
  throw new Error(`SEED is a whole number that is not negative, got ${SEED}`);
// In hexadecimal, as foundry.toml has its own.
const seed = SEED ? { FOUNDRY_FUZZ_SEED: `0x${BigInt(SEED).toString(16)}` } : {};
const env = { ...process.env, ...seed };
const { status, error } = spawnSync(binary, process.argv.slice(2), { stdio: "inherit", env });
if (error) throw error;
process.exitCode = status ?? 1;
