import { type Job, Price, type Speed } from "@tabcast/market";
import type { Rung } from "@tabcast/media";
import type { PeerId } from "@tabcast/mesh";
import type { Collected, Delivery, JobTerms, Segment } from "./delivery.ts";
import type { Pace } from "./pace.ts";
import type { Note } from "./traces.ts";

/** A worker's answer, and the terms it was given for. */
export interface Answer extends Delivery {
  readonly terms: JobTerms;
  readonly upload: Speed.Sample["upload"];
  readonly receivedAt: number;
}

/** A segment that is not published yet, and all that runs for it. */
export interface Slot {
  job: Job.Job;
  readonly segment: Segment;
  /** When it was or is expected to be complete. */
  closesAt: number;
  /** Stops what a worker does for it. */
  readonly running: Map<PeerId, AbortController>;
  readonly answers: Map<PeerId, Answer>;
  /** Of each worker whose pictures are looked at: false once they are bad. */
  readonly cleared: Map<PeerId, Promise<boolean>>;
  /** What each worker made, and under "local" this tab. */
  readonly renditions: Map<PeerId | "local", readonly Collected[]>;
  readonly note: Note;
  /** Stops this tab's own encoding. */
  readonly local: AbortController;
  /** What that took, in milliseconds. */
  ownMs: number;
  sentAt: number | undefined;
  /** A token was spent on its second copy. */
  spent: boolean;
  /** The crew has time to spare: silence and lateness say something of a worker. */
  calm: boolean;
}

export function openSlot(
  segment: Segment,
  job: Job.Job,
  { closesAt, note }: Pick<Slot, "closesAt" | "note">,
): Slot {
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
    ownMs: 0,
    sentAt: undefined,
    spent: false,
    calm: false,
  };
}

export const framesOf = ({ captured, planned }: Segment): number =>
  captured?.video.frames ?? planned.frames;

/** Source bytes that are there. */
export const bytesOf = ({ init, captured }: Segment): number =>
  init.byteLength + (captured?.video.media.byteLength ?? 0);

/** Output pixels of these rungs. */
export const pixelsOf = (segment: Segment, rungs: readonly Rung[]): number =>
  Number(Price.pixels(rungs, framesOf(segment)));

/** When a segment is of no use any more, complete or not; undefined where nothing is late. */
export const uselessAt = ({ job, closesAt }: Slot, pace: Pace): number | undefined =>
  job.limits?.deadline ?? pace.uselessAt(closesAt);
