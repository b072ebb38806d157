import { BoundedMap } from "./bounded.ts";

/** So many at once, and so many a second on and on. */
export interface Allowance {
  readonly perSecond: number;
  readonly burst: number;
}

/** How often each of many may do something. Whoever did it longest ago is forgotten, and begins anew with a whole burst. */
export class Allowances {
  readonly #each: Allowance;
  readonly #left: BoundedMap<string, { readonly tokens: number; readonly at: number }>;

  /** `most`: who is remembered, 1 or more. */
  constructor(each: Allowance, most: number) {
    this.#each = each;
    this.#left = new BoundedMap(most);
  }

  /** Takes one from the allowance of `who` at `now`, in milliseconds; false if none is left. */
  take(who: string, now: number): boolean {
    const { perSecond, burst } = this.#each;
    const before = this.#left.get(who) ?? { tokens: burst, at: now };
    const passed = Math.max(0, now - before.at);
    const tokens = Math.min(burst, before.tokens + (passed * perSecond) / 1_000);
    this.#left.set(who, { tokens: tokens >= 1 ? tokens - 1 : tokens, at: now });
    return tokens >= 1;
  }
}
