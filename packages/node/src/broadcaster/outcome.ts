import type { PeerId } from "@tabcast/mesh";
import type { Amount } from "@tabcast/runtime";
import type { Captured, Collected, JobTerms } from "./delivery.ts";
import type { Flight } from "./in-flight.ts";
import type { Made as OwnWork } from "./local-encoder.ts";
import { amountOf } from "./transcode/cost.ts";

/** One segment, whatever became of it. */
export interface Outcome {
  readonly segment: Captured;
  /** Peer id, "local", or undefined for a gap. */
  readonly by: PeerId | "local" | undefined;
  readonly addrs: readonly string[];
  /** Empty for a gap. */
  readonly renditions: readonly Collected[];
  /** What this tab made of the rungs that no worker was asked for, once it is done or too late; undefined: nothing. */
  readonly unasked?: Promise<OwnWork>;
  readonly encodeMs: number;
  /** When it was first sent (or its local encoding began), and when it was verified; clock milliseconds. */
  readonly sentAt: number;
  readonly verifiedAt: number;
  readonly attempts: number;
  readonly hedged: boolean;
  /** Who to pay and how much, once `cleared` says that its pictures are good; undefined for local work. */
  readonly pay?: {
    readonly terms: JobTerms;
    readonly amount: Amount;
    readonly cleared: Promise<boolean>;
  };
}

/** One segment of which nothing more is made. */
export interface Whole extends Omit<Outcome, "unasked"> {
  readonly unasked: OwnWork;
}

/** What was made of a segment, and by whom. */
export type Made = Pick<Outcome, "by" | "addrs" | "renditions" | "encodeMs" | "pay">;

/** Nobody made it in time. */
export const GAP: Made = { by: undefined, addrs: [], renditions: [], encodeMs: 0 };

/** What `by` made of a segment, a worker or "local". Throws RangeError where it delivered nothing. */
export function madeBy(flight: Flight, by: string): Made {
  const { segment } = flight;
  const got = flight.answers.get(by);
  const renditions = flight.renditions.get(by);
  if (renditions === undefined) throw new RangeError(`${by} delivered nothing to publish`);
  return {
    by,
    addrs: got?.terms.addrs ?? [],
    renditions,
    encodeMs: got?.receipt.encodeMs ?? flight.ownMs,
    ...(got !== undefined && {
      pay: {
        terms: got.terms,
        amount: amountOf(segment, got.terms.rungs, got.terms.price),
        cleared: flight.cleared.get(by) ?? Promise.resolve(true),
      },
    }),
  };
}

/** How a segment came to what it is, told at `now`. */
export const courseOf = (
  { job, sentAt }: Flight,
  now: number,
): Pick<Outcome, "sentAt" | "verifiedAt" | "attempts" | "hedged"> => ({
  sentAt: sentAt ?? now,
  verifiedAt: now,
  attempts: job.attempts.length + (job.local === "no" ? 0 : 1),
  hedged: job.hedged,
});

/** A stream without a ladder: nothing to encode. */
export const sourceOnly = (segment: Captured, now: number): Outcome => ({
  segment,
  by: "local",
  addrs: [],
  renditions: [],
  encodeMs: 0,
  sentAt: now,
  verifiedAt: now,
  attempts: 0,
  hedged: false,
});
