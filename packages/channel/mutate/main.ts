/**
 * mutate [--list] [--kills] [--group NAME,NAME] [--only ID,ID] [--tests WORD,WORD]: what the tests would miss of the decisions on money. Each
 * comparison, sum, condition and constant is spoilt, one at a time, in the memory of the tests' processes: no file is touched. Ends
 * with 1 if a mutant lives that `equivalent.ts` does not explain, or dies though it does.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { EQUIVALENT } from "./equivalent.ts";
import { GROUPS, type Group } from "./groups.ts";
import { type Fate, type Judge, openJudge } from "./judge.ts";
import { type Mutant, mutantsOf } from "./mutants.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url)).replace(/\/$/, "");

function fail(why: string, code: number): never {
  console.error(`error: ${why}`);
  process.exit(code);
}

interface Spoilt {
  readonly group: Group;
  readonly mutant: Mutant;
}

/** All mutants of all groups, and the sources that hold them. */
function spoil(): { all: Spoilt[]; schemas: (readonly [path: string, schema: string])[] } {
  const all: Spoilt[] = [];
  const schemas: (readonly [path: string, schema: string])[] = [];
  for (const group of GROUPS)
    for (const { path, functions } of group.sources) {
      const source = readFileSync(join(root, path), "utf8");
      const first = all.length + 1;
      const { mutants, schema } = mutantsOf(source, { file: path, first, functions });
      all.push(...mutants.map((mutant) => ({ group, mutant })));
      schemas.push([join(root, path), schema]);
    }
  return { all, schemas };
}

const shown = ({ id, file, line, inside, from, to }: Mutant) =>
  `${id}. ${file}:${line}${inside && `, ${inside}`}: \`${from}\` → \`${to}\``;
const explained = (mutant: Mutant) =>
  EQUIVALENT.find(
    ({ file, inside, from, to, nth }) =>
      mutant.file.endsWith(`/${file}`) &&
      inside === mutant.inside &&
      from === mutant.from &&
      to === mutant.to &&
      (nth ?? nthOf(mutant)) === nthOf(mutant),
  );
/** Which it is of the mutants of a function that read the same, from 1. */
const nthOf = (mutant: Mutant) =>
  all.filter(
    ({ mutant: { id, file, inside, from, to } }) =>
      id <= mutant.id &&
      file === mutant.file &&
      inside === mutant.inside &&
      from === mutant.from &&
      to === mutant.to,
  ).length;

/** The table, and whether every survivor is explained and every explanation true. */
function report(fates: ReadonlyMap<Spoilt, Fate>): boolean {
  const rows = [...fates];
  console.log("\n| group | mutants | killed | of these by their time | equivalent | live |");
  console.log("| --- | --- | --- | --- | --- | --- |");
  for (const name of [...GROUPS.map((group) => group.name), "all"]) {
    const own = rows.filter(([{ group }]) => name === "all" || group.name === name);
    if (own.length === 0) continue;
    const dead = own.flatMap(([, fate]) => (fate.lives ? [] : [fate]));
    const same = own.filter(([{ mutant }, fate]) => fate.lives && explained(mutant)).length;
    const share = ((100 * dead.length) / (own.length - same)).toFixed(1);
    console.log(
      `| ${name} | ${own.length} | ${dead.length} (${share} %) | ${dead.filter(({ late }) => late).length} | ${same} | ${own.length - dead.length - same} |`,
    );
  }
  const alive = rows.filter(([, fate]) => fate.lives);
  for (const [{ mutant }, fate] of alive) {
    const unknown = fate.lives && !fate.reached ? "NO TEST REACHES IT" : "NOT EXPLAINED";
    console.log(`\n- ${shown(mutant)}\n  ${explained(mutant)?.why ?? unknown}`);
  }
  const wrong = rows.filter(([{ mutant }, fate]) => !fate.lives && explained(mutant));
  for (const [{ mutant }] of wrong)
    console.log(`\n- ${shown(mutant)} was killed: it is not equivalent`);
  return wrong.length === 0 && alive.every(([{ mutant }]) => explained(mutant));
}

interface JudgeOptions {
  readonly judge: Judge;
  readonly fates: Map<Spoilt, Fate>;
  /** Whether each kill is told. */
  readonly kills: boolean;
  /** Only tests with one of these words in their path; undefined: all. */
  readonly words: readonly string[] | undefined;
}

/** Judges the mutants of a group: all at once by the quick tests, and one by one by the slow ones what those let live. */
async function judgeGroup(
  group: Group,
  chosen: readonly Spoilt[],
  { judge, fates, kills, words }: JudgeOptions,
): Promise<void> {
  const asked = (paths: readonly string[]) =>
    paths.filter((path) => words?.some((word) => path.includes(word)) ?? true);
  const [quick, slow] = [asked(group.quick), asked(group.slow)];
  for (const path of [...quick, ...slow])
    for (const name of await judge.learn(path))
      console.log(`not asked, for it failed without a mutant once: ${name}`);
  const living = () => chosen.filter((one) => !fates.has(one));
  const tell = (one: Spoilt, fate: Fate) => {
    fates.set(one, fate);
    if (fate.lives) console.log(`lives: ${shown(one.mutant)}`);
    else if (kills) console.log(`killed: ${shown(one.mutant)}\n  by ${fate.by}`);
  };
  for (const path of quick) {
    const ids = living().map(({ mutant }) => mutant.id);
    const dead = new Map(
      await judge.judgeAll(
        path,
        ids.filter((id) => judge.reaches(path, id) && !judge.isLoaded(path, id)),
      ),
    );
    for (const id of ids.filter((id) => judge.isLoaded(path, id))) {
      const fate = await judge.judge(path, id);
      if (fate) dead.set(id, fate);
    }
    for (const one of living()) {
      const fate = dead.get(one.mutant.id);
      if (fate) tell(one, fate);
    }
    console.log(`${group.name}: ${living().length} of ${chosen.length} live after ${path}`);
  }
  const began = Date.now();
  const left = living();
  for (const [done, one] of left.entries()) {
    const { id } = one.mutant;
    let fate: Fate | undefined;
    // What is said to be equivalent is not shown to the slow tests, each of which it would take.
    if (!explained(one.mutant)) for (const path of slow) fate ??= await judge.judge(path, id);
    const reached = [...quick, ...slow].some((path) => judge.reaches(path, id));
    tell(one, fate ?? { lives: true, reached });
    if (done % 10 !== 9) continue;
    const minutes = ((Date.now() - began) / (done + 1) / 60_000) * (left.length - done - 1);
    console.log(`${group.name}: ${left.length - done - 1} left, ${Math.ceil(minutes)} min`);
  }
}

function options() {
  try {
    return parseArgs({
      options: {
        list: { type: "boolean", default: false },
        kills: { type: "boolean", default: false },
        group: { type: "string" },
        only: { type: "string" },
        tests: { type: "string" },
      },
    }).values;
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error), 2);
  }
}

const values = options();
const names = values.group?.split(",") ?? GROUPS.map(({ name }) => name);
const strange = names.find((name) => !GROUPS.some((group) => group.name === name));
if (strange !== undefined)
  fail(`--group takes ${GROUPS.map(({ name }) => name).join(", ")}, got ${strange}`, 2);
const words = values.tests?.split(",");
const { all, schemas } = spoil();
const ids = values.only?.split(",").map(Number);
const unknown = ids?.find((id) => !all.some(({ mutant }) => mutant.id === id));
if (unknown !== undefined) fail(`--only takes ids from 1 to ${all.length}, got ${unknown}`, 2);
const chosen = all.filter(
  ({ group, mutant }) => names.includes(group.name) && (ids?.includes(mutant.id) ?? true),
);

if (values.list) for (const { mutant } of chosen) console.log(shown(mutant));
else {
  const judge = openJudge({ root, schemas });
  const fates = new Map<Spoilt, Fate>();
  for (const signal of ["SIGINT", "SIGTERM"])
    process.once(signal, () => {
      judge.close();
      report(fates);
      process.exit(130);
    });
  try {
    console.log(`${chosen.length} mutants of ${all.length}`);
    for (const group of GROUPS) {
      const own = chosen.filter((one) => one.group === group);
      if (own.length > 0)
        await judgeGroup(group, own, { judge, fates, kills: values.kills, words });
    }
    if (!report(fates)) process.exitCode = 1;
  } catch (error) {
    console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  } finally {
    judge.close();
  }
}
