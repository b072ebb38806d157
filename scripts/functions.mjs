// Lists the functions of the code we ship that are longer than a reader can hold in the head, and fails if there is one.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { parseSync } from "vite";

/** Longest function allowed outside tests and generated code, in lines from its first to its last. */
const LIMIT = 100;

/** Code that this rule is not for: tests, what only tests call, and what a generator wrote. */
const exempt = [/\.(test|spec|setup)\.tsx?$/, /(^|\/)(test|testing|generated)\//, /generated\.ts$/];

const kinds = new Set(["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"]);

/** All functions of a syntax tree, as `{ start, end }` in characters of its source. */
function* functionsIn(node) {
  if (Array.isArray(node)) for (const each of node) yield* functionsIn(each);
  else if (node !== null && typeof node === "object") {
    if (kinds.has(node.type)) yield node;
    for (const each of Object.values(node)) yield* functionsIn(each);
  }
}

const lineAt = (text, offset) => text.slice(0, offset).split("\n").length;

const files = execFileSync(
  "git",
  ["ls-files", "-co", "--exclude-standard", "*.ts", "*.tsx", "*.mjs"],
  { encoding: "utf8" },
)
  .split("\n")
  .filter((file) => file !== "" && !exempt.some((pattern) => pattern.test(file)));
const long = [];
for (const file of files) {
  let text;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    continue; // deleted, and git does not know yet
  }
  for (const { start, end } of functionsIn(parseSync(file, text).program)) {
    const lines = lineAt(text, end) - lineAt(text, start) + 1;
    if (lines > LIMIT) long.push({ file, line: lineAt(text, start), lines });
  }
}
long.sort((a, b) => b.lines - a.lines);
for (const { file, line, lines } of long)
  console.log(`${file}:${line}: a function of ${lines} lines, at most ${LIMIT} are allowed`);
console.log(`functions: ${files.length} files, ${long.length} functions over ${LIMIT} lines`);
process.exitCode = long.length > 0 ? 1 : 0;
