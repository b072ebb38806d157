/**
 * What this node has seen of a worker, kept for longer than a stream. Speed forgives, honesty does not, so they are apart.
 * Authority: our own verdicts, and proofs that convince anybody. What others say of a worker counts for nothing.
 */
import type { Config } from "./config.ts";
import { type Measured, measure, type Sample } from "./speed.ts";

/** What a record is about: a worker's key or a payee that has signed for one, a codec, and a kind of job. */
export interface Subject {
  /** A peer id, or "signed:" and a payee as 0x and 40 hexadecimal digits. */
  readonly who: string;
  readonly codec: string;
  /** "transcode", for now. */
  readonly kind: string;
}

/** A worker's record. Plain data, so that it can be stored as it is. */
export interface Record {
  /** Good results and strikes, each halved every `halfLifeMs`; true at `at`, Unix milliseconds. */
  readonly good: number;
  readonly bad: number;
  readonly at: number;
  /** Results looked at, or passed by structure alone, since the last strike; halved by silence. */
  readonly streak: number;
  /** Results since each strike that still counts, newest last. */
  readonly strikes: readonly number[];
  /** Not hired before this, Unix milliseconds. */
  readonly suspendedUntil: number;
  /** Speed, for every deadline and none of the honesty. */
  readonly measured?: Measured;
}

export type Event =
  /** Passed all its checks. */
  | { readonly type: "good"; readonly now: number; readonly sample?: Sample }
  /** Proved bad: failed structure, or two spot checks of its pictures. */
  | { readonly type: "strike"; readonly now: number }
  /** Silent or late: a matter of speed, but it has to earn its rest from checks again. */
  | { readonly type: "silent"; readonly now: number }
  /** Signed two receipts for one segment. */
  | { readonly type: "proof"; readonly now: number };

/** A stranger. */
export const stranger: Record = {
  good: 0,
  bad: 0,
  at: 0,
  streak: 0,
  strikes: [],
  suspendedUntil: 0,
};

/** Under which key a record is stored. */
export const keyOf = ({ who, codec, kind }: Subject): string => `trust/${who}/${codec}/${kind}`;

const faded = ({ good, bad, at }: Record, now: number, { halfLifeMs }: Config["trust"]) => {
  const share = 2 ** (-Math.max(0, now - at) / halfLifeMs);
  return { good: good * share, bad: bad * share };
};

/** What an event makes of a record. Nothing but `proof` and strikes lowers honesty; no event lowers `suspendedUntil`. */
export function step(record: Record, event: Event, config: Config): Record {
  const { trust } = config;
  const { now } = event;
  const { good, bad } = faded(record, now, trust);
  const at = Math.max(record.at, now);
  switch (event.type) {
    case "good": {
      const strikes = record.strikes
        .map((results) => results + 1)
        .filter((results) => results < trust.strikes.within);
      const measured =
        event.sample === undefined
          ? record.measured
          : measure(record.measured, event.sample, config);
      return {
        ...record,
        good: good + 1,
        bad,
        at,
        strikes,
        streak: record.streak + 1,
        ...(measured !== undefined && { measured }),
      };
    }
    case "strike": {
      const strikes = [...record.strikes, 0].slice(-trust.strikes.most);
      const out = strikes.length >= trust.strikes.most ? now + trust.suspendMs : 0;
      const suspendedUntil = Math.max(record.suspendedUntil, out);
      return { ...record, good, bad: bad + 1, at, streak: 0, strikes, suspendedUntil };
    }
    case "silent":
      return { ...record, good, bad, at, streak: Math.floor(record.streak / 2) };
    case "proof": {
      const suspendedUntil = Math.max(record.suspendedUntil, now + trust.proofMs);
      return { ...record, good, bad: bad + 1, at, streak: 0, suspendedUntil };
    }
  }
}

/**
 * (good + 1) / (good + 10 x bad + 2) after fading, 0 to 1: 0.5 for a stranger, 0.92 after ten good, 0.5 after one strike then. With
 * `stake`, a share of all stake from 0 to 1, it is raised by that share times its weight, which is zero until there is stake.
 */
export function honesty(record: Record, now: number, config: Config, stake = 0): number {
  const { good, bad } = faded(record, now, config.trust);
  const own = (good + 1) / (good + 10 * bad + 2);
  return Math.min(1, own + config.weights.stake * stake * (1 - own));
}

/** True until so many good results in a row, after nothing or a strike. Silence may make a newcomer of somebody proven. */
export const newcomer = ({ streak }: Record, { check }: Config): boolean => streak < check.newcomer;

/** The chance that a result's pictures are spot-checked: 1 for a newcomer's, then 1/streak, never below the floor. */
export function checkRate(record: Record, config: Config): number {
  return newcomer(record, config) ? 1 : Math.max(config.check.floor, 1 / record.streak);
}

/** Every rung of a worker's first results is spot-checked, and again after a strike; later one rung of each segment. */
export const whole = ({ streak }: Record, { check }: Config): boolean => streak < check.whole;

/**
 * The worse of what is known of a worker's key and of the payee that has signed for it: a fresh key with an old purse is no stranger.
 * Good work of one key does not vouch for the next: keys are free.
 */
export function combine(worker: Record, payee: Record): Record {
  return { ...worker, suspendedUntil: Math.max(worker.suspendedUntil, payee.suspendedUntil) };
}

const isCount = (value: unknown): value is number =>
  typeof value === "number" && Number.isFinite(value) && value >= 0;

/** A record as it was stored, or undefined if it is none. */
export function revive(value: unknown): Record | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { good, bad, at, streak, strikes, suspendedUntil, measured } = value as Partial<Record>;
  const numbers = [good, bad, at, streak, suspendedUntil];
  if (!numbers.every(isCount) || !Array.isArray(strikes) || !strikes.every(isCount))
    return undefined;
  if (measured !== undefined) {
    const { samples, pixelsPerS, uplink, pullMs } = measured as Partial<Measured>;
    if (![samples, pixelsPerS, uplink ?? 0, pullMs].every(isCount)) return undefined;
  }
  return value as Record;
}
