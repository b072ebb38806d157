/** What becomes of a mutant: the tests that reach it are run against it, file by file, until one of them fails. */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Mutant } from "./mutants.ts";
import type { Answer, Ask, Begin } from "./runner.ts";

/** Milliseconds for a run of tests beside four times what they took without a mutant: one that is slower never ends. */
const PATIENCE = 45_000;
/** Milliseconds from which on a test has more in it than our code, such as a chain: its failure must be seen twice. */
const SLOW = 100;

export type Fate =
  | { readonly lives: true; readonly reached: boolean }
  | { readonly lives: false; readonly by: string; readonly late: boolean };

export interface Judge {
  /** Learns which tests reach which mutants; throws Error if they fail without one. */
  learn(files: readonly string[]): Promise<readonly string[]>;
  judge(mutant: Mutant, files: readonly string[]): Promise<Fate>;
  close(): void;
}

interface Known {
  readonly id: string;
  readonly name: string;
  readonly reached: ReadonlySet<number>;
  readonly took: number;
}

export function openJudge(begin: Begin, known: Map<string, readonly Known[]> = new Map()): Judge {
  let runner: Promise<ChildProcess> | undefined;

  const end = (child: ChildProcess) => {
    runner = undefined;
    // The tests' own processes are of its group: chains among them.
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGKILL");
  };
  async function start(): Promise<ChildProcess> {
    const script = fileURLToPath(new URL("./runner.ts", import.meta.url));
    // The seed is always the same: the same tests fail for a mutant each time.
    const env = { ...process.env, SEED: process.env.SEED ?? "1", VITEST: "true" };
    const child = fork(script, {
      env,
      detached: true,
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    await answer(child, begin, 60_000);
    return child;
  }
  async function run(ask: Ask, patience: number): Promise<Answer | "late"> {
    runner ??= start();
    const child = await runner;
    const said = await answer<Answer>(child, ask, patience);
    if (said === "late") end(child);
    return said;
  }

  /** All tests of a file without a mutant, in as many runs as `parts`: they must not need each other. */
  async function learnFile(file: string): Promise<readonly string[]> {
    const flaky = new Set<string>();
    const whole = async (some: readonly Known[] | undefined): Promise<Known[]> => {
      const tests = some?.map(({ id }) => id);
      const said = await run({ mutant: 0, file, ...(tests && { tests }) }, 600_000);
      if (said === "late") throw new Error(`the tests in ${file} do not come to their end`);
      const failed = said.tests.find(({ passed }) => !passed);
      if (failed === undefined && said.errors.length > 0)
        throw new Error(`${file}: ${said.errors[0]}`);
      if (failed === undefined)
        return said.tests.map((one) => ({ ...one, reached: new Set(one.reached) }));
      if (some === undefined || flaky.size > 3)
        throw new Error(`the test "${failed.name}" in ${file} fails without any mutant`);
      flaky.add(failed.id);
      return whole(some.filter(({ id }) => id !== failed.id));
    };
    const all = await whole(undefined).catch(() => whole(undefined));
    await whole(all.filter((_, i) => i % 2 === 0));
    if (all.length > 1) await whole(all.filter((_, i) => i % 2 === 1));
    known.set(
      file,
      all.filter(({ id }) => !flaky.has(id)),
    );
    return all.filter(({ id }) => flaky.has(id)).map(({ name }) => name);
  }

  async function judgeBy(file: string, mutant: number): Promise<Fate | undefined> {
    let left = (known.get(file) ?? []).filter(({ reached }) => reached.has(mutant));
    while (left.length > 0) {
      const ask = async (some: readonly Known[]) => {
        const took = some.reduce((sum, one) => sum + one.took, 0);
        return run({ mutant, file, tests: some.map(({ id }) => id) }, PATIENCE + 4 * took);
      };
      const said = await ask(left);
      if (said === "late") return { lives: false, by: file, late: true };
      const failed = said.tests.find(({ passed }) => !passed);
      if (failed === undefined && said.errors.length === 0) return undefined;
      const test = left.find(({ id }) => id === failed?.id);
      if (failed === undefined || test === undefined)
        return { lives: false, by: `${file}: ${said.errors[0]}`, late: false };
      const dead: Fate = { lives: false, by: `${file}: ${failed.name}`, late: failed.late };
      if (test.took < SLOW || failed.late) return dead;
      const again = await ask([test]);
      if (again === "late" || again.tests.some(({ passed }) => !passed)) return dead;
      left = left.filter((one) => one !== test);
    }
    return undefined;
  }

  return {
    async learn(files) {
      const flaky: string[] = [];
      for (const file of files) if (!known.has(file)) flaky.push(...(await learnFile(file)));
      return flaky;
    },
    async judge({ id }, files) {
      for (const file of files) {
        const fate = await judgeBy(file, id);
        if (fate) return fate;
      }
      const reached = files.some((file) => known.get(file)?.some((one) => one.reached.has(id)));
      return { lives: true, reached };
    },
    close() {
      runner?.then(end, () => undefined);
    },
  };
}

/** What a runner says to a message; "late" if it says nothing in time. Throws Error if it ends. */
function answer<Said>(
  child: ChildProcess,
  message: Begin | Ask,
  patience: number,
): Promise<Said | "late"> {
  return new Promise((resolve, reject) => {
    const done = (settle: () => void) => {
      clearTimeout(late);
      child.off("message", said);
      child.off("exit", gone);
      settle();
    };
    const said = (what: unknown) => done(() => resolve(what as Said));
    const gone = () => done(() => reject(new Error("the process that runs the tests has ended")));
    const late = setTimeout(() => done(() => resolve("late")), patience);
    child.once("message", said);
    child.once("exit", gone);
    child.send(message);
  });
}
