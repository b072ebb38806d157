import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "vitest";
import { root } from "./lib.mjs";

/** How often one of our own lint rules fires on a piece of TypeScript. */
function fires(rule, code) {
  const folder = mkdtempSync(join(tmpdir(), "lint-"));
  try {
    const plugins = [join(root, "lint", `${rule}.grit`)];
    writeFileSync(
      join(folder, "biome.json"),
      JSON.stringify({ linter: { rules: { preset: "none" } }, plugins }),
    );
    writeFileSync(join(folder, "code.ts"), code);
    const biome = join(root, "node_modules", ".bin", "biome");
    const { stdout } = spawnSync(biome, ["lint", "--reporter=json", "code.ts"], {
      cwd: folder,
      encoding: "utf8",
    });
    const { diagnostics } = JSON.parse(stdout);
    assert.ok(diagnostics.every(({ category }) => category === "plugin"));
    return diagnostics.length;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("a type of options that names mesh, clock or chance itself is refused, and one that picks them is not", () => {
  const twice =
    "export interface A { readonly clock?: Clock; readonly signal: AbortSignal; mesh: Mesh }";
  assert.equal(fires("one-context", twice), 2);
  assert.equal(fires("one-context", "export function f(a: { random: Random; keys: Keys }) {}"), 1);
  const picked =
    'export function f({ clock }: Pick<Context, "clock">, a: { signal: AbortSignal }) {}';
  assert.equal(fires("one-context", picked), 0);
});

test("reading the system's clock or chance is refused, and reading one that was given is not", () => {
  assert.equal(fires("given-time-and-chance", "export const a = [Date.now(), Math.random()];"), 2);
  assert.equal(fires("given-time-and-chance", "export const a = (clock) => clock.now();"), 0);
});
