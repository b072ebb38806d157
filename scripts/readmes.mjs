// node scripts/readmes.mjs, the stage `docs` of npm test: says which README is longer than a person reads, which page names
// what is not there, and whether the page of errors is stale.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { basename, join, posix } from "node:path";
import { staleErrors } from "./errors.mjs";
import { root, run, Stop } from "./lib.mjs";

/** What a README may have; more belongs into docs/. Source: style.md, section 3. */
export const LIMITS = { lines: 60, columns: 100, words: 600 };

/** Endings of files that are in git: what is made by running something is not looked for. */
const KEPT = /\.(ts|tsx|mjs|cjs|sol|proto|md|sh)$/;

/** Words of a text: what has a letter or digit in it, so that the lines of a table are none. */
const wordsOf = (text) => text.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word)).length;

/** How GitHub names the anchor of a heading. */
const anchorOf = (heading) =>
  heading
    .replace(/`|\[([^\]]*)\]\([^)]*\)/g, "$1")
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");

/** The text without its fenced code, whose lines stay so that line numbers are right. */
const prose = (text) => text.replace(/^```[\s\S]*?^```/gm, (code) => code.replace(/[^\n]/g, ""));

export const anchorsOf = (text) =>
  [...prose(text).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading]) => anchorOf(heading));

/** What is too much of a README, one sentence each. */
export function tooMuch(path, text) {
  const lines = text.replace(/\n$/, "").split("\n");
  const found = lines.flatMap((line, i) => {
    const columns = [...line].length;
    return columns > LIMITS.columns
      ? [`${path}:${i + 1}: ${columns} columns, at most ${LIMITS.columns}`]
      : [];
  });
  if (lines.length > LIMITS.lines)
    found.push(`${path}: ${lines.length} lines, at most ${LIMITS.lines}; move the rest to docs/`);
  const words = wordsOf(text);
  if (words > LIMITS.words)
    found.push(`${path}: ${words} words, at most ${LIMITS.words}; move the rest to docs/`);
  return found;
}

/**
 * What a page names and nobody can find: links, files in back quotes, scripts of package.json. `files` are all paths in
 * git, `anchors` gives the headings of a page, `scripts` the names that `npm run` knows.
 */
export function missing(path, text, { files, anchors, scripts }) {
  const found = [];
  const folder = posix.dirname(path);
  const known = new Set(files);
  const exists = (file) => known.has(file) || files.some((one) => one.startsWith(`${file}/`));
  prose(text)
    .split("\n")
    .forEach((line, i) => {
      const at = `${path}:${i + 1}`;
      for (const [, target] of line.matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(target)) continue;
        const [file, anchor] = target.split("#");
        const to =
          file === "" ? path : posix.normalize(posix.join(folder, file)).replace(/\/$/, "");
        if (to !== "." && !exists(to)) found.push(`${at}: the link to ${target} leads nowhere`);
        else if (anchor !== undefined && !anchors(to).includes(anchor))
          found.push(`${at}: ${to} has no heading #${anchor}`);
      }
      for (const [, name] of line.matchAll(/`([^`\s]+)`/g)) {
        if (!KEPT.test(name) || /[*{}<>$]|^https?:/.test(name)) continue;
        const wanted = name.replace(/^(\.\.?\/)+/, "");
        // A package's README names its own files; any other page those of any package.
        const own =
          (basename(path) === "README.md" && /^((packages|apps)\/[^/]+\/|e2e\/)/.exec(path)?.[1]) ||
          "";
        const there = files.some(
          (one) => one === wanted || (one.startsWith(own) && one.endsWith(`/${wanted}`)),
        );
        if (!there) found.push(`${at}: there is no file ${name}`);
      }
    });
  for (const [, name] of text.matchAll(/npm run ([a-z0-9]+)/g))
    if (!scripts.includes(name)) found.push(`${path}: package.json has no script ${name}`);
  return found;
}

/**
 * Tests that a table of rules names and nobody can find: rows `| T1 | ... | `file`: name; `file`: name |`, or F1 where it is a finding.
 * `read` gives the texts of all files of that name.
 */
export function missingTests(path, text, read) {
  return [...text.matchAll(/^\| [FT]\d+ \|.*\| (.+) \|$/gm)].flatMap(([, cell]) =>
    [...cell.matchAll(/`([^`]+)`: (.+?)(?=; `|$)/g)].flatMap(([, file, name]) =>
      read(file).some((source) => source.includes(name))
        ? []
        : [`${path}: no ${file} has a test "${name}"`],
    ),
  );
}

/** Everything that is wrong with the pages of this repository. */
export function wrongPages() {
  const files = execFileSync("git", ["ls-files", "-co", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
  })
    .split("\n")
    .filter((file) => file !== "");
  const read = (file) => {
    try {
      return readFileSync(join(root, file), "utf8");
    } catch {
      return undefined; // deleted, and git does not know yet
    }
  };
  const anchors = (file) => anchorsOf(read(file) ?? "");
  const scripts = Object.keys(JSON.parse(read("package.json")).scripts);
  return files
    .filter((file) => file.endsWith(".md"))
    .flatMap((file) => {
      const text = read(file);
      if (text === undefined) return [];
      const wide = basename(file) === "README.md" ? tooMuch(file, text) : [];
      const named = (name) =>
        files.filter((one) => basename(one) === name).map((one) => read(one) ?? "");
      return [
        ...wide,
        ...missing(file, text, { files, anchors, scripts }),
        ...missingTests(file, text, named),
      ];
    });
}

if (import.meta.main)
  await run(async () => {
    const wrong = [...wrongPages(), ...staleErrors()];
    if (wrong.length > 0) throw new Stop(wrong.join("\n"));
  });
