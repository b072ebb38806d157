import { percent } from "@tabcast/runtime";
import { judge, readings } from "../../src/compare/verdict.ts";
import type { Row } from "./trial.ts";

/** Goals of issue B: honest renditions refused, and visible attacks missed. */
const MOST_REFUSED = 1 / 1000;
const MOST_MISSED = 1 / 100;
/** A poorer rendition has lost something if it is this far behind the honest one of its rung, in dB. */
const VISIBLE_DB = 1;
/** Rate control may spend as much at a lower bitrate, where a key frame is nearly all: then nothing was saved. */
const SAVED = 0.93;
/** From here on, in dB, nobody sees that a picture could be better. */
const TRANSPARENT_DB = 44;

/** What is true of a share of which `k` in `n` were seen: at most this, in 19 of 20 cases (Wilson's bound, one-sided). */
export function atMost(k: number, n: number): number {
  if (n === 0) return 1;
  const z = 1.645;
  const p = k / n;
  const spread = z * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  return (p + (z * z) / (2 * n) + spread) / (1 + (z * z) / n);
}

const groups = <T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> =>
  Map.groupBy(items, key);

/** How often each measure spoke, most often first. */
function reasons(names: readonly string[]): string {
  return [...groups(names, (name) => name)]
    .sort(([, a], [, b]) => b.length - a.length)
    .map(([name, all]) => `${name} ${all.length}`)
    .join(", ");
}

function print(head: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
  const all = [head, ...rows].map((row) => row.map(String));
  const widths = head.map((_, i) => Math.max(...all.map((row) => row[i]?.length ?? 0)));
  for (const row of all)
    console.log(
      row
        .map((cell, i) =>
          i === 0 || i === row.length - 1
            ? cell.padEnd(widths[i] ?? 0)
            : cell.padStart(widths[i] ?? 0),
        )
        .join("  ")
        .trimEnd(),
    );
}

const meanPsnr = ({ comparison: { frames = [] } }: Row) =>
  frames.reduce((sum, { psnr }) => sum + psnr, 0) / Math.max(1, frames.length);
const nameOf = ({ kind, seed, codec, rung }: Row) => [kind, seed, codec, rung].join();

/** The share of checks that were grey at first, and cost an encode. */
const answered = (judged: readonly { readonly row: Row }[]) =>
  percent(judged.filter(({ row }) => row.own).length / Math.max(1, judged.length));

/** Whether an attack took anything from the viewer that could be seen. */
function visible(row: Row, honest: ReadonlyMap<string, Row[]>): boolean {
  if (row.visible === false) return false;
  const [own] = honest.get(nameOf(row)) ?? [];
  if (!own || !["bitrate / 3", "upscaled half-res"].includes(row.what)) return true;
  const bytes = ({ comparison }: Row) => comparison.facts?.sizes.coded ?? 0;
  if (row.what === "bitrate / 3" && bytes(row) > SAVED * bytes(own)) return false;
  return meanPsnr(row) < Math.min(TRANSPARENT_DB, meanPsnr(own) - VISIBLE_DB);
}

/** Prints both tables. Returns the goals that were missed. */
export function verdicts(rows: readonly Row[], attacks: readonly string[]): string[] {
  const missed: string[] = [];
  const judged = rows.map((row) => ({ row, verdict: judge(row.comparison, row.own) }));
  const honest = judged.filter(({ row }) => row.what === "honest");
  console.log(
    "\nHonest renditions. At most: the upper end of a one-sided 95 % interval. Own: checks that an own encode had to answer.",
  );
  print(
    [
      "of",
      "renditions",
      "checks",
      "refused",
      "share",
      "at most",
      "own",
      "grey",
      "refused by; grey by",
    ],
    [
      ...groups(honest, ({ row }) => row.codec),
      ...groups(honest, ({ row }) => row.kind),
      ["all", honest] as const,
    ].map(([of, all]) => {
      const refused = all.filter(({ verdict }) => verdict.answer === "false");
      const grey = all.filter(({ verdict }) => verdict.answer === "grey");
      if (refused.length > MOST_REFUSED * all.length) missed.push(`honest ${of}`);
      return [
        of,
        groups(all, ({ row }) => nameOf(row)).size,
        all.length,
        refused.length,
        percent(refused.length / all.length),
        percent(atMost(refused.length, all.length)),
        answered(all),
        percent(grey.length / all.length),
        [refused, grey]
          .map((some) => reasons(some.flatMap(({ verdict }) => verdict.failed)))
          .join("; "),
      ];
    }),
  );
  const own = groups(
    honest.map(({ row }) => row),
    nameOf,
  );
  console.log(
    "\nAttacks. Not seen: no viewer could tell, so not counted (see docs/attacks.md). Missed: taken for honest; grey goes to a second look.",
  );
  print(
    [
      "attack",
      "checked",
      "not seen",
      "counted",
      "caught",
      "own",
      "grey",
      "missed",
      "not caught",
      "at most",
      "caught by",
    ],
    attacks.map((attack) => {
      const all = judged.filter(({ row }) => row.what === attack);
      const counted = all.filter(({ row }) => visible(row, own));
      const of = (answer: string) => counted.filter(({ verdict }) => verdict.answer === answer);
      const caught = of("false");
      const escaped = counted.length - caught.length;
      if (escaped > MOST_MISSED * counted.length) missed.push(attack);
      return [
        attack,
        all.length,
        all.length - counted.length,
        counted.length,
        caught.length,
        answered(counted),
        of("grey").length,
        of("honest").length,
        percent(escaped / Math.max(1, counted.length)),
        percent(atMost(escaped, counted.length)),
        reasons(caught.flatMap(({ verdict }) => verdict.failed)),
      ];
    }),
  );
  return missed;
}

/** Prints how every measure is spread, for honest renditions per codec and for each attack. */
export function distributions(rows: readonly Row[]): void {
  const sorted = groups(rows, ({ what, codec }) => (what === "honest" ? `honest ${codec}` : what));
  for (const [name, all] of sorted) {
    console.log(`\n${name}: ${all.length} checks`);
    const values = new Map<string, number[]>();
    for (const { comparison, own } of all)
      for (const [measure, value] of readings(comparison, own))
        values.set(measure, [...(values.get(measure) ?? []), value]);
    print(
      ["measure", "n", "least", "0.1 %", "1 %", "median", "99 %", "99.9 %", "most"],
      [...values].map(([measure, found]) => {
        found.sort((a, b) => a - b);
        const at = (share: number) =>
          (found[Math.min(found.length - 1, Math.floor(share * found.length))] ?? 0).toFixed(3);
        return [measure, found.length, ...[0, 0.001, 0.01, 0.5, 0.99, 0.999, 1].map(at)];
      }),
    );
  }
}

/** Prints what one check costs where the rung is 360p, in milliseconds. */
export function costs(rows: readonly Row[]): void {
  const spent = rows
    .filter(({ rung, comparison }) => rung === "360p" && comparison.frames?.length === 3)
    .map(({ comparison }) => comparison.spent);
  const took = (of: (one: (typeof spent)[number]) => number) => {
    const sorted = spent.map(of).sort((a, b) => a - b);
    const at = (share: number) => (sorted[Math.floor(share * sorted.length)] ?? 0).toFixed(1);
    return `${at(0.5)} ms (one in ten in less than ${at(0.1)})`;
  };
  console.log(
    `\nOne check of a 360p rung, median of ${spent.length}: three frames measured in ${took(({ frames }) => frames)}, ` +
      `the trace in ${took(({ trace }) => trace)}; decoding and reading every frame up to the last in ${took(({ decode }) => decode)}.`,
  );
}
