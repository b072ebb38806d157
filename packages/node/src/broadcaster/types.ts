import type {
  PayeeProof,
  PayerPot,
  PotNews,
  Settlement,
  SettleProgress,
  Store,
} from "@tabcast/channel";
import type { Config, Limits, Screen, Select, Trace } from "@tabcast/market";
import type {
  CodecName,
  Fragment,
  inspect,
  Rung,
  Source,
  SourceInfo,
  Transcoder,
  Verifier,
} from "@tabcast/media";
import type { Signer } from "@tabcast/protocol";
import type { Amount, Micros } from "@tabcast/runtime";
import type { Outside } from "../context.ts";
import type { Dropped } from "../rate-limiter.ts";
import type { Traffic } from "./meter.ts";
import type { Visit } from "./visitor.ts";

/** One rung of one segment, as the report has it. */
export interface SegmentLine {
  readonly seq: number;
  readonly rung: string;
  /** Peer id, "local" for the broadcaster's local encoder, or undefined for a gap. */
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
  /** False where no worker was asked for it, because none that came was quick enough: "local" may have made it all the same. */
  readonly asked: boolean;
  readonly verified: boolean;
  /** Decimal. */
  readonly paid: string;
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
      readonly deposited: Amount;
      readonly gas: bigint;
    }
  | { readonly type: "live"; readonly stream: string }
  | {
      readonly type: "bid";
      readonly worker: string;
      readonly pixelsPerSecond: number;
      readonly price: Amount;
    }
  | {
      readonly type: "hired";
      readonly worker: string;
      readonly role: "crew" | "backup";
      readonly payee: string;
    }
  /** The backup has filled a vacancy in the crew. */
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

/**
 * Who can find and see a stream. Public: everybody, on every list. Unlisted: whoever knows its id; it is on no list, but its workers, and
 * whoever reads the offers, can see the id. Private: whoever has its link; entries and media are encrypted, and only its crew works for it.
 */
export type Visibility = "public" | "unlisted" | "private";

/** What a broadcast needs. Everything that touches the outside comes in as an argument. */
export interface BroadcastOptions extends Outside {
  readonly source: Source;
  /** Empty: only the source itself is published. */
  readonly rungs: readonly Rung[];
  readonly codec: CodecName;
  readonly title: string;
  /** Who can find and see it. Default "public". */
  readonly visibility?: Visibility;
  /** Length of a segment, as the source was opened with. Default 2_000_000. */
  readonly segment?: Micros;
  /** Opens (deposits into) the pot that pays for the stream; undefined: no money, no workers, local encoding only. */
  readonly openPot?: (options: { signal: AbortSignal }) => Promise<PayerPot>;
  /** Highest price accepted, parts per output gigapixel. Default a millionth of the chain's coin. */
  readonly maxPrice?: Amount;
  /** Workers to hire, 1 to 8; 0 encodes everything in this tab. Default 2; of a file 8: it is split over all there are. */
  readonly wanted?: number;
  /** Whom to hire: tags, lists, a private crew. Default: anybody. Of a private stream the crew is who has its crew link. */
  readonly workers?: Partial<Screen.Policy>;
  /** Where workers' records outlive the stream. Default: this tab's memory. */
  readonly records?: Pick<Store, "list" | "write">;
  /** Checks payees' proofs. Default: channel's own. */
  readonly verifyPayee?: typeof PayeeProof.verify;
  /** How it enters its network a second time, to watch itself as a viewer does. Default: it looks from its own peer id, which workers know. */
  readonly visit?: Visit;
  /** Spot checks. Default: media's own. */
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
  /** The market's numbers. Default: `LIVE` or `FAST`, as `pace` says. */
  readonly config?: Config;
  readonly on: (event: BroadcastEvent) => void;
  /** Called with each published track of each segment, in order of sequence: where a recorder writes files. One at a time; the input waits when it is 8 segments behind. */
  readonly record?: (entry: PublishedSegment) => Promise<void>;
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
  /** Of a private stream: what its links have after "#", for viewers and for the crew. The crew's opens everything that the viewers' does. */
  readonly keys?: { readonly watch: string; readonly crew: string };
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
  /**
   * Segments opened, copies sent beyond the first, segments made here. `checks`: spot checks, `again` those repeated beside an encode of
   * our own. `availabilityChecks`: those asked for, those that were refused twice, and the bytes of all.
   */
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
    readonly availabilityChecks: {
      readonly asked: number;
      readonly unserved: number;
      readonly bytes: number;
    };
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
    readonly earned: string;
  }[];
}
