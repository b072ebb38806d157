/** Loaded before each file of tests: tells the sources which mutant they are, and notes which places each test reaches. */
import { afterEach, beforeEach, inject } from "vitest";

declare global {
  var isChosenMutant: ((id: number) => boolean) | undefined;
}
declare module "vitest" {
  interface ProvidedContext {
    /** 0: the sources as they are. */
    mutant: number;
  }
  interface TaskMeta {
    /** Mutants whose place ran in this test, or while its file was loaded. */
    reached?: readonly number[];
  }
}

const mutant = inject("mutant");
const loading = new Set<number>();
let reached = loading;
globalThis.isChosenMutant = (id) => {
  reached.add(id);
  return id === mutant;
};

beforeEach(() => {
  reached = new Set();
});

afterEach(({ task }) => {
  if (mutant === 0) task.meta.reached = [...loading, ...reached];
});
