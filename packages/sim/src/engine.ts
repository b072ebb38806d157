import type { Scenario } from "./scenario.ts";
import type { Peak } from "./stage.ts";

/** One line of events.ndjson. `t` is milliseconds since the run began. */
export interface SimEvent {
  readonly t: number;
  readonly node: string;
  readonly kind: string;
  readonly [field: string]: unknown;
}

/** One rendition of one segment, as segments.csv has it. Milliseconds since the run began. */
export interface SegmentRow {
  readonly stream: number;
  readonly seq: number;
  /** When its last byte was captured, and when it was published. */
  readonly closedMs: number;
  readonly publishedMs: number;
  /** From the last byte, or from when it was sent if that is later. */
  readonly roundTripMs: number;
  readonly encodeMs: number;
  /** Name of the worker, "local", or "" for a gap. */
  readonly by: string;
  readonly attempts: number;
  readonly hedged: boolean;
  readonly gaps: number;
  readonly rungs: number;
  /** Rungs that its maker was asked for. */
  readonly asked: number;
  readonly paid: bigint;
  /** Closed within the time that is judged: after warm-up, before the end. */
  readonly judged: boolean;
  /** Workers that had it and crashed or fell silent before it was published. */
  readonly failedOver: boolean;
}

/** One worker, after the run. */
export interface WorkerRow {
  readonly name: string;
  readonly group: string;
  readonly attack: string | undefined;
  readonly delivered: number;
  readonly earned: bigint;
  readonly busyMs: number;
  readonly presentMs: number;
  /** Segments it cheated in, and those that a check found. */
  readonly cheated: number;
  readonly caught: number;
  /** Cheats before it was dropped for the first time; undefined if it never was. */
  readonly cheatsUntilDropped: number | undefined;
  /** Streams that dropped it because of what it delivered. */
  readonly droppedInvalid: number;
  /** Largest debt of one pot, in wei, after the run, and what it asks for a segment at most. */
  readonly arrears: bigint;
  readonly segmentAmount: bigint;
}

export interface ViewerRow {
  readonly name: string;
  readonly stream: number;
  readonly shown: number;
  readonly missed: number;
  readonly stalls: number;
  readonly stalledMs: number;
  /** From when it came until the first picture; undefined if there was none. */
  readonly startUpMs: number | undefined;
  /** From when it came until it, or the run, was over. */
  readonly stayedMs: number;
}

export interface StreamRow {
  readonly name: string;
  /** When it was put on the air, and when it first hired a worker; undefined if it never did. */
  readonly startedMs: number;
  readonly hiredMs: number | undefined;
}

/** A tab that read the list of live streams, at the end. */
export interface ListerRow {
  readonly name: string;
  /** Streams on the air, and those of them that it did not list. */
  readonly onAir: number;
  readonly unlisted: number;
}

/** What happened, for assertions and reports. */
export interface Run {
  readonly engine: string;
  readonly scenario: Scenario;
  readonly seed: number;
  /** SHA-256 over every event: the same seed gives the same run, to the byte. */
  readonly hash: string;
  readonly events: readonly SimEvent[];
  readonly segments: readonly SegmentRow[];
  readonly workers: readonly WorkerRow[];
  readonly viewers: readonly ViewerRow[];
  readonly streams: readonly StreamRow[];
  readonly listers: readonly ListerRow[];
  /** Honest tabs half a minute after they came, and those of them with fewer than four honest neighbours; none without relays. */
  readonly settled: { readonly tabs: number; readonly lonely: number };
  readonly segmentSeconds: readonly number[];
  /** Amount over all pots. */
  readonly money: {
    readonly deposited: bigint;
    readonly paid: bigint;
    readonly refunded: bigint;
    readonly vouched: bigint;
    /** Of segments whose rendition a check had refused. */
    readonly fraudPaidSegments: number;
    /** Of segments with a defect that no check found. */
    readonly fraudUnseenSegments: number;
  };
  readonly bytes: {
    readonly media: number;
    readonly control: number;
    /** Source bytes captured, and sent by broadcasters as jobs. */
    readonly captured: number;
    readonly jobs: number;
  };
  readonly offers: number;
  readonly bids: number;
  /** Output pixels that workers encoded: all, and what was published. */
  readonly workPixels: { readonly all: number; readonly published: number };
  readonly virtualMs: number;
  readonly timelineEvents: number;
  /** By what is held and where: the most that any one memory of its kind has held, and what it may hold. */
  readonly memory: Readonly<Record<string, Peak>>;
  /** Bids that tabs sent each other which are not hostile. */
  readonly honestBids: number;
  /** Pieces of private streams that hostile peers got and could open. */
  readonly leaks: number;
  /** What hostile peers have done, and how often. */
  readonly deeds: Readonly<Record<string, number>>;
  /** What of the scenario this engine did not do, and why. */
  readonly skipped: readonly string[];
}

export interface RunOptions {
  readonly seed: number;
  /** Keep every event for events.ndjson; without it only their hash is kept. */
  readonly keepEvents: boolean;
}

/** Runs a scenario: in virtual time now, in real browsers later. */
export interface Engine {
  readonly name: string;
  run(scenario: Scenario, options: RunOptions): Promise<Run>;
}
