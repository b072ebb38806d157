/** What becomes of mutants: the tests that reach one are shown it, file by file, until one of them fails. */
import { type ChildProcess, fork } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Answer, Ask, Begin, Notes } from "./runner.ts";

/** Milliseconds for a run of tests beside four times what they took without a mutant: one that is slower never ends. */
const PATIENCE = 45_000;
/** Milliseconds from which on a test has more in it than our code, such as a chain: its failure must be seen twice. */
const SLOW = 100;
/** Mutants that are shown to a file of tests in one run. */
const AT_ONCE = 100;

export type Fate =
  | { readonly lives: true; readonly reached: boolean }
  | { readonly lives: false; readonly by: string; readonly late: boolean };

export interface Judge {
  /** Learns which tests in a file reach which mutants, and names those that failed once; throws Error if they fail without a mutant. */
  learn(file: string): Promise<readonly string[]>;
  /** Those of some mutants that a file's tests notice, shown in turn in one process: for tests that leave nothing behind. */
  judgeAll(file: string, mutants: readonly number[]): Promise<ReadonlyMap<number, Fate>>;
  /** What becomes of one mutant in a process of its own; undefined if the file's tests do not notice it. */
  judge(file: string, mutant: number): Promise<Fate | undefined>;
  reaches(file: string, mutant: number): boolean;
  /** True of a mutant whose place runs while the file is loaded: it can be shown in a process of its own alone. */
  isLoaded(file: string, mutant: number): boolean;
  close(): void;
}

interface Known {
  readonly id: string;
  readonly name: string;
  readonly reached: ReadonlySet<number>;
  readonly loaded: ReadonlySet<number>;
  readonly took: number;
}

export function openJudge(schemas: Omit<Begin, "notes">): Judge {
  const known = new Map<string, readonly Known[]>();
  const folder = mkdtempSync(join(tmpdir(), "tabcast-mutate-"));
  const notes = join(folder, "notes");
  let runner: Promise<ChildProcess> | undefined;

  const end = (child: ChildProcess) => {
    runner = undefined;
    // The tests' own processes are of its group: chains among them.
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGKILL");
  };
  async function run(ask: Ask, isLate: () => boolean): Promise<Answer | "late"> {
    runner ??= start({ ...schemas, notes });
    const child = await runner;
    const said = await answer<Answer>(child, ask, isLate);
    if (said === "late") end(child);
    return said;
  }

  async function learn(file: string): Promise<readonly string[]> {
    const { tests, flaky } = await learnFile(run, file);
    known.set(file, tests);
    return flaky;
  }

  const reaching = (file: string, mutant: number) =>
    (known.get(file) ?? []).filter(({ reached }) => reached.has(mutant));

  async function judge(file: string, mutant: number): Promise<Fate | undefined> {
    let left = reaching(file, mutant);
    while (left.length > 0) {
      const ask = (some: readonly Known[]) => {
        const took = some.reduce((sum, one) => sum + one.took, 0);
        return run({ mutant, file, tests: some.map(({ id }) => id) }, within(PATIENCE + 4 * took));
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

  async function judgeAll(
    file: string,
    mutants: readonly number[],
  ): Promise<ReadonlyMap<number, Fate>> {
    const dead = new Map<number, Fate>();
    const tests = known.get(file) ?? [];
    for (let left = [...mutants]; left.length > 0; ) {
      const some = left.slice(0, AT_ONCE);
      const shown = shownTo(tests, some);
      writeFileSync(notes, "");
      const noted = () => readFileSync(notes, "utf8");
      const said = await run({ mutant: 0, file, tests: Object.keys(shown), shown }, stuck(noted));
      const lines = linesOf(noted());
      const nameOf = (id: string) => `${file}: ${tests.find((test) => test.id === id)?.name}`;
      for (const line of lines)
        if ("killed" in line)
          dead.set(line.killed, { lives: false, by: nameOf(line.test), late: line.late });
      const last = lines.at(-1);
      if (said !== "late") left = left.slice(some.length);
      else if (last && "tried" in last) {
        // It was under way when nothing went on.
        dead.set(last.tried, { lives: false, by: nameOf(last.test), late: true });
        left = left.filter((mutant) => !dead.has(mutant));
      } else throw new Error(`the tests in ${file} do not begin`);
    }
    return dead;
  }

  return {
    learn,
    judge,
    judgeAll,
    reaches: (file, mutant) => reaching(file, mutant).length > 0,
    isLoaded: (file, mutant) => known.get(file)?.some(({ loaded }) => loaded.has(mutant)) ?? false,
    close() {
      runner?.then(end, () => undefined);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

type Run = (ask: Ask, isLate: () => boolean) => Promise<Answer | "late">;

/** A file's tests without a mutant, with what each reaches; apart from them those that failed once. */
async function learnFile(
  run: Run,
  file: string,
): Promise<{ readonly tests: readonly Known[]; readonly flaky: readonly string[] }> {
  const flaky = new Set<string>();
  const whole = async (some: readonly Known[] | undefined): Promise<Known[]> => {
    const tests = some?.map(({ id }) => id);
    const said = await run({ mutant: 0, file, ...(tests && { tests }) }, within(600_000));
    if (said === "late") throw new Error(`the tests in ${file} do not come to their end`);
    const failed = said.tests.find(({ passed }) => !passed);
    if (failed === undefined && said.errors.length > 0)
      throw new Error(`${file}: ${said.errors[0]}`);
    if (failed === undefined)
      return said.tests.map((one) => ({
        ...one,
        reached: new Set([...one.reached, ...one.loaded]),
        loaded: new Set(one.loaded),
      }));
    if (some === undefined || flaky.size > 3)
      throw new Error(`the test "${failed.name}" in ${file} fails without any mutant`);
    flaky.add(failed.id);
    return whole(some.filter(({ id }) => id !== failed.id));
  };
  const all = await whole(undefined).catch(() => whole(undefined));
  // In halves too: what is asked of a mutant is some of a file's tests, which must not need the others.
  await whole(all.filter((_, i) => i % 2 === 0));
  if (all.length > 1) await whole(all.filter((_, i) => i % 2 === 1));
  return {
    tests: all.filter(({ id }) => !flaky.has(id)),
    flaky: all.filter(({ id }) => flaky.has(id)).map(({ name }) => name),
  };
}

/** A process that runs tests, and has the sources with their mutants. */
async function start(begin: Begin): Promise<ChildProcess> {
  const script = fileURLToPath(new URL("./runner.ts", import.meta.url));
  // The seed is always the same: the same tests fail for a mutant each time.
  const env = { ...process.env, SEED: process.env.SEED ?? "1", VITEST: "true" };
  const child = fork(script, {
    env,
    detached: true,
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  await answer(child, begin, () => false);
  return child;
}
/** Which mutants each test is shown: those whose place it reaches. */
const shownTo = (tests: readonly Known[], mutants: readonly number[]) =>
  Object.fromEntries(
    tests
      .map(({ id, reached }) => [id, mutants.filter((mutant) => reached.has(mutant))] as const)
      .filter(([, ofTest]) => ofTest.length > 0),
  );

const linesOf = (noted: string) =>
  noted
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Notes);

/** True once so many milliseconds are over. */
function within(ms: number): () => boolean {
  const began = Date.now();
  return () => Date.now() - began > ms;
}

/** True once what is noted has been the same for longer than the patience. */
function stuck(noted: () => string): () => boolean {
  let [length, since] = [-1, Date.now()];
  return () => {
    const now = noted().length;
    if (now !== length) [length, since] = [now, Date.now()];
    return Date.now() - since > PATIENCE;
  };
}

/** What a runner says to a message; "late" once `isLate`. Throws Error if it ends. */
function answer<Said>(
  child: ChildProcess,
  message: Begin | Ask,
  isLate: () => boolean,
): Promise<Said | "late"> {
  return new Promise((resolve, reject) => {
    const done = (settle: () => void) => {
      clearInterval(late);
      child.off("message", said);
      child.off("exit", gone);
      settle();
    };
    const said = (what: unknown) => done(() => resolve(what as Said));
    const gone = () => done(() => reject(new Error("the process that runs the tests has ended")));
    const late = setInterval(() => {
      if (isLate()) done(() => resolve("late"));
    }, 1_000);
    child.once("message", said);
    child.once("exit", gone);
    child.send(message);
  });
}
