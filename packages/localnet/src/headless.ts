import type { CodecName } from "@tabcast/media";
import type { BroadcastEvent, BroadcastReport, Visibility, WorkerEvent } from "@tabcast/node/types";
import type { WatchtowerEvent } from "@tabcast/tab";
import type { HiringSettings, WorkerSettingsJson } from "@tabcast/tab/settings";

/** What /headless.html does for the command, as `globalThis.tabcast`. Types only: pages must not load Node code. */
export interface Headless {
  /** Joins the network as a worker; resolves when it is measured and others can reach it. */
  startWorker(options: WorkerStart): Promise<WorkerStarted>;
  /** The worker works for a private stream too, by its crew link. Throws in a sentence for what is none. */
  joinCrew(link: string): void;
  /** Opens the input and goes live; resolves when the stream has its id. Its end comes as `finished` or `failed`. */
  startBroadcast(options: BroadcastStart): Promise<BroadcastStarted>;
  /** Ends the input; what was captured is delivered and settled. */
  stopBroadcast(): void;
  /** Says goodbye and lets go of everything. May be called twice. */
  close(): Promise<void>;
}

export interface WorkerStart {
  /** Families to measure and offer, best first. */
  readonly codecs: readonly CodecName[];
  /** Milliseconds to wait for a relay. */
  readonly patience: number;
  /** Connect through TURN servers alone, so that no other tab learns this one's address. Default: as this page keeps it. */
  readonly relayOnly?: boolean;
  /** What its owner wants; the rest has its defaults. */
  readonly settings?: Partial<WorkerSettingsJson>;
}

export interface WorkerStarted {
  readonly peer: string;
  readonly payee: string;
  readonly capabilities: readonly {
    readonly codec: CodecName;
    readonly pixelsPerSecond: number;
    readonly hardware: string;
  }[];
}

export interface BroadcastStart {
  readonly title: string;
  /** Default "public". */
  readonly visibility?: Visibility;
  /** "file" is the one given to the page's input element. */
  readonly source: "file" | "scene";
  /** Length of the scene; without it the scene never ends. */
  readonly seconds?: number;
  /** Of the scene, in pixels. */
  readonly size?: { readonly width: number; readonly height: number };
  /** Text of the ladder, or undefined for the default of the source's size. */
  readonly ladder?: string;
  readonly codec: CodecName;
  /** Seconds. */
  readonly segment: number;
  readonly pace: "live" | "fast";
  /** As for a worker. */
  readonly relayOnly?: boolean;
  readonly seed: number;
  /** Publishes sound that is Opus as AAC too. */
  readonly aac: boolean;
  /** Workers to hire; 0 encodes in the page and opens no pot. */
  readonly wanted: number;
  /** Whom to hire; the rest has its defaults. */
  readonly hiring?: Partial<HiringSettings>;
  /** For the stream's pot: a decimal, in the smallest parts of what the network's pots are in. */
  readonly deposit: string;
  /** Pays on a chain without a faucet. Never logged. */
  readonly payerKey?: `0x${string}`;
  /** Token of the recorder, if every segment is to be sent to it. */
  readonly record?: string;
}

export interface BroadcastStarted {
  readonly stream: string;
  /** Of a private stream. Never logged. */
  readonly keys?: { readonly watch: string; readonly crew: string };
  readonly peer: string;
}

/** What the page tells, as JSON through the binding `tabcastTell`; bigints are decimal text there. */
export type Told =
  | { readonly from: "worker"; readonly event: WorkerEvent | WatchtowerEvent }
  | { readonly from: "broadcast"; readonly event: BroadcastEvent }
  /** All tracks of a segment have been sent to the recorder; awaited by the page. */
  | { readonly from: "recorded"; readonly segment: RecordedSegment }
  | { readonly from: "finished"; readonly report: BroadcastReport }
  | { readonly from: "failed"; readonly code: string; readonly message: string };

/** What the recorder cannot read from the bytes. Times in microseconds. */
export interface RecordedSegment {
  readonly seq: number;
  readonly start: number;
  readonly duration: number;
  /** Unix milliseconds. */
  readonly capturedAt: number;
  readonly tracks: readonly {
    readonly name: string;
    readonly codecs: string;
    readonly frames: number;
  }[];
}
