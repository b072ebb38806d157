// Lists the functions of the code we ship that are longer than a reader can hold in the head, and fails if there is one.
import { readdirSync, readFileSync } from "node:fs";
import { parseSync } from "vite";

/** Longest function allowed outside tests and generated code, in lines from its first to its last. */
const LIMIT = 100;

/** Code that this rule is not for: tests, what only tests call, and what a generator wrote. */
const exempt = [
  /\.(test|spec|setup)\.tsx?$/,
  /(^|\/)(test|testing|generated|e2e)\//,
  /generated\.ts$/,
];

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

/** Source files below a folder of the current one, without what tools bring or make. */
function* sourcesIn(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = folder === "." ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      const made = ["node_modules", "dist", "out", "cache", "test-results"].includes(entry.name);
      if (!made && !entry.name.startsWith(".")) yield* sourcesIn(path);
    } else if (/\.(ts|tsx|mjs)$/.test(entry.name)) yield path;
  }
}

// A machine that runs the tests need not have git.
const files = [...sourcesIn(".")].filter((file) => !exempt.some((pattern) => pattern.test(file)));
const long = [];
for (const file of files) {
  const text = readFileSync(file, "utf8");
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
