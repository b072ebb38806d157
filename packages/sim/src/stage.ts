/** Where a scenario is played: on virtual time now, on real pages later. `play.ts` says what happens, a stage lets it. */
import type { PeerId } from "@tabcast/mesh";
import type { BroadcastEvent, ViewerEvent, WorkerEvent } from "@tabcast/node/types";
import type { Amount } from "@tabcast/runtime";
import type { ViewerRow } from "./engine.ts";
import type { AttackerKind, Scenario } from "./scenario.ts";

/** A tab that is open, by what can happen to it. */
export interface StagedTab {
  /** It is gone at once, and tells nobody. */
  crash(): void;
  /** It says goodbye and goes: a worker leaves, a stream ends. */
  leave(): void;
  /** It handles nothing until `resume`, then all that came meanwhile. */
  stall(): void;
  resume(): void;
  readonly stalled: boolean;
  /** Its clock is wrong by this many milliseconds from now on. */
  setClockOffset(ms: number): void;
}

/** A worker's tab while it is there. */
export interface WorkerTab extends StagedTab {
  /** From now on it encodes this many times slower. */
  slow(factor: number): void;
}

/** A worker, whether it is there or not: its key and its books outlive its tabs. */
export interface StagedWorker {
  readonly peer: PeerId;
  join(): Promise<WorkerTab>;
  /** Amount: what was vouched for it, and what each pot owes it. */
  books(): { readonly vouched: bigint; readonly owed: readonly bigint[] };
}

export interface StreamTab extends StagedTab {
  /** The stream's id. */
  readonly stream: string;
  /** Of a private stream: what its links have after "#". */
  readonly keys?: { readonly watch: string; readonly crew: string };
  /** Resolves when all is delivered and settled; rejects as the broadcast does. */
  readonly finished: Promise<unknown>;
}

/** A viewer that watches until its stream, or the run, is over. */
export interface StagedViewer {
  readonly finished: Promise<Omit<ViewerRow, "name" | "stream">>;
}

export interface WorkerPart {
  readonly name: string;
  readonly spec: Scenario["workers"][number];
  /** 32 bytes that its key is made of. */
  readonly seed: Uint8Array;
  /** parts per output gigapixel. */
  readonly price: Amount;
  /** Multiple of real time, for the whole ladder of the scenario's first stream. */
  readonly speed: number;
  /** Private streams that it works for beside others, by their crew links. Default: none. */
  readonly privateStreams?: readonly { readonly stream: string; readonly key: string }[];
  readonly on: (event: WorkerEvent) => void;
  /** Told of each segment that it spoils, under a name of its own. */
  readonly cheated: (segment: string) => void;
  /** Told of all work: milliseconds, and output pixels. */
  readonly worked: (ms: number, pixels: number) => void;
}

export interface StreamPart {
  readonly number: number;
  readonly name: string;
  readonly spec: Scenario["streams"][number];
  /** 32 bytes each that the stream's key and its tab's key are made of. */
  readonly streamSeed: Uint8Array;
  readonly tabSeed: Uint8Array;
  /** Who may find and see it. Default: anybody. */
  readonly visibility?: "private";
  /** Hears nothing before `start` resolves but what the source is. */
  readonly on: (event: BroadcastEvent) => void;
}

export interface ViewerPart {
  readonly name: string;
  /** 32 bytes that its key is made of. */
  readonly seed: Uint8Array;
  /** The stream's id, the names of its rungs in the order in which they are tried, and a segment's length in milliseconds. */
  readonly stream: string;
  /** What a private stream's watch link has after "#". */
  readonly key?: string;
  readonly rungs: readonly string[];
  readonly segmentMs: number;
  /** When it is over at the latest, in milliseconds of the run. */
  readonly untilMs: number;
  readonly on: (event: ViewerEvent) => void;
}

/** A tab that reads the list of live streams. */
export interface StagedLister {
  /** The ids of the streams that it lists now. */
  listed(): ReadonlySet<string>;
}

/** Hostile peers of one kind. */
export interface AttackPart {
  readonly kind: AttackerKind;
  readonly n: number;
}

/** The most that any one memory of its kind has held, and what it may hold. */
export interface Peak {
  readonly peak: number;
  readonly bound: number;
}

/** Totals that only a stage can count. */
export interface StageTotals {
  /** Amount over all pots. */
  readonly money: { readonly deposited: bigint; readonly paid: bigint; readonly refunded: bigint };
  /** Real bytes of media and of all else, and source bytes that broadcasters sent as jobs. */
  readonly bytes: { readonly media: number; readonly control: number; readonly jobs: number };
  /** Distinct offers, and bids on them. */
  readonly offers: number;
  readonly bids: number;
  /** Events of the engine's own queue. */
  readonly timelineEvents: number;
  /** Honest tabs half a minute after they came, and those of them with fewer than four honest neighbours; none without relays. */
  readonly settled: { readonly tabs: number; readonly lonely: number };
  /** By what is held and where. */
  readonly memory: Readonly<Record<string, Peak>>;
  /** Bids that tabs sent each other which are not hostile. */
  readonly honestBids: number;
  /** What hostile peers got of private streams that opens. */
  readonly leaks: number;
  /** What hostile peers have done, and how often. */
  readonly deeds: Readonly<Record<string, number>>;
  /** What of the scenario it did not do, and why. */
  readonly skipped: readonly string[];
}

/** Starts the parts of a run, and carries its faults out. */
export interface Stage {
  readonly engine: string;
  /** Milliseconds since the run began. */
  now(): number;
  /** Runs `task` in `ms` milliseconds of the run; negative counts as none. */
  after(ms: number, task: () => void): void;
  /** Lets time pass until `over` resolves. Rejects if it rejects, or `mostMs` of the run go by first. */
  run(over: Promise<unknown>, mostMs: number): Promise<void>;
  worker(part: WorkerPart): Promise<StagedWorker>;
  /** Opens the tab of a stream; `start` puts it on the air. */
  stream(part: StreamPart): Promise<{ start(): Promise<StreamTab> }>;
  viewer(part: ViewerPart): Promise<StagedViewer>;
  /** Opens a tab that reads the list; `seed` is 32 bytes that its key is made of. */
  lister(part: Pick<ViewerPart, "name" | "seed">): Promise<StagedLister>;
  /** Starts hostile peers. */
  attack(part: AttackPart): Promise<void>;
  /** For `ms` milliseconds nothing passes between groups; who is in none reaches all. */
  partition(groups: readonly (readonly StagedTab[])[], ms: number): void;
  totals(): StageTotals;
  /** Ends all that still runs. */
  close(): void;
}
