/** Who comes and goes, and when: drawn before the run, so that nothing that happens in it shifts the draws. */
import type { Random } from "@tabcast/runtime";
import { type Draw, PRESETS, type Scenario, type Span } from "./scenario.ts";
import { normal } from "./virtual/codec.ts";

export type Exit = "clean" | "crash" | "stall";

/** One stay of a worker, in milliseconds since the run began; it leaves at `to` if that is before the end. */
export interface Stay {
  readonly from: number;
  readonly to: number;
  readonly exit: Exit;
}

/** A value of a distribution. */
export function drawOf(of: Draw, random: Random): number {
  if (of.dist === "const") return of.value;
  if (of.dist === "uniform") return of.min + random.fraction() * (of.max - of.min);
  return of.median * Math.exp(of.sigma * normal(random));
}

/** A time of a distribution, in milliseconds: by inverting its survival function. */
export function spanOf(of: Span, random: Random): number {
  const left = -Math.log(1 - random.fraction());
  return 1_000 * (of.dist === "exp" ? of.meanS * left : of.scaleS * left ** (1 / of.k));
}

/** Milliseconds before the run from which a worker's coming and going is drawn, so that the run begins in the middle of it. */
const PAST_MS = 6 * 3_600_000;

/** A worker's stays until `endMs`. Without churn it comes within the first `withinMs` and stays. */
export function staysOf(
  churn: Scenario["churn"],
  random: Random,
  withinMs: number,
  endMs: number,
): readonly Stay[] {
  const first = random.fraction() * withinMs;
  if (churn === undefined) return [{ from: first, to: Number.POSITIVE_INFINITY, exit: "clean" }];
  const stay = typeof churn.stay === "string" ? (PRESETS[churn.stay] as Span) : churn.stay;
  const weights = Object.entries(churn.exit) as [Exit, number][];
  const sum = weights.reduce((total, [, weight]) => total + weight, 0);
  const exit = (): Exit => {
    let at = random.fraction() * sum;
    for (const [name, weight] of weights) {
      at -= weight;
      if (at < 0) return name;
    }
    return "clean";
  };
  const stays: Stay[] = [];
  for (let at = first - PAST_MS; at < endMs; ) {
    const to = at + spanOf(stay, random);
    // Who is there already joins the run while it warms up: only the rest of its stay is left.
    if (to > first) stays.push({ from: Math.max(first, at), to, exit: exit() });
    at = to + spanOf(churn.away, random);
  }
  return stays;
}
