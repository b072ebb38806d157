#!/usr/bin/env node
// Forge wants a solc executable and cannot download one here: this speaks solc's command line over npm's WebAssembly solc.
const solc = require("solc");

if (process.argv.includes("--version")) {
  process.stdout.write(
    `solc, the solidity compiler commandline interface\nVersion: ${solc.version()}\n`,
  );
} else {
  const input = require("node:fs").readFileSync(0, "utf8");
  process.stdout.write(solc.compile(input));
}
