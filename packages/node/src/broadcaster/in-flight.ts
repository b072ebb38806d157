import type { Job, Speed } from "@tabcast/market";
import type { Rung } from "@tabcast/media";
import type { PeerId } from "@tabcast/mesh";
import type { Collected, Delivery, JobTerms, Segment } from "./delivery.ts";
import type { Made } from "./local-encoder.ts";
import type { Pace } from "./pace.ts";
import type { Note } from "./traces.ts";

/** A worker's answer, and the terms it was given for. */
export interface Answer extends Delivery {
  readonly terms: JobTerms;
  readonly upload: Speed.Sample["upload"];
  readonly receivedAt: number;
}

/** The rungs of a segment that no worker was asked for, as far as this tab makes them. */
export interface Beside {
  /** Those that it tries to make; once it has begun, those that it makes. */
  rungs: readonly Rung[];
  begun: boolean;
  readonly stop: AbortController;
  /** What it made, once it is done or too late. */
  readonly made: PromiseWithResolvers<Made>;
}

/** A segment that is not published yet, and all that runs for it. */
export interface Flight {
  job: Job.Job;
  readonly segment: Segment;
  /** When it was or is expected to be complete. */
  closesAt: number;
  /** Stops what a worker does for it. */
  readonly running: Map<PeerId, AbortController>;
  readonly answers: Map<PeerId, Answer>;
  /** Of each worker whose pictures are spot-checked: false once they are bad. */
  readonly cleared: Map<PeerId, Promise<boolean>>;
  /** What each worker made, and under "local" this tab. */
  readonly renditions: Map<PeerId | "local", readonly Collected[]>;
  readonly note: Note;
  /** Stops this tab's own encoding of what no worker makes in time. */
  readonly local: AbortController;
  /** What this tab makes beside a worker; undefined where workers are asked for the whole ladder. */
  beside: Beside | undefined;
  /** What that took, in milliseconds. */
  ownMs: number;
  sentAt: number | undefined;
  /** Its second copy was paid for from the hedge budget. */
  spent: boolean;
  /** The crew has time to spare: silence and lateness say something of a worker. */
  calm: boolean;
}

export function openFlight(
  segment: Segment,
  job: Job.Job,
  { closesAt, note }: Pick<Flight, "closesAt" | "note">,
): Flight {
  return {
    job,
    segment,
    closesAt,
    running: new Map(),
    answers: new Map(),
    cleared: new Map(),
    renditions: new Map(),
    note,
    local: new AbortController(),
    beside: undefined,
    ownMs: 0,
    sentAt: undefined,
    spent: false,
    calm: false,
  };
}

/** All segments in flight. */
export interface InFlight {
  /** By sequence. */
  readonly flights: ReadonlyMap<number, Flight>;
  /** Tells a segment's job what happened; nothing where it is over. */
  tell(seq: number, event: Job.Event): void;
  /** A worker's try is over without a result, and somebody else may have room for the segment. */
  fails(flight: Flight, worker: PeerId, fault: Job.Fault, why: string): void;
  /** Live segments are late here: what can wait has to. */
  behind(): boolean;
}

/** Whether a segment is encoded here, or is late: then the tab has no time for what can wait. */
export const isBehind = (flights: Iterable<Flight>, pace: Pace, now: number): boolean =>
  pace.hurried &&
  [...flights].some(
    ({ job, segment, closesAt }) =>
      job.local === "running" || (segment.captured !== undefined && pace.late(closesAt, now)),
  );

/** When a segment is of no use any more, complete or not; undefined where nothing is late. */
export const uselessAt = ({ job, closesAt }: Flight, pace: Pace): number | undefined =>
  job.limits?.deadline ?? pace.uselessAt(closesAt);
