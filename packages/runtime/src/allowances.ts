import { BoundedMap } from "./bounded.ts";

/** So many at once, and so many a second on and on. */
export interface Allowance {
  readonly perSecond: number;
  readonly burst: number;
}

/** What was left of an allowance at a time, in milliseconds. */
export interface Bucket {
  readonly tokens: number;
  readonly at: number;
}

/** What a bucket holds at `now`: never more than the burst, and no less than before when a clock goes back. None yet is a full one. */
export function refill(
  before: Bucket | undefined,
  { perSecond, burst }: Allowance,
  now: number,
): Bucket {
  if (before === undefined) return { tokens: burst, at: now };
  const passed = Math.max(0, now - before.at);
  return {
    tokens: Math.min(burst, before.tokens + (passed * perSecond) / 1_000),
    at: Math.max(now, before.at),
  };
}

/** How often each of many may do something. Whoever did it longest ago is forgotten, and begins anew with a whole burst. */
export class Allowances {
  readonly #each: Allowance;
  readonly #left: BoundedMap<string, Bucket>;

  /** `most`: who is remembered, 1 or more. */
  constructor(each: Allowance, most: number) {
    this.#each = each;
    this.#left = new BoundedMap(most);
  }

  /** Takes one from the allowance of `who` at `now`, in milliseconds; false if none is left. */
  take(who: string, now: number): boolean {
    const { tokens, at } = refill(this.#left.get(who), this.#each, now);
    const taken = tokens >= 1;
    this.#left.set(who, { tokens: taken ? tokens - 1 : tokens, at });
    return taken;
  }
}
