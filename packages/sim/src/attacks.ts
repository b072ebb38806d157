/** Attacks side by side with the same run without attackers: what is compared, what is allowed, and the table of both. */
import { fixed } from "@tabcast/runtime";
import type { Engine, Run } from "./engine.ts";
import { honestPeers, hostileOf } from "./play.ts";
import { type AttackerKind, OF_THE_MESH, type Scenario } from "./scenario.ts";
import type { Peak } from "./stage.ts";

/** How much worse an attack by a tenth of all peers may make a figure. Source: issue 13. */
const MOST_RATIO = 1.5;
/** Up to this share of hostile peers the figures are judged; above it only memories are. Source: issue 13. */
const JUDGED_SHARE = 0.1;

interface Figure {
  readonly id: string;
  readonly label: string;
  readonly unit: string;
  /**
   * What is allowed however small the clean value is, of the mean over all seeds. A clean run misses and stalls nothing, and nothing times
   * 1.5 is nothing.
   */
  readonly floor: number;
  /** Kinds of attackers that aim at it; left out: all. */
  readonly only?: readonly AttackerKind[];
  of(run: Run): number;
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const mean = (values: readonly number[]) => (values.length === 0 ? 0 : sum(values) / values.length);

/** What is compared, of one run each. */
export const FIGURES: readonly Figure[] = [
  {
    id: "missed",
    label: "segments missed, of all streams",
    unit: "",
    // One segment of a run: what a single unlucky hand-over costs without any attacker.
    floor: 1,
    of: ({ segments }) => segments.filter(({ judged, gaps }) => judged && gaps > 0).length,
  },
  {
    id: "viewerMissed",
    label: "segments missed, of all viewers",
    unit: "",
    floor: 1,
    of: ({ viewers }) => sum(viewers.map(({ missed }) => missed)),
  },
  {
    id: "stalls",
    label: "stalls, of all viewers",
    unit: "",
    // One stall of one viewer, for the same reason.
    floor: 1,
    of: ({ viewers }) => sum(viewers.map(({ stalls }) => stalls)),
  },
  {
    id: "stalledS",
    label: "time stood still, of all viewers",
    unit: "s",
    // The length of the segment that the one stall may wait for.
    floor: 2,
    of: ({ viewers }) => sum(viewers.map(({ stalledMs }) => stalledMs)) / 1_000,
  },
  {
    id: "hireS",
    label: "time to hire, mean of streams",
    unit: "s",
    // Offers are repeated about so often: whether a worker hears the first or the second one is chance.
    floor: 2,
    of: ({ streams, virtualMs }) =>
      mean(streams.map(({ startedMs, hiredMs }) => (hiredMs ?? virtualMs) - startedMs)) / 1_000,
  },
  {
    id: "firstPictureS",
    label: "time to first picture, mean of viewers",
    unit: "s",
    // One segment: where in it a viewer comes is chance.
    floor: 2,
    of: ({ viewers }) =>
      mean(viewers.map(({ startUpMs, stayedMs }) => startUpMs ?? stayedMs)) / 1_000,
  },
  {
    id: "unlisted",
    label: "streams on the air that are not listed, of all lists",
    unit: "",
    floor: 0,
    of: ({ listers }) => sum(listers.map(({ unlisted }) => unlisted)),
  },
  {
    id: "lonely",
    label: "tabs without four honest neighbours after 30 s",
    unit: "",
    floor: 0,
    of: ({ settled }) => settled.lonely,
  },
  {
    id: "leaks",
    label: "pieces of private streams that opened",
    unit: "",
    floor: 0,
    only: ["private-prober"],
    of: ({ leaks }) => leaks,
  },
  {
    id: "honestBids",
    label: "bids of honest workers, per honest stream",
    unit: "",
    // What one offer may draw. Source: issue 13.
    floor: 12,
    only: ["reflection", "author-forgery", "replay"],
    of: ({ honestBids, streams }) => honestBids / streams.length,
  },
];

/** Two runs of one seed. */
export interface Pair {
  readonly seed: number;
  readonly clean: Run;
  readonly attacked: Run;
}

/** A figure with and without attackers. */
export interface Compared {
  readonly id: string;
  readonly label: string;
  readonly unit: string;
  /** Of each seed, in the order of the pairs. */
  readonly seeds: readonly { readonly clean: number; readonly attacked: number }[];
  /** Means over the seeds. */
  readonly clean: number;
  readonly attacked: number;
  /** What the attacked mean may be; undefined where it is not judged. */
  readonly most: number | undefined;
  readonly holds: boolean;
}

export interface Comparison {
  readonly kind: AttackerKind;
  readonly share: number;
  readonly hostile: number;
  readonly peers: number;
  readonly seeds: readonly number[];
  readonly figures: readonly Compared[];
  /** By what is held and where: the fullest over all seeds. */
  readonly memory: Readonly<
    Record<string, { readonly clean: number; readonly attacked: number; readonly bound: number }>
  >;
  /** What hostile peers did, in all attacked runs. */
  readonly deeds: Readonly<Record<string, number>>;
  readonly passed: boolean;
}

/** The scenario with hostile peers of one kind. */
export const attacked = (scenario: Scenario, kind: AttackerKind, share: number): Scenario => ({
  ...scenario,
  name: `attack-${kind}`,
  attackers: [{ kind, share, n: undefined, fromS: undefined }],
});

/** A network of a third of the peers: what every commit runs. */
export function brief(scenario: Scenario): Scenario {
  const third = (n: number) => Math.ceil(n / 3);
  return {
    ...scenario,
    workers: scenario.workers.map((group) => ({ ...group, n: third(group.n) })),
    streams: scenario.streams.map((group) => ({ ...group, n: third(group.n) })),
    viewers: { ...scenario.viewers, n: third(scenario.viewers.n) },
  };
}

/** Relays and lists that an attack on the mesh is run with, where the scenario has none. */
const MESH = { relays: { n: 10, slots: 4_096, perAddress: 64 }, lists: 3 } as const;

/** Where an attack is run: a scenario, with relays for those whose effect lies in how tabs reach each other. */
export const groundOf = (scenario: Scenario, kind: AttackerKind): Scenario =>
  OF_THE_MESH.has(kind)
    ? {
        ...scenario,
        relays: scenario.relays ?? MESH.relays,
        viewers: { ...scenario.viewers, lists: scenario.viewers.lists || MESH.lists },
      }
    : scenario;

/** Holds attacked runs against their own runs without attackers. */
export function compare(
  { kind, share }: { readonly kind: AttackerKind; readonly share: number },
  pairs: readonly Pair[],
): Comparison {
  const scenario = (pairs[0] as Pair).clean.scenario;
  const honest = honestPeers(scenario);
  const hostile = hostileOf(share, honest);
  const aimedAt = FIGURES.filter(({ only }) => only?.includes(kind) ?? true);
  const figures = aimedAt.map(({ id, label, unit, floor, of }): Compared => {
    const seeds = pairs.map((pair) => ({ clean: of(pair.clean), attacked: of(pair.attacked) }));
    const without = mean(seeds.map(({ clean }) => clean));
    const with_ = mean(seeds.map((one) => one.attacked));
    const most = share <= JUDGED_SHARE ? Math.max(MOST_RATIO * without, floor) : undefined;
    const holds = most === undefined || with_ <= most;
    return { id, label, unit, seeds, clean: without, attacked: with_, most, holds };
  });
  const memory = memoryOf(pairs);
  const holds = Object.values(memory).every((one) => one.attacked <= one.bound);
  return {
    kind,
    share,
    hostile,
    peers: honest + hostile,
    seeds: pairs.map(({ seed }) => seed),
    figures,
    memory,
    deeds: deedsOf(pairs),
    passed: holds && figures.every((figure) => figure.holds),
  };
}

function deedsOf(pairs: readonly Pair[]): Comparison["deeds"] {
  const all: Record<string, number> = {};
  for (const { attacked: run } of pairs)
    for (const [what, n] of Object.entries(run.deeds)) all[what] = (all[what] ?? 0) + n;
  return all;
}

function memoryOf(pairs: readonly Pair[]): Comparison["memory"] {
  const fullest = (runs: readonly Run[]): Record<string, Peak> => {
    const all: Record<string, Peak> = {};
    for (const { memory } of runs)
      for (const [name, one] of Object.entries(memory))
        if (one.peak >= (all[name]?.peak ?? 0)) all[name] = one;
    return all;
  };
  const [clean, hostile] = [
    fullest(pairs.map((pair) => pair.clean)),
    fullest(pairs.map((pair) => pair.attacked)),
  ];
  const names = [...new Set([...Object.keys(clean), ...Object.keys(hostile)])].sort();
  return Object.fromEntries(
    names.map((name) => [
      name,
      {
        clean: clean[name]?.peak ?? 0,
        attacked: hostile[name]?.peak ?? 0,
        bound: hostile[name]?.bound ?? clean[name]?.bound ?? 0,
      },
    ]),
  );
}

/** Runs seeds of a scenario with and without attackers; runs without them are kept for the next attack. */
export function openAttacks(engine: Engine) {
  const known = new Map<string, Promise<Run>>();
  const clean = (scenario: Scenario, seed: number): Promise<Run> => {
    const key = `${seed} ${JSON.stringify(scenario)}`;
    const run = known.get(key) ?? engine.run(scenario, { seed, keepEvents: false });
    known.set(key, run);
    return run;
  };
  return {
    async run(
      given: Scenario,
      attack: { readonly kind: AttackerKind; readonly share: number },
      seeds: readonly number[],
    ): Promise<Comparison> {
      const scenario = groundOf(given, attack.kind);
      const pairs: Pair[] = [];
      for (const seed of seeds) {
        const without = await clean(scenario, seed);
        const hostile = attacked(scenario, attack.kind, attack.share);
        const run = await engine.run(hostile, { seed, keepEvents: false });
        pairs.push({ seed, clean: without, attacked: run });
      }
      return compare(attack, pairs);
    },
  };
}

const shown = (value: number, unit = "") =>
  `${fixed(value, Number.isInteger(value) ? 0 : 2)}${unit === "" ? "" : ` ${unit}`}`;
const ratioOf = ({ clean, attacked: hostile }: Compared) =>
  clean === 0 ? "" : `x ${fixed(hostile / clean, 2)}`;
const percent = (share: number) => `${fixed(100 * share, 0)} %`;

/** Memories at less than this share of their bounds, with and without attackers, are counted and not listed. */
const WORTH_SHOWING = 0.1;

/** Both sides, seed by seed and together, as people read them. */
export function comparisonTable(comparison: Comparison, what: string): string {
  const { kind, share, hostile, peers, seeds, figures, memory, deeds, passed } = comparison;
  const lines = figures.flatMap((figure) => {
    const { label, unit, clean, attacked: by, most, holds } = figure;
    const bound =
      most === undefined ? "" : `at most ${shown(most, unit)} ${holds ? "ok" : "FAILED"}`;
    const head = `  ${label.padEnd(40)}${shown(clean, unit).padStart(10)}${shown(by, unit).padStart(10)}  ${ratioOf(figure).padEnd(8)} ${bound}`;
    if (seeds.length === 1) return [head.trimEnd()];
    const each = figure.seeds.map((one) => `${shown(one.clean)}|${shown(one.attacked)}`).join(" ");
    return [head.trimEnd(), `      by seed: ${each}`];
  });
  const all = Object.entries(memory);
  const worth = all.filter(
    ([, one]) => Math.max(one.clean, one.attacked) >= WORTH_SHOWING * one.bound,
  );
  const over = all.filter(([, one]) => one.attacked > one.bound);
  return [
    `attack-${kind}, ${percent(share)} (${hostile} of ${peers} peers), seeds ${seeds.join(" ")}: ${passed ? "holds" : "FAILED"}`,
    `  ${what}`,
    `  did: ${Object.entries(deeds)
      .map(([deed, n]) => `${n} ${deed}`)
      .join(", ")}`,
    `  ${"".padEnd(40)}${"clean".padStart(10)}${"attacked".padStart(10)}`,
    ...lines,
    ...worth.map(
      ([name, one]) =>
        `  ${name.padEnd(56)} ${one.clean} | ${one.attacked} of ${one.bound}${one.attacked > one.bound ? " FAILED" : ""}`,
    ),
    `  ${all.length} kinds of memory, ${all.length - worth.length} of them below a tenth of their bounds, ${over.length} above`,
  ].join("\n");
}

/** One line for each attack and share, in Markdown: attacked means, the clean ones in brackets. */
export function markdownTable(comparisons: readonly Comparison[]): string {
  const cell = ({ clean, attacked: by, holds }: Compared) =>
    `${shown(by)} (${shown(clean)})${holds ? "" : " **FAILED**"}`;
  const general = FIGURES.filter(({ only }) => only === undefined);
  const heads = general.map(({ label, unit }) => (unit === "" ? label : `${label}, ${unit}`));
  const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [
    row(["attack", "share", ...heads, "fullest memory", "holds"]),
    row(["---", ...general.map(() => "---"), "---", "---", "---"]),
    ...comparisons.map(({ kind, share, hostile, peers, figures, memory, passed }) => {
      const [fullest] = Object.entries(memory).toSorted(
        ([, a], [, b]) => b.attacked / b.bound - a.attacked / a.bound,
      );
      const full =
        fullest === undefined ? "" : `${fullest[0]}: ${fullest[1].attacked} of ${fullest[1].bound}`;
      return row([
        kind,
        `${percent(share)}, ${hostile} of ${peers}`,
        ...figures.filter(({ id }) => general.some((one) => one.id === id)).map(cell),
        full,
        passed ? "yes" : "**no**",
      ]);
    }),
  ].join("\n");
}
