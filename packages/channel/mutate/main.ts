/**
 * mutate [--list] [--kills] [--group NAME,NAME] [--only ID,ID] [--tests WORD,WORD] [--jobs N]: what the tests would miss of the decisions on money. Each
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
    ({ file, inside, from, to }) =>
      mutant.file.endsWith(`/${file}`) &&
      inside === mutant.inside &&
      from === mutant.from &&
      to === mutant.to,
  );

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

/** The files of tests that a mutant is shown to: those with one of the words in their path, if there are words. */
const testsOf = ({ tests }: Group, words: readonly string[] | undefined) =>
  tests.filter((path) => words?.some((word) => path.includes(word)) ?? true);

/** Judges each mutant, says how far it is, and stops when told. */
async function judgeAll(
  chosen: readonly Spoilt[],
  {
    fates,
    judges,
    kills,
    words,
  }: {
    fates: Map<Spoilt, Fate>;
    judges: readonly Judge[];
    kills: boolean;
    words: readonly string[] | undefined;
  },
): Promise<void> {
  const queue = [...chosen];
  const began = Date.now();
  await Promise.all(
    judges.map(async (judge) => {
      for (let next = queue.shift(); next; next = queue.shift()) {
        const fate = await judge.judge(next.mutant, testsOf(next.group, words));
        fates.set(next, fate);
        if (fate.lives) console.log(`lives: ${shown(next.mutant)}`);
        else if (kills) console.log(`killed: ${shown(next.mutant)}\n  by ${fate.by}`);
        if (fates.size % 25 !== 0) continue;
        const minutes = ((Date.now() - began) / fates.size / 60_000) * queue.length;
        console.log(`${queue.length} left, about ${Math.ceil(minutes)} min`);
      }
    }),
  );
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
        jobs: { type: "string", default: "1" },
      },
    }).values;
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error), 2);
  }
}

const values = options();
const jobs = Number(values.jobs);
if (!Number.isInteger(jobs) || jobs < 1 || jobs > 64)
  fail(`--jobs takes a whole number from 1 to 64, got ${values.jobs}`, 2);
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
  const known = new Map();
  const judges = Array.from({ length: jobs }, () => openJudge({ root, schemas }, known));
  const fates = new Map<Spoilt, Fate>();
  const close = () => {
    for (const judge of judges) judge.close();
  };
  for (const signal of ["SIGINT", "SIGTERM"])
    process.once(signal, () => {
      close();
      report(fates);
      process.exit(130);
    });
  try {
    const files = new Set(chosen.flatMap(({ group }) => testsOf(group, words)));
    console.log(`${chosen.length} mutants of ${all.length}; first the tests without any`);
    for (const name of (await judges[0]?.learn([...files])) ?? [])
      console.log(`not asked, for it failed without a mutant once: ${name}`);
    await judgeAll(chosen, { fates, judges, kills: values.kills, words });
    if (!report(fates)) process.exitCode = 1;
  } catch (error) {
    console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  } finally {
    close();
  }
}
