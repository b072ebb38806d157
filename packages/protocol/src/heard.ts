import { BoundedMap } from "@tabcast/runtime";
import { MAX_OFFSET_MS, MAX_SKEW_MS } from "./sealed.ts";

/** Senders whose first message is dated so that nobody can say how old it is: more than strangers may bring in the seconds until the next. */
const MOST_DOUBTED = 4_096;
/** How far two messages' dates may be further apart, or less far, than their arrivals were: in milliseconds, and as a share. */
const PACE_MS = 2_000;
const PACE_SHARE = 0.25;
/** Two messages closer than this show no pace, in milliseconds. */
const LEAST_PACE_MS = 500;

/** What one message says of its own age. */
export interface Dated {
  /** Whose clock dated it, and on which topic. */
  readonly sender: string;
  /** Unix milliseconds by that clock. */
  readonly atMs: number;
  /** For how long it counts, in milliseconds. */
  readonly ttlMs: number;
}

interface Known {
  /** The largest date accepted. */
  readonly atMs: number;
  /** The sender's clock less ours, at the nearest. */
  readonly ahead: number;
  /** When a message of its was last accepted. */
  readonly at: number;
}

/**
 * What was heard of each sender, so that what is old changes nothing. Of a known sender only what is dated later than anything
 * before counts, and what is not late by its own clock. An unknown sender's clock may be wrong by hours, and a replay of an hour ago
 * looks just like it; so a first message counts at once where our clock agrees with its date, and otherwise only once a later one
 * shows that the sender's time passes as ours does. Never falls: a sender's largest date.
 */
export class Heard {
  readonly #known: BoundedMap<string, Known>;
  readonly #doubted = new BoundedMap<string, { readonly atMs: number; readonly at: number }>(
    MOST_DOUBTED,
  );

  /** `most`: senders remembered; who was not heard for longest makes room. */
  constructor(most: number) {
    this.#known = new BoundedMap(most);
  }

  /** Says whether a message counts at `now`, in milliseconds of a time that nobody sets (`steadyTime`), and learns from it. */
  take({ sender, atMs, ttlMs }: Dated, now: number): boolean {
    const ahead = atMs - now;
    if (Math.abs(ahead) > MAX_OFFSET_MS) return false;
    const life = ttlMs + MAX_SKEW_MS;
    const known = this.#known.get(sender);
    if (known !== undefined && atMs <= known.atMs) return false;
    // As far ahead of us as ever, or further: a message takes time to come, so the largest difference is the nearest.
    if (known !== undefined && known.ahead - ahead <= life) {
      const most = Math.max(known.ahead, ahead);
      return this.#accept(sender, { atMs, ahead: most, at: now });
    }
    // Late by its own clock; unless nothing was heard for so long that the clock may have stood still since, with its machine.
    if (known !== undefined && now - known.at <= life) return false;
    const agrees = ahead <= MAX_SKEW_MS && -ahead <= life;
    if (agrees || this.#inPace(sender, atMs, now))
      return this.#accept(sender, { atMs, ahead, at: now });
    return false;
  }

  #accept(sender: string, known: Known): true {
    this.#doubted.delete(sender);
    this.#known.set(sender, known);
    return true;
  }

  /** Whether a doubted sender's time passed as ours did since the message before. */
  #inPace(sender: string, atMs: number, now: number): boolean {
    const before = this.#doubted.get(sender);
    if (before !== undefined && atMs <= before.atMs) return false;
    this.#doubted.set(sender, { atMs, at: now });
    if (before === undefined) return false;
    const [theirs, ours] = [atMs - before.atMs, now - before.at];
    return (
      Math.min(theirs, ours) >= LEAST_PACE_MS &&
      Math.abs(theirs - ours) <= Math.max(PACE_MS, ours * PACE_SHARE)
    );
  }
}
