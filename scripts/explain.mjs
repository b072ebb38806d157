// npm run explain -- report.json --segment N: how one segment of a broadcast came to be. Needs Node 24, which it starts if it must.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { environment, Misuse, node24, root, run, Stop } from "./lib.mjs";

const usage = "npm run explain -- report.json --segment N";

function asked() {
  try {
    const { values, positionals } = parseArgs({
      options: { segment: { type: "string" } },
      allowPositionals: true,
    });
    const seq = Number(values.segment);
    const [file] = positionals;
    if (file !== undefined && positionals.length === 1 && /^\d+$/.test(values.segment ?? ""))
      return { file, seq };
  } catch (error) {
    throw new Misuse(`${error.message}; ${usage}`);
  }
  throw new Misuse(`a report and a segment are needed: ${usage}`);
}

await run(async () => {
  const { file, seq } = asked();
  if (!process.features.typescript) {
    const { status } = spawnSync(node24, [process.argv[1], ...process.argv.slice(2)], {
      stdio: "inherit",
      env: environment(),
    });
    process.exit(status ?? 1);
  }
  let report;
  try {
    report = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Stop(`${file} cannot be read: ${error.message}`);
  }
  const { format, read } = await import(
    pathToFileURL(join(root, "packages", "market", "src", "trace.ts")).href
  );
  try {
    process.stdout.write(`${format(read(report?.trace), seq)}\n`);
  } catch (error) {
    if (error instanceof RangeError) throw new Stop(`${file}: ${error.message}`);
    throw error;
  }
});
