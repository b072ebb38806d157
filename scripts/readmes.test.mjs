import assert from "node:assert/strict";
import { test } from "vitest";
import { anchorsOf, LIMITS, missing, missingTests, tooMuch } from "./readmes.mjs";

const around = { files: [], anchors: () => [], scripts: ["start"] };

test("a README of one line, column or word too much is named", () => {
  const { lines, columns, words } = LIMITS;
  assert.deepEqual(tooMuch("README.md", "a\n".repeat(lines)), []);
  assert.match(tooMuch("README.md", "a\n".repeat(lines + 1))[0], /61 lines, at most 60/);
  assert.deepEqual(tooMuch("README.md", "é".repeat(columns)), []);
  assert.match(tooMuch("README.md", `a\n${"é".repeat(columns + 1)}`)[0], /:2: 101 columns/);
  const many = (count) => Array.from({ length: count / 20 }, () => "w ".repeat(20)).join("\n");
  assert.deepEqual(tooMuch("README.md", `${many(words)}\n| --- | --- |`), []);
  assert.match(tooMuch("README.md", `${many(words)}\nmore`)[0], /601 words, at most 600/);
});

test("a link to a file or heading that is not there is named", () => {
  const there = { ...around, files: ["docs/a.md", "b/c.md"], anchors: () => ["the-end"] };
  const check = (link) => missing("docs/a.md", `see [it](${link})`, there);
  assert.deepEqual(check("../b/c.md"), []);
  assert.deepEqual(check("../b"), []);
  assert.deepEqual(check("https://example.org/none.md"), []);
  assert.deepEqual(check("#the-end"), []);
  assert.match(check("c.md")[0], /docs\/a\.md:1: the link to c\.md leads nowhere/);
  assert.match(check("../b/c.md#begin")[0], /b\/c\.md has no heading #begin/);
});

test("a file that a README names in back quotes must be in its package", () => {
  const files = ["packages/x/README.md", "packages/x/src/deep/one.ts", "packages/y/src/two.ts"];
  const check = (name) => missing("packages/x/README.md", `\`${name}\``, { ...around, files });
  assert.deepEqual(check("one.ts"), []);
  assert.deepEqual(check("src/deep/one.ts"), []);
  assert.deepEqual(check("packages/y/src/two.ts"), []);
  assert.deepEqual(check("report.json"), []);
  assert.match(check("two.ts")[0], /there is no file two\.ts/);
});

test("a script that package.json lacks is named, and code in fences names no file", () => {
  assert.deepEqual(missing("a.md", "npm run start", around), []);
  assert.match(missing("a.md", "npm run stop", around)[0], /no script stop/);
  assert.deepEqual(missing("a.md", "```sh\n`none.ts` [x](none.md)\n```", around), []);
});

test("a test that a rule names and no file has is named", () => {
  const rule = "| T1 | 2 | it holds | `a.test.ts`: holds, always; `b.test.ts`: holds too |";
  const texts = { "a.test.ts": ['test("holds, always")'], "b.test.ts": ['test("other")'] };
  assert.deepEqual(
    missingTests("SPEC.md", rule, (file) => texts[file]),
    ['SPEC.md: no b.test.ts has a test "holds too"'],
  );
});

test("headings give the anchors that GitHub gives them", () => {
  assert.deepEqual(anchorsOf("# A `b`, c\n```\n# no\n```\n## [D e](x.md)"), ["a-b-c", "d-e"]);
});
