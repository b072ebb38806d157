/*
 * npm run bench -- bids [--offers N] [--seed S]: how many bids one offer draws among so many rested workers, when the first comes, and how
 * often the first wave has too few, over many offers. Then the same where workers are not what the rule takes them for. Exits 1 if a target
 * is missed in more than one offer of twenty.
 */
import { parseArgs } from "node:util";
import { OFFER_PARTS } from "@tabcast/protocol";
import { seededRandom } from "@tabcast/runtime";
import { Hire } from "../src/index.ts";

const { values } = parseArgs({
  options: {
    offers: { type: "string", default: "300" },
    seed: { type: "string", default: "0" },
  },
});

/** A whole number that a flag gives; a wrong one ends the bench with 2. */
function flag(name: "offers" | "seed", least: number, most: number): number {
  const value = Number(values[name]);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  console.error(`--${name} takes a whole number from ${least} to ${most}, got ${values[name]}`);
  process.exit(2);
}

const OFFERS = flag("offers", 1, 100_000);
const SEED = flag("seed", 0, 1_000_000);
/** A live stream's crew of two and a backup: the third bid fills it. */
const CREW = 2;
const WANTED = CREW + 1;
/** Until an offer's end reaches everybody, a dial and a way back pass after that. Milliseconds. Source: facts, mesh.md. */
const ENDS_AFTER_MS = 900;
const TARGETS = [
  [200, 12],
  [2_000, 12],
  [20_000, 16],
] as const;
const FIRST_MS = 500;
/** Share of the offers that are to keep to a target. */
const KEPT = 0.95;
const RESTED = 2 * Hire.MOST_RESTED;

/** What one offer drew. */
interface Drawn {
  readonly sent: number;
  readonly firstMs: number;
  readonly crewMs: number;
  readonly filledMs: number;
}

/** What an offer meets. */
interface Told {
  /** All workers, and of how many parts of them one is told. */
  readonly workers: number;
  readonly parts: number;
  /** How many there are by what relays say, in times of what is true. Default 1. */
  readonly believed?: number;
  /** Share of those told that can do it. Default 1. */
  readonly able?: number;
  readonly weight?: number;
  readonly endsAfterMs?: number;
}

/** One offer that is told to one part of the workers. */
function offer(told: Told, seed: number): Drawn {
  const { workers, parts, believed = 1, able = 1, weight = RESTED } = told;
  const random = seededRandom(SEED + seed, `${workers}/${parts}`);
  const there = Math.round(workers / parts);
  const peers = believed * there;
  const delays = Array.from({ length: Math.round(able * there) }, () =>
    Hire.delay({ draw: 1 - random.fraction(), peers, parts, weight }),
  ).sort((a, b) => a - b);
  const at = (nth: number) => delays[nth - 1] ?? Number.POSITIVE_INFINITY;
  const end = at(WANTED) + (told.endsAfterMs ?? ENDS_AFTER_MS);
  const sent = delays.filter((ms) => ms < end).length;
  return { sent, firstMs: at(1), crewMs: at(CREW), filledMs: at(WANTED) };
}

/** Of the values in order the one below which so large a share lies. */
function share(values: readonly number[], of: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(of * sorted.length))] ?? Number.NaN;
}

const three = (values: readonly number[]) =>
  [0.5, KEPT, 1].map((of) => Math.round(share(values, of))).join(" ");

/** Prints what offers of a kind draw, and gives their bids and when the first came. */
function row(name: string, told: Told): { sent: number[]; first: number[] } {
  const all = Array.from({ length: OFFERS }, (_, seed) => offer(told, seed));
  const [sent, first] = [all.map((one) => one.sent), all.map((one) => one.firstMs)];
  const later = (when: (one: Drawn) => number) =>
    `${((100 * all.filter((one) => when(one) >= Hire.WAVES.everyMs).length) / OFFERS).toFixed(1)} %`;
  const cells = [
    name.padEnd(34),
    three(sent).padEnd(9),
    three(first).padEnd(14),
    three(all.map((one) => one.filledMs)).padEnd(16),
    later((one) => one.crewMs).padStart(6),
    later((one) => one.filledMs).padStart(6),
  ];
  console.log(cells.join("  "));
  return { sent, first };
}

let ok = true;
console.log(
  `median, p95, worst of ${OFFERS} offers    bids       first bid, ms   third bid, ms     < ${CREW}  < ${WANTED} in the first wave`,
);
for (const [workers, most] of TARGETS)
  for (const parts of new Set([Hire.partsFor(workers, 0), OFFER_PARTS[0] ?? 1])) {
    const { sent, first } = row(`${workers} workers, ${Math.round(workers / parts)} told`, {
      workers,
      parts,
    });
    if (share(sent, KEPT) <= most && share(first, KEPT) <= FIRST_MS) continue;
    console.log(`  MISSED: ${most} bids, ${FIRST_MS} ms`);
    ok = false;
  }
const usual = { workers: 2_000, parts: Hire.partsFor(2_000, 0) };
console.log(`no target: where workers are not what is taken for granted, ${usual.workers} of them`);
row("relays count half of them", { ...usual, believed: 0.5 });
row("relays count twice as many", { ...usual, believed: 2 });
row("one of three can do it", { ...usual, able: 1 / 3 });
row("all have just joined", { ...usual, weight: 1 });
row("a dial takes 2 s", { ...usual, endsAfterMs: 2_300 });
process.exit(ok ? 0 : 1);
