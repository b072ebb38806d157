import type { Random } from "@tabcast/runtime";
import type { Config } from "./config.ts";

/** A worker that could be hired, as far as the choice needs to know it. */
export interface Candidate {
  readonly worker: string;
  /** parts per output gigapixel. */
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

/** Quick enough: 1.3 x ETA below the slack. */
export const feasible = (candidate: Candidate, slackMs: number, { margin }: Config): boolean =>
  margin * candidate.etaMs < slackMs;

/** What a candidate's weight is made of. */
export interface Terms {
  readonly worker: string;
  readonly feasible: boolean;
  readonly etaMs: number;
  /** e^(-weight x price / median price). */
  readonly price: number;
  /** reputation^weight. */
  readonly honesty: number;
  /** (chance to stay until the slack is over)^weight. */
  readonly stay: number;
  /** The product; 0 where it is not feasible. */
  readonly weight: number;
  /** The first draw falls on it with this chance. */
  readonly chance: number;
}

/** Why a worker is likely to be hired, or not: every term of every candidate, the likeliest first. */
export function explain(
  candidates: readonly Candidate[],
  slackMs: number,
  config: Config,
): Terms[] {
  const able = candidates.filter((candidate) => feasible(candidate, slackMs, config));
  const middle = median(able.map(({ price }) => price));
  const { weights } = config;
  const terms = candidates.map((candidate) => {
    const dear = middle === 0n ? 0 : Number(candidate.price) / Number(middle);
    const price = Math.exp(-weights.price * dear);
    const honesty = candidate.reputation ** weights.honesty;
    const stay = stays(candidate.ageMs, slackMs, config) ** weights.stay;
    const can = able.includes(candidate);
    const { worker, etaMs } = candidate;
    return {
      worker,
      feasible: can,
      etaMs,
      price,
      honesty,
      stay,
      weight: can ? price * honesty * stay : 0,
    };
  });
  const sum = terms.reduce((all, { weight }) => all + weight, 0);
  return terms
    .map((one) => ({ ...one, chance: sum === 0 ? 0 : one.weight / sum }))
    .sort((x, y) => y.chance - x.chance);
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
  const byWorker = new Map(candidates.map((candidate) => [candidate.worker, candidate]));
  // Smallest -ln(u)/weight first: a weighted draw without putting back (Efraimidis and Spirakis, 2006).
  return explain(candidates, slackMs, config)
    .filter((one) => one.feasible)
    .map(({ worker, weight }) => ({
      candidate: byWorker.get(worker) as Candidate,
      key: -Math.log(1 - random.fraction()) / Math.max(Number.MIN_VALUE, weight),
    }))
    .sort((a, b) => a.key - b.key)
    .slice(0, Math.max(config.drawn, count + 1))
    .map(({ candidate }) => candidate)
    .sort((a, b) => a.etaMs - b.etaMs)
    .slice(0, count);
}
