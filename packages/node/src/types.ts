import type {
  PayeeProof,
  PayerPot,
  PotNews,
  Purse,
  PurseNews,
  Settlement,
  SettleProgress,
  Store,
  Watchtower,
} from "@tabcast/channel";
import type {
  Availability,
  Check,
  Config,
  Hire,
  Limits,
  Screen,
  Select,
  Trace,
} from "@tabcast/market";
import type {
  Capability,
  CodecName,
  Fragment,
  inspect,
  Rung,
  Source,
  SourceInfo,
  Transcoder,
  Verifier,
} from "@tabcast/media";
import type { Mesh } from "@tabcast/mesh";
import type { Signer } from "@tabcast/protocol";
import type { Clock, Micros, Random, Wei } from "@tabcast/runtime";
import type { Traffic } from "./broadcaster/meter.ts";
import type { Dropped } from "./gate.ts";
import type { Measure } from "./worker/speeds.ts";

/** One rung of one segment, as the report has it. */
export interface SegmentLine {
  readonly seq: number;
  readonly rung: string;
  /** Peer id, "local" for the broadcaster's own encoder, or undefined for a gap. */
  readonly worker?: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly frames: number;
  /** Milliseconds since the stream went on air; of a live segment, while it was being made. */
  readonly sentMs: number;
  /** Milliseconds until verified: from when its last byte was there, or, if it was sent later, from then. */
  readonly roundTripMs: number;
  /** Milliseconds of work, as its maker says; waiting for bytes is no part. */
  readonly encodeMs: number;
  readonly attempts: number;
  readonly hedged: boolean;
  /** False where its maker was not asked for it: nobody who came was quick enough. */
  readonly asked: boolean;
  readonly verified: boolean;
  /** Decimal wei. */
  readonly paidWei: string;
}

/** What a broadcast says while it runs: for the command's lines, the page and the tests. */
export type BroadcastEvent =
  | {
      readonly type: "source";
      readonly info: SourceInfo;
      readonly rungs: readonly Rung[];
      readonly codec: CodecName;
    }
  | {
      readonly type: "funded";
      readonly potId: string;
      readonly deposited: Wei;
      readonly gas: bigint;
    }
  | { readonly type: "live"; readonly stream: string }
  | {
      readonly type: "bid";
      readonly worker: string;
      readonly pixelsPerSecond: number;
      readonly price: Wei;
    }
  | {
      readonly type: "hired";
      readonly worker: string;
      readonly role: "crew" | "backup";
      readonly payee: string;
    }
  /** A warm backup has taken a free place in the crew. */
  | { readonly type: "promoted"; readonly worker: string }
  /** Why a worker was chosen: the terms of the draw, as `market` publishes them. */
  | ({ readonly type: "chosen" } & Select.Terms)
  | { readonly type: "dropped"; readonly worker: string; readonly why: string }
  /** Anybody's proof that a worker signed two receipts for one segment. */
  | { readonly type: "proved"; readonly worker: string }
  /** A message of a peer was dropped; told at most once a second for each reason, with the counts of all. */
  | ({ readonly type: "dropped-input" } & Dropped)
  | {
      readonly type: "captured";
      readonly seq: number;
      readonly bytes: number;
      readonly frames: number;
    }
  | {
      readonly type: "sent";
      readonly seq: number;
      readonly worker: string;
      readonly attempt: number;
    }
  | { readonly type: "failed"; readonly seq: number; readonly worker: string; readonly why: string }
  | {
      readonly type: "segment";
      readonly seq: number;
      readonly lines: readonly SegmentLine[];
      readonly gaps: readonly string[];
    }
  | { readonly type: "warning"; readonly message: string }
  /** Lanes were guaranteed, or the deposit runs low. */
  | { readonly type: "money"; readonly news: PotNews }
  | { readonly type: "settling"; readonly progress: SettleProgress }
  | { readonly type: "settled"; readonly settlement: Settlement }
  | { readonly type: "ended"; readonly segments: number };

/** What a worker says of itself. */
export type WorkerEvent =
  | {
      readonly type: "measured";
      readonly codec: CodecName;
      readonly pixelsPerSecond: number;
      readonly hardware: string;
    }
  | { readonly type: "reachable"; readonly addrs: number }
  | { readonly type: "bid"; readonly stream: string }
  /** An offer was not answered, and why; with the output pixels per second needed and measured, where speed is the reason. */
  | {
      readonly type: "passed";
      readonly stream: string;
      readonly why: Hire.Refusal;
      readonly codec: CodecName;
      readonly needed?: number;
      readonly measured?: number;
    }
  /** The whole ladder of an offer is too much for this tab: it bids behind the others, for it may be asked for fewer rungs. Output pixels per second. */
  | {
      readonly type: "slow";
      readonly stream: string;
      readonly codec: CodecName;
      readonly needed: number;
      readonly measured: number;
    }
  | { readonly type: "hired"; readonly stream: string; readonly role: string }
  /** No more work will come from this stream, until it hires again. */
  | { readonly type: "left"; readonly stream: string }
  | {
      readonly type: "job";
      readonly stream: string;
      readonly seq: number;
      readonly state: "started" | "done" | "failed";
      readonly ms: number;
      readonly why?: string;
    }
  | {
      readonly type: "paid";
      readonly stream: string;
      readonly seq: number;
      readonly credited: Wei;
      readonly total: Wei;
    }
  /** A guarantee, a claim, or a claim that the pot could not pay. */
  | { readonly type: "money"; readonly news: PurseNews }
  | { readonly type: "refused"; readonly what: string; readonly why: string }
  /** Whether the tab takes work, and why not. */
  | ({ readonly type: "availability" } & Availability.State)
  /** A stream is over, and has shown whom it checked. `complaints`: where that is not what was promised. */
  | {
      readonly type: "revealed";
      readonly stream: string;
      readonly segments: number;
      readonly checked: number;
      readonly complaints: readonly Check.Complaint[];
    }
  | ({ readonly type: "dropped-input" } & Dropped);

/** What a broadcast needs. Everything that touches the outside comes in as an argument. */
export interface BroadcastOptions {
  readonly mesh: Mesh;
  readonly source: Source;
  /** Empty: only the source itself is published. */
  readonly rungs: readonly Rung[];
  readonly codec: CodecName;
  readonly title: string;
  /** Length of a segment, as the source was opened with. Default 2_000_000. */
  readonly segment?: Micros;
  /** Opens (deposits into) the pot that pays for the stream; undefined: no money, no workers, local encoding only. */
  readonly openPot?: (options: { signal: AbortSignal }) => Promise<PayerPot>;
  /** Highest price accepted, wei per output megapixel. Default 1 gwei. */
  readonly maxPrice?: Wei;
  /** Workers to hire, 1 to 8; 0 encodes everything in this tab. Default 2; of a file 8: it is split over all there are. */
  readonly wanted?: number;
  /** Whom to hire: tags, lists, a private crew. Default: anybody. */
  readonly workers?: Partial<Screen.Policy>;
  /** Where workers' records outlive the stream. Default: this tab's memory. */
  readonly records?: Pick<Store, "list" | "write">;
  /** Checks payees' proofs. Default: channel's own. */
  readonly verifyPayee?: typeof PayeeProof.verify;
  /** Looks at pictures. Default: media's own. */
  readonly verifier?: () => Verifier;
  /** Live: a rendition later than this after its segment closed is a gap. Fast: nothing is given up for being late. */
  readonly pace: "live" | "fast";
  /** True: sound that is Opus is published as AAC too, for players that cannot take Opus. Default false. */
  readonly aac?: boolean;
  /** Makes the transcoder for local encoding, when it is first needed. Default: media's own. */
  readonly transcoder?: () => Transcoder;
  /** Reads what a fragment is without decoding it. Default: media's own. */
  readonly inspect?: typeof inspect;
  /** The stream's key. Default: a fresh one. */
  readonly keys?: Signer;
  /** Default: the machine's own. */
  readonly clock?: Clock;
  /** Default: the platform's cryptographic randomness. */
  readonly random?: Random;
  /** The market's numbers. Default: `LIVE` or `FAST`, as `pace` says. */
  readonly config?: Config;
  readonly on: (event: BroadcastEvent) => void;
  /** Called with each published track of each segment, in order of sequence: where a recorder writes files. One at a time; the input waits when it is 8 segments behind. */
  readonly record?: (entry: PublishedSegment) => Promise<void>;
  readonly signal: AbortSignal;
}

export interface PublishedSegment {
  readonly seq: number;
  readonly start: Micros;
  readonly duration: Micros;
  /** When its first frame was captured, Unix milliseconds. */
  readonly capturedAt: number;
  readonly tracks: readonly (Fragment & { readonly name: string })[];
}

/** A broadcast under way. */
export interface Broadcast {
  /** Lower-case hex of the stream key: the stream's id, and what a Watch link holds. */
  readonly stream: string;
  /** Ends the input; what was captured is still delivered and settled. May be called twice. */
  stop(): void;
  /** Resolves when everything is delivered and settled. Rejects if the source fails, or money cannot be settled. */
  readonly finished: Promise<BroadcastReport>;
  /** How the newest segments came to be, so far; the report has the same. */
  traces(): readonly Trace.Trace[];
}

export interface BroadcastReport {
  readonly stream: string;
  readonly segments: readonly SegmentLine[];
  readonly captured: number;
  readonly settlement?: Settlement;
  /** From going on air to the last segment published; paying in and settling are not in it. */
  readonly wallMs: number;
  /** Media time captured, in seconds. */
  readonly mediaSeconds: number;
  /** Bytes of the whole stream; `sentPerCaptured` is 1 where every segment left once, `controlPerMedia` counts what was sent and pulled. */
  readonly traffic: Traffic & {
    readonly sentPerCaptured: number;
    readonly controlPerMedia: number;
  };
  /** Segments opened, copies sent beyond the first, segments made here; looks at pictures, `again` those repeated beside an own encode; spot pulls, those that were refused twice, and their bytes. */
  readonly work: {
    readonly opened: number;
    readonly copies: number;
    readonly local: number;
    readonly checks: {
      readonly drawn: number;
      readonly checked: number;
      readonly again: number;
      readonly ms: number;
    };
    readonly spots: { readonly asked: number; readonly unserved: number; readonly bytes: number };
  };
  /** The seed that chose whom to check, and what the offers committed to; hexadecimal. */
  readonly checks: { readonly seed: string; readonly commitment: string };
  /** Messages of peers that were dropped, by reason. */
  readonly drops: Limits.Drops;
  /** How each of the newest segments came to be; `npm run explain` prints them. */
  readonly trace: readonly Trace.Trace[];
  readonly workers: readonly {
    readonly peer: string;
    readonly payee: string;
    readonly segments: number;
    readonly earnedWei: string;
  }[];
}

export interface WorkerOptions {
  readonly mesh: Mesh;
  /** The key behind `mesh.self` (protocol's `Keys.fromSeed` of the same seed): signs bids and receipts. */
  readonly keys: { readonly publicKey: Uint8Array; sign(bytes: Uint8Array): Promise<Uint8Array> };
  readonly purse: Purse;
  /**
   * What `PayeeProof.sign` gave for the purse's payee and this worker's public key: broadcasters then hold the payee to what the worker
   * does, good and bad. Default: none, and they know the worker by its key alone.
   */
  readonly payeeProof?: Uint8Array;
  /** One per concurrent job. */
  readonly transcoder: Transcoder;
  /** As measured at join; what is advertised follows the jobs from then on. */
  readonly capabilities: readonly Capability[];
  /**
   * Measures a codec again, when the jobs say that the device has changed and none is in hand; and briefly now and then while it is
   * idle, in case the machine was busy when it was measured. Default: never.
   */
  readonly measure?: Measure;
  /** Wei per output megapixel. Default 1 gwei. */
  readonly price?: Wei;
  /** Keeps vouchers of other workers for them. Default: none are kept. */
  readonly watchtower?: Watchtower;
  /** When it takes work, how much, and for whom. Default: always, four jobs, for anybody. */
  readonly availability?: Availability.Policy;
  /** What it says it can do, beyond codecs. */
  readonly tags?: readonly string[];
  /** Tokens of private crews it belongs to. */
  readonly crews?: readonly Uint8Array[];
  /** Default: the machine's own. */
  readonly clock?: Clock;
  readonly on: (event: WorkerEvent) => void;
  readonly signal: AbortSignal;
}

/** A worker under way. */
export interface WorkerNode {
  /** Stops bidding; jobs in hand are finished. */
  pause(): void;
  resume(): void;
  /** Its owner wants something else of it; jobs in hand are finished. */
  set(policy: Availability.Policy): void;
  /** What the device says now; to be called when it changes, and once a minute where hours are set. */
  sense(facts: Omit<Availability.Facts, "jobs">): void;
  state(): {
    readonly availability: Availability.State;
    readonly drops: Limits.Drops;
    readonly paused: boolean;
    readonly jobs: number;
    readonly done: number;
    readonly streams: number;
    readonly heldBytes: number;
  };
  /** Gives its newest vouchers to peers that keep them, before it may be too late; never rejects. */
  handOver(): Promise<void>;
  /** Says goodbye to its broadcasters, finishes or drops its jobs, keeps its books. May be called twice. */
  close(): Promise<void>;
}

/** A stream on the air, from its broadcaster's signed announcement. */
export interface LiveStream {
  readonly stream: string;
  readonly title: string;
  readonly codec: string;
  readonly rungs: readonly Rung[];
  readonly source: Rung;
  readonly audio: boolean;
  readonly segmentMs: number;
  readonly startedAt: number;
  readonly newest: number;
  readonly ended: boolean;
}

export type ViewerEvent =
  | { readonly type: "announced"; readonly live: LiveStream }
  | { readonly type: "entry"; readonly seq: number; readonly gaps: readonly string[] }
  /** Bytes came from `peer` and their hash was right. */
  | {
      readonly type: "fetched";
      readonly seq: number;
      readonly track: string;
      readonly peer: string;
      readonly bytes: number;
      readonly ms: number;
    }
  /** A holder failed or sent wrong bytes; the next one is asked. */
  | {
      readonly type: "mismatch" | "unreachable";
      readonly seq: number;
      readonly track: string;
      readonly peer: string;
    }
  | { readonly type: "ended" };

export interface ViewerOptions {
  readonly mesh: Mesh;
  /** Lower-case hex stream id. */
  readonly stream: string;
  /** Default: the machine's own. */
  readonly clock?: Clock;
  readonly on: (event: ViewerEvent) => void;
  readonly signal: AbortSignal;
}

/**
 * Follows one stream's manifest, fetches by hash, checks, and serves to others what it holds.
 * URIs in its playlists: `<track>/index.m3u8` in the master's folder; `init-<seq>.mp4` and `<seq>.m4s` beside a media
 * playlist. Track names are percent-encoded. Players map them back to `bytes(track, what, seq)`.
 */
export interface Viewer {
  /**
   * The HLS multivariant playlist; waits for the announcement and the first entry. Sound is offered in the first coding that
   * `plays` takes, by its RFC 6381 string; without `plays`, in all there are.
   */
  master(options: { signal: AbortSignal; plays?: (codecs: string) => boolean }): Promise<string>;
  /** The live media playlist of a track ("720p", "source", "audio", "audio-aac"); with `atLeast`, waits until that sequence is in it. */
  playlist(track: string, options: { signal: AbortSignal; atLeast?: number }): Promise<string>;
  /** A checked copy of an init or media segment. `firstByteAt` is the clock's `now()`: performance.now() time in pages. */
  bytes(
    track: string,
    what: "init" | "media",
    seq: number,
    options: { signal: AbortSignal },
  ): Promise<{ data: ArrayBuffer; firstByteAt: number }>;
  close(): Promise<void>;
}
