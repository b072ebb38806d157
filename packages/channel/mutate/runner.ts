/**
 * A process that runs one file of tests after the other, each against one mutant or against many in turn; started by `judge.ts`, which
 * ends it, and all that the tests have started, when one does not come to its end.
 */
import { fileURLToPath } from "node:url";
import { createVitest, type TestCase } from "vitest/node";

/** What is asked first: the sources with their mutants in them, by their absolute paths. */
export interface Begin {
  readonly root: string;
  readonly schemas: readonly (readonly [path: string, schema: string])[];
  /** A file for `Notes`, one a line. */
  readonly notes: string;
}

export interface Ask {
  /** What the sources are from the time they are loaded; 0: themselves. */
  readonly mutant: number;
  /** From the root. */
  readonly file: string;
  /** Tests by their ids; undefined: all. */
  readonly tests?: readonly string[];
  /** The mutants to which each of these tests is shown in turn; undefined: `mutant` alone. */
  readonly shown?: Readonly<Record<string, readonly number[]>>;
}

/** What is noted while tests are shown mutants in turn. */
export type Notes =
  | { readonly tried: number; readonly test: string }
  | { readonly killed: number; readonly test: string; readonly late: boolean };

export interface Answer {
  readonly tests: readonly {
    readonly id: string;
    readonly name: string;
    readonly passed: boolean;
    /** It failed because it did not come to its end. */
    readonly late: boolean;
    readonly reached: readonly number[];
    readonly loaded: readonly number[];
    /** Milliseconds. */
    readonly took: number;
  }[];
  /** What went wrong outside of a test, such as a file that cannot be loaded. */
  readonly errors: readonly string[];
}

/** Milliseconds until a test is given up: several times what the slowest takes. */
const TEST_MS = 20_000;

async function begin({ root, schemas, notes }: Begin) {
  const sources = new Map(schemas);
  const vitest = await createVitest(
    "test",
    {
      config: false,
      root,
      watch: false,
      maxWorkers: 1,
      // The cache on disk knows sources by their own text, and would bring another run's mutants back.
      fsModuleCache: false,
      include: ["packages/*/src/**/*.test.ts"],
      setupFiles: [fileURLToPath(new URL("./choose.ts", import.meta.url))],
      testTimeout: TEST_MS,
      hookTimeout: TEST_MS,
      reporters: [{}],
    },
    {
      logLevel: "error",
      // Sources get their mutants on the way into the tests: no file is ever written.
      plugins: [{ name: "mutants", enforce: "pre", transform: (_, id) => sources.get(id) }],
    },
  );
  vitest.provide("notes", notes);
  return async ({ mutant, file, tests, shown }: Ask): Promise<Answer> => {
    vitest.provide("mutant", mutant);
    vitest.provide("shown", shown);
    // Against one mutant the first failure says it all.
    vitest.config.bail = shown || mutant === 0 ? 0 : 1;
    const project = vitest.getRootProject();
    project.config.bail = vitest.config.bail;
    const spec = project.createSpecification(`${root}/${file}`, tests && { testIds: [...tests] });
    const { testModules, unhandledErrors } = await vitest.runTestSpecifications([spec]);
    // Vitest tells of the files of earlier runs too.
    const ours = testModules.filter(({ moduleId }) => moduleId === spec.moduleId);
    const ran = ours
      .flatMap(({ children }) => [...children.allTests()])
      .filter((test) => ["passed", "failed"].includes(test.result().state));
    return {
      tests: ran.map((test: TestCase) => ({
        id: test.id,
        name: test.fullName,
        passed: test.result().state === "passed",
        late: test.result().errors?.some(({ message }) => /^Test timed out/.test(message)) ?? false,
        reached: test.meta().reached ?? [],
        loaded: test.meta().loaded ?? [],
        took: test.diagnostic()?.duration ?? 0,
      })),
      errors: [...unhandledErrors, ...ours.flatMap((one) => one.errors())].map((error) =>
        String((error as Error).message),
      ),
    };
  };
}

let run: ((ask: Ask) => Promise<Answer>) | undefined;
process.on("message", async (message: Begin | Ask) => {
  if ("root" in message) run = await begin(message);
  process.send?.("root" in message ? "ready" : await run?.(message));
});
// Whoever asks is gone, however it ended: nothing that the tests have started may stay.
process.once("disconnect", () => process.kill(-process.pid, "SIGKILL"));
