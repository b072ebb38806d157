/** Loaded before each file of tests: tells the sources which mutant they are, and notes which places each test reaches. */
import { appendFileSync } from "node:fs";
import { afterEach, beforeAll, beforeEach, inject, type RunnerTestCase } from "vitest";
import type { Notes } from "./runner.ts";

declare global {
  var isChosenMutant: ((id: number) => boolean) | undefined;
}
declare module "vitest" {
  interface ProvidedContext {
    /** What the sources are from the time they are loaded; 0: themselves. */
    mutant: number;
    /** The mutants to which each test is shown, one after the other, by the test's id; undefined: what `mutant` says. */
    shown: Readonly<Record<string, readonly number[]>> | undefined;
    /** Where it is noted how far the tests have come. */
    notes: string;
  }
  interface TaskMeta {
    /** Mutants whose place ran in this test. */
    reached?: readonly number[];
    /** Mutants whose place ran while the file of the test was loaded. */
    loaded?: readonly number[];
  }
}

const [whole, shown, notes] = [inject("mutant"), inject("shown"), inject("notes")];
const loading = new Set<number>();
const dead = new Set<number>();
let [mutant, reached] = [whole, loading];
/** The test that is shown mutants now, those left for it, and its errors so far. */
let now: { id: string; left: number[]; errors: number } = { id: "", left: [], errors: 0 };
globalThis.isChosenMutant = (id) => {
  reached.add(id);
  return id === mutant;
};
const note = (line: Notes) => appendFileSync(notes, `${JSON.stringify(line)}\n`);

// biome-ignore lint/correctness/noEmptyPattern: Vitest takes nothing else there.
beforeAll(({}, file) => {
  const visit = (task: { type: string; tasks?: readonly unknown[] }): void => {
    for (const child of (task.tasks ?? []) as RunnerTestCase[])
      if (child.type === "test") child.repeats = (shown?.[child.id]?.length ?? 1) - 1;
      else visit(child);
  };
  visit(file);
});

beforeEach(({ task, skip }) => {
  reached = new Set();
  if (shown === undefined) return;
  if (now.id !== task.id) now = { id: task.id, left: [...(shown[task.id] ?? [])], errors: 0 };
  // One that another test has noticed need not be shown to this one.
  do mutant = now.left.shift() ?? 0;
  while (dead.has(mutant));
  if (mutant === 0) skip();
  note({ tried: mutant, test: task.id });
});

afterEach(({ task }) => {
  if (whole === 0 && shown === undefined)
    Object.assign(task.meta, { reached: [...reached], loaded: [...loading] });
  const errors = task.result?.errors ?? [];
  if (shown === undefined || errors.length === now.errors) return;
  now.errors = errors.length;
  dead.add(mutant);
  note({ killed: mutant, test: task.id, late: isLate(errors.at(-1)) });
});

const isLate = (error: { readonly message: string } | undefined) =>
  /^Test timed out/.test(error?.message ?? "");
