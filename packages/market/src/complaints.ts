/**
 * What viewers say of holders. A complaint never counts by itself: it moves the broadcaster's next look there. Identities are free, so all
 * viewers whose complaints were not confirmed share one allowance, a holder that was found fine is left alone for a while, and what looks
 * on account of complaints cost is a small part of what is published.
 */
import { Allowances, BoundedMap } from "@tabcast/runtime";
import type { Config } from "./config.ts";

/** Viewers whose allowances, and whose being right, are remembered. */
const MOST_VIEWERS = 1_024;
/** Holders that somebody complained of; a crew has nine. A stream has eleven tracks, so many rungs has each. */
const MOST_HOLDERS = 64;
/** Viewers who are remembered to have complained of a holder's rung since the last look at it. */
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
  /** Who complained of each rung since the last look there; the rung that waits longest first. */
  readonly rungs: ReadonlyMap<string, ReadonlySet<string>>;
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
    const rungs = new Map(before?.rungs);
    const viewers = new Set(rungs.get(rung));
    if (viewers.size < MOST_COMPLAINERS || known) viewers.add(viewer);
    rungs.set(rung, viewers);
    const { cleared = 0, quietUntil = 0 } = before ?? {};
    this.#suspects.set(holder, { rungs, cleared, quietUntil });
    return "taken";
  }

  /**
   * At which rung a holder should be looked at because of complaints; undefined: at none. Who was right comes first; then each rung in
   * turn, so that nobody leads looks away from one by naming another.
   */
  due(holder: string, now: number): string | undefined {
    const suspect = this.#suspects.get(holder);
    if (suspect === undefined) return undefined;
    const all = [...suspect.rungs];
    const [right] = all.find(([, viewers]) => [...viewers].some((v) => this.#right.has(v))) ?? [];
    return right ?? (now >= suspect.quietUntil ? all[0]?.[0] : undefined);
  }

  /**
   * What a look at a rung of a holder's found, whatever had moved it there. Who was right of that rung is heard apart from strangers from
   * now on; another one says nothing of it: who stalls the large ones would be cleared by the small.
   */
  looked(holder: string, rung: string, found: "served" | "failed", now: number): void {
    const suspect = this.#suspects.get(holder);
    const viewers = suspect?.rungs.get(rung);
    if (suspect === undefined || viewers === undefined) return;
    for (const viewer of viewers) {
      if (found === "failed") this.#right.set(viewer, true);
      else this.#right.delete(viewer);
    }
    const rungs = new Map(suspect.rungs);
    rungs.delete(rung);
    const { quietMs, mostQuietMs } = this.#config;
    const cleared = found === "served" ? suspect.cleared + 1 : 0;
    const forMs = cleared === 0 ? 0 : Math.min(mostQuietMs, quietMs * 2 ** (cleared - 1));
    this.#suspects.set(holder, { rungs, cleared, quietUntil: now + forMs });
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
