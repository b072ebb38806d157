/**
 * What viewers say of holders. A complaint never counts by itself: it moves the broadcaster's next look there. Identities are free, so all
 * viewers whose complaints were not confirmed share one allowance, a holder that was found fine is left alone for a while, and what looks
 * on account of complaints cost is a small part of what is published.
 */
import { Allowances, BoundedMap } from "@tabcast/runtime";
import type { Config } from "./config.ts";

/** Viewers whose allowances, and whose being right, are remembered. */
const MOST_VIEWERS = 1_024;
/** Holders that somebody complained of; a crew has nine. */
const MOST_HOLDERS = 64;
/** Viewers who are remembered to have complained of a holder since the last look. */
const MOST_COMPLAINERS = 32;
/** One key for all who were never right. */
const STRANGERS = "strangers";

export interface Complaint {
  readonly viewer: string;
  readonly holder: string;
  readonly rung: string;
}

/** `taken`: it moves the next look. `limited`: one too many, of this viewer or of all strangers. */
export type Taken = "taken" | "limited";

interface Suspect {
  readonly viewers: ReadonlySet<string>;
  /** Where the newest complaint says that it failed. */
  readonly rung: string;
  /** Looks in a row that found nothing. */
  readonly cleared: number;
  /** Until when strangers' complaints move no look, in milliseconds. */
  readonly quietUntil: number;
}

/** Complaints of one stream's viewers, and the bytes that looks on their account may cost. */
export class Complaints {
  readonly #config: Config["complaints"];
  readonly #each: Allowances;
  readonly #strangers: Allowances;
  readonly #right = new BoundedMap<string, true>(MOST_VIEWERS);
  readonly #suspects = new BoundedMap<string, Suspect>(MOST_HOLDERS);
  /** Bytes that may be spent; undefined until something was published. */
  #bytes: number | undefined;

  constructor({ complaints }: Pick<Config, "complaints">) {
    this.#config = complaints;
    this.#each = new Allowances(complaints.each, MOST_VIEWERS);
    this.#strangers = new Allowances(complaints.strangers, 1);
  }

  /** Hears a complaint about somebody who holds what it is about. */
  take({ viewer, holder, rung }: Complaint, now: number): Taken {
    if (!this.#each.take(viewer, now)) return "limited";
    const known = this.#right.has(viewer);
    if (!known && !this.#strangers.take(STRANGERS, now)) return "limited";
    const before = this.#suspects.get(holder);
    const viewers = new Set(before?.viewers);
    if (viewers.size < MOST_COMPLAINERS || known) viewers.add(viewer);
    this.#suspects.set(holder, {
      viewers,
      rung,
      cleared: before?.cleared ?? 0,
      quietUntil: before?.quietUntil ?? 0,
    });
    return "taken";
  }

  /** At which rung a holder should be looked at because of complaints; undefined: at none. */
  due(holder: string, now: number): string | undefined {
    const suspect = this.#suspects.get(holder);
    if (suspect === undefined || suspect.viewers.size === 0) return undefined;
    const heard = now >= suspect.quietUntil || [...suspect.viewers].some((v) => this.#right.has(v));
    return heard ? suspect.rung : undefined;
  }

  /** What a look at a rung of a holder's found, whatever had moved it there. Who was right is heard apart from strangers from now on. */
  looked(holder: string, rung: string, found: "served" | "failed", now: number): void {
    const suspect = this.#suspects.get(holder);
    // Another rung says nothing of this one: who stalls the large ones would be cleared by the small.
    if (suspect === undefined || suspect.rung !== rung) return;
    for (const viewer of suspect.viewers) {
      if (found === "failed") this.#right.set(viewer, true);
      else this.#right.delete(viewer);
    }
    const { quietMs, mostQuietMs } = this.#config;
    const cleared = found === "served" ? suspect.cleared + 1 : 0;
    const forMs = cleared === 0 ? 0 : Math.min(mostQuietMs, quietMs * 2 ** (cleared - 1));
    this.#suspects.set(holder, { viewers: new Set(), rung, cleared, quietUntil: now + forMs });
  }

  /** Renditions of these sizes were published, in bytes: looks may cost a part of them. */
  earn(sizes: readonly number[]): void {
    const all = sizes.reduce((sum, size) => sum + size, 0);
    // Two looks at the largest one: as many as put a holder out.
    const most = 2 * Math.max(0, ...sizes);
    this.#bytes = Math.min(most, (this.#bytes ?? most) + this.#config.share * all);
  }

  /** Takes what a look costs from what may be spent; false, and nothing taken, where that is too little. Bytes. */
  spend(bytes: number): boolean {
    if ((this.#bytes ?? 0) < bytes) return false;
    this.#bytes = (this.#bytes ?? 0) - bytes;
    return true;
  }
}
