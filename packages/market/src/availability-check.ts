/**
 * Availability checks: now and then the broadcaster watches its own stream, as a viewer would: a rung, for a few segments. A worker that
 * delivers and then serves nobody costs the broadcaster's uplink, for every viewer asks there next.
 */
import type { Random } from "@tabcast/runtime";
import * as Check from "./check.ts";
import type { Config } from "./config.ts";
import type { Member } from "./crew.ts";

/** A visit: a rung that is watched from a segment on. */
export interface Visit {
  /** Index among the sizes. */
  readonly rendition: number;
  /** Each is asked for so long after it was published, in milliseconds. */
  readonly afterMs: number;
  /** Segments, 1 or more: often one, seldom many, so that having watched some says nothing of who watches. */
  readonly segments: number;
}

/** `Check.places` numbers spot checks from one: zero gives availability checks a draw of their own. */
const AVAILABILITY = 0;

/**
 * The visit that begins at a segment, if any. Chance is the stream's secret seed and `hash`, SHA-256 of one of its renditions, so nobody
 * who made them can know. A rung is drawn by the reciprocal of its size in bytes: each costs as many over time, and none can be left out.
 */
export function plan(
  segment: {
    readonly hash: Uint8Array;
    readonly sizes: readonly number[];
    readonly newcomer: boolean;
  },
  seed: Uint8Array,
  { availabilityCheck: { newcomer, later, withinMs, mostSegments } }: Config,
): Visit | undefined {
  const random: Pick<Random, "fraction"> = Check.places(seed, segment.hash, AVAILABILITY);
  if (random.fraction() >= (segment.newcomer ? newcomer : later)) return undefined;
  const rendition = Check.weighted(
    segment.sizes.map((size) => 1 / Math.max(1, size)),
    random,
  );
  const afterMs = random.fraction() * withinMs;
  const segments = Math.min(mostSegments, Math.floor(1 / (1 - random.fraction())));
  return { rendition, afterMs, segments };
}

/**
 * True while a worker owes viewers what it made under an epoch: at work, and known to be there. Who has left, drains, is silent or was
 * given a new award is asked for nothing.
 */
export const owes = (member: Member | undefined, epoch: number): boolean =>
  member?.state === "hired" && member.epoch === epoch;

/** What came of asking: "gone" where the worker owed it no more when the answer was there, or did not come. */
export type Answer = "served" | "refused" | "gone";

/** What to do after the answers so far: a worker may have been busy, so the same is asked for twice before it counts. */
export function settle(answers: readonly Answer[]): "ask" | "again" | "unserved" | "over" {
  const [first, second] = answers;
  if (first === undefined) return "ask";
  if (first !== "refused") return "over";
  if (second === undefined) return "again";
  return second === "refused" ? "unserved" : "over";
}
