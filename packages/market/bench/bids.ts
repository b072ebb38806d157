/*
 * npm run bench -- bids [--offers N]: how many bids one offer draws among so many rested workers, and when the first comes, over many
 * offers. Exits 1 if a target is missed.
 */
import { parseArgs } from "node:util";
import { OFFER_PARTS } from "@tabcast/protocol";
import { seededRandom } from "@tabcast/runtime";
import { Hire } from "../src/index.ts";

const { values } = parseArgs({ options: { offers: { type: "string", default: "300" } } });
const OFFERS = Number(values.offers);
if (!Number.isInteger(OFFERS) || OFFERS < 1 || OFFERS > 100_000) {
  console.error(`--offers takes a whole number from 1 to 100000, got ${values.offers}`);
  process.exit(2);
}
/** The third bid fills the crew: until its end reaches everybody, a dial and a way back pass. Milliseconds. Source: facts, mesh.md. */
const WANTED = 3;
const ENDS_AFTER_MS = 900;
const TARGETS = [
  [200, 12],
  [2_000, 12],
  [20_000, 16],
] as const;
const FIRST_MS = 500;

/** Of sorted values the one below which so large a share lies. */
const share = (sorted: readonly number[], of: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(of * sorted.length))] ?? Number.NaN;

/** One offer that is told to one part of the workers. */
function offer(workers: number, parts: number, seed: number): { sent: number; firstMs: number } {
  const random = seededRandom(seed, `${workers}/${parts}`);
  const peers = Math.round(workers / parts);
  const weight = 2 * Hire.MOST_RESTED;
  const delays = Array.from({ length: peers }, () =>
    Hire.delay({ draw: 1 - random.fraction(), peers, parts, weight }),
  ).sort((a, b) => a - b);
  const end = (delays[WANTED - 1] ?? 0) + ENDS_AFTER_MS;
  return { sent: delays.filter((ms) => ms < end).length, firstMs: delays[0] ?? 0 };
}

let ok = true;
console.log(
  `workers  told  bids: median  p95  worst   first bid, ms: median  p95  worst   (${OFFERS} offers)`,
);
for (const [workers, most] of TARGETS)
  for (const parts of new Set([Hire.partsFor(workers, 0), OFFER_PARTS[0] ?? 1])) {
    const all = Array.from({ length: OFFERS }, (_, seed) => offer(workers, parts, seed));
    const sent = all.map((one) => one.sent).sort((a, b) => a - b);
    const first = all.map((one) => one.firstMs).sort((a, b) => a - b);
    const cells = [share(sent, 0.5), share(sent, 0.95), share(sent, 1)];
    const times = [share(first, 0.5), share(first, 0.95), share(first, 1)].map(Math.round);
    const holds = share(sent, 0.5) <= most && share(first, 0.5) <= FIRST_MS;
    ok &&= holds;
    console.log(
      `${workers}  ${Math.round(workers / parts)}  ${cells.join("  ")}   ${times.join("  ")}   target ${most}, ${FIRST_MS}: ${holds ? "ok" : "MISSED"}`,
    );
  }
process.exit(ok ? 0 : 1);
