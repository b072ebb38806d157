// Compiles the contract and writes its ABI and bytecode as TypeScript; with --check, fails if the file in git differs.
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const target = `${root}src/generated.ts`;

const [word] = process.argv.slice(2).filter((one) => one !== "--check");
if (word !== undefined) {
  console.error(`error: generate takes --check or nothing, got ${word}`);
  process.exit(2);
}

function run(command: string, args: readonly string[], input?: string): string {
  const done = spawnSync(command, args, { cwd: root, encoding: "utf8", ...(input && { input }) });
  if (done.error) throw new Error(`${command} did not start`, { cause: done.error });
  if (done.status !== 0)
    throw new Error(`${command} ${args.join(" ")} failed:\n${done.stdout}${done.stderr}`);
  return done.stdout;
}

run(process.execPath, [`${root}script/forge.ts`, "build", "--skip", "test"]);
const artifact: { abi: unknown; bytecode: { object: string } } = JSON.parse(
  readFileSync(`${root}out/TabcastPot.sol/TabcastPot.json`, "utf8"),
);
const text = run(
  "biome",
  ["format", "--stdin-file-path=packages/contracts/src/generated.ts"],
  `// Made by \`pnpm --filter @tabcast/contracts generate\` from src/TabcastPot.sol. Not for editing.

/** TabcastPot's functions, events and errors. */
export const tabcastPotAbi = ${JSON.stringify(artifact.abi)} as const;

/** TabcastPot's creation code; its constructor's arguments follow it. */
export const tabcastPotBytecode = ${JSON.stringify(artifact.bytecode.object)} as const;
`,
);

if (!process.argv.includes("--check")) writeFileSync(target, text);
else if (readFileSync(target, "utf8") !== text) {
  console.error(
    "src/generated.ts is not what src/TabcastPot.sol compiles to: run `pnpm --filter @tabcast/contracts generate`",
  );
  process.exitCode = 1;
}
