// Compiles the contracts and writes their ABIs and bytecode as TypeScript; with --check, fails if a file in git differs.
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

interface Contract {
  readonly name: string;
  readonly source: string;
  /** The file that is written. */
  readonly target: string;
  /** What its names in TypeScript begin with. */
  readonly prefix: string;
}

const contracts: readonly Contract[] = [
  { name: "TabcastPot", source: "TabcastPot.sol", target: "generated.ts", prefix: "tabcastPot" },
  // In a file of its own: pages must not load the bytecode of play money.
  {
    name: "PlayDollar",
    source: "play/PlayDollar.sol",
    target: "play/generated.ts",
    prefix: "playDollar",
  },
];

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

/** The contract as TypeScript. */
function textOf({ name, source, target, prefix }: Contract): string {
  const artifact: { abi: unknown; bytecode: { object: string } } = JSON.parse(
    readFileSync(`${root}out/${basename(source)}/${name}.json`, "utf8"),
  );
  return run(
    "biome",
    ["format", `--stdin-file-path=packages/contracts/src/${target}`],
    `// Made by \`pnpm --filter @tabcast/contracts generate\` from src/${source}. Not for editing.

/** ${name}'s functions, events and errors. */
export const ${prefix}Abi = ${JSON.stringify(artifact.abi)} as const;

/** ${name}'s creation code; its constructor's arguments follow it. */
export const ${prefix}Bytecode = ${JSON.stringify(artifact.bytecode.object)} as const;
`,
  );
}

run(process.execPath, [`${root}script/forge.ts`, "build", "--skip", "test"]);
for (const contract of contracts) {
  const target = `${root}src/${contract.target}`;
  const text = textOf(contract);
  if (!process.argv.includes("--check")) writeFileSync(target, text);
  else if (readFileSync(target, "utf8") !== text) {
    console.error(
      `src/${contract.target} is not what src/${contract.source} compiles to: run \`pnpm --filter @tabcast/contracts generate\``,
    );
    process.exitCode = 1;
  }
}
