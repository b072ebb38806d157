import type { Random } from "@tabcast/runtime";
import type { Config } from "./config.ts";

/** A worker that could be hired, as far as the choice needs to know it. */
export interface Candidate {
  readonly worker: string;
  /** Wei per output megapixel. */
  readonly price: bigint;
  /** Queue, upload, transcode and pull of one segment, in milliseconds. */
  readonly etaMs: number;
  /** 0 to 1; 0.5 for a stranger. */
  readonly reputation: number;
  /** How long we have seen it, in milliseconds. */
  readonly ageMs: number;
}

/** The chance that a tab of an age stays `forMs` longer, 0 to 1. Both in milliseconds. */
export function stays(ageMs: number, forMs: number, { stay }: Config): number {
  const at = (ms: number) => (ms / stay.scaleMs) ** stay.shape;
  return Math.exp(-(at(ageMs + forMs) - at(ageMs)));
}

/** (good + 1) / (good + 10 x bad + 2): 0.5 for a stranger, 0.92 after ten good, 0.5 after one bad then. */
export function reputation(good: number, bad: number): number {
  return (good + 1) / (good + 10 * bad + 2);
}

/** Quick enough: 1.3 x ETA below the slack. */
export const feasible = (candidate: Candidate, slackMs: number, { margin }: Config): boolean =>
  margin * candidate.etaMs < slackMs;

/** Weight in the draw: e^(-price / median price) x reputation^2 x chance to stay until the slack is over. */
export function weight(
  candidate: Candidate,
  medianPrice: bigint,
  slackMs: number,
  config: Config,
): number {
  const dear = medianPrice === 0n ? 0 : Number(candidate.price) / Number(medianPrice);
  return Math.exp(-dear) * candidate.reputation ** 2 * stays(candidate.ageMs, slackMs, config);
}

function median(prices: readonly bigint[]): bigint {
  const sorted = prices.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return sorted[Math.floor(sorted.length / 2)] ?? 0n;
}

/**
 * The best `count` of at most six (or `count` + 1, if that is more) that are drawn from the feasible by weight, the quickest
 * first. The draw spreads the load and lets newcomers in; taking the quickest keeps the deadline.
 */
export function select(
  candidates: readonly Candidate[],
  count: number,
  slackMs: number,
  config: Config,
  random: Random,
): Candidate[] {
  const able = candidates.filter((candidate) => feasible(candidate, slackMs, config));
  const middle = median(able.map(({ price }) => price));
  // Smallest -ln(u)/weight first: a weighted draw without putting back (Efraimidis and Spirakis, 2006).
  return able
    .map((candidate) => ({
      candidate,
      key:
        -Math.log(1 - random.fraction()) /
        Math.max(Number.MIN_VALUE, weight(candidate, middle, slackMs, config)),
    }))
    .sort((a, b) => a.key - b.key)
    .slice(0, Math.max(config.drawn, count + 1))
    .map(({ candidate }) => candidate)
    .sort((a, b) => a.etaMs - b.etaMs)
    .slice(0, count);
}
