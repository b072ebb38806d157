import type { Hex, Purse, PurseNews, Watchtower } from "@tabcast/channel";
import type { Availability, Check, Hire, Limits } from "@tabcast/market";
import type { Capability, CodecName, Transcoder } from "@tabcast/media";
import type { Amount } from "@tabcast/runtime";
import type { Outside } from "../context.ts";
import type { CrewLink } from "../crew-link.ts";
import type { Dropped } from "../rate-limiter.ts";
import type { Measure } from "./speeds.ts";

export type { CrewLink };

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
      readonly why: Hire.Refusal | "unpaid";
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
  /** Hired by a stream, which pays from the pot. */
  | { readonly type: "hired"; readonly stream: string; readonly role: string; readonly potId: Hex }
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
      readonly credited: Amount;
      readonly total: Amount;
    }
  /** A guarantee, a claim, or a claim that the pot could not pay. */
  | { readonly type: "money"; readonly news: PurseNews }
  /** So many peers keep our highest voucher of a pot now, and claim it if we cannot; undefined: nothing of it is outstanding. */
  | { readonly type: "delegated"; readonly potId: Hex; readonly keepers: number | undefined }
  | { readonly type: "refused"; readonly what: string; readonly why: string }
  /** Whether the tab takes work, and why not. */
  | ({ readonly type: "availability" } & Availability.State)
  /** A stream is over, and has shown whom it spot-checked. `complaints`: where that is not what was promised. */
  | {
      readonly type: "revealed";
      readonly stream: string;
      readonly segments: number;
      readonly checked: number;
      readonly complaints: readonly Check.Complaint[];
    }
  | ({ readonly type: "dropped-input" } & Dropped);

export interface WorkerOptions extends Outside {
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
  /** Parts per output gigapixel. Default a millionth of the chain's coin. */
  readonly price?: Amount;
  /** Keeps vouchers of other workers for them. Default: none are kept. */
  readonly watchtower?: Watchtower;
  /** When it takes work, how much, and for whom. Default: always, four jobs, for anybody. */
  readonly availability?: Availability.Policy;
  /** What it says it can do, beyond codecs. */
  readonly tags?: readonly string[];
  /** Tokens of private crews it belongs to. */
  readonly crews?: readonly Uint8Array[];
  /** Private streams that it may work for, beside those that look for anybody. At most 16. */
  readonly privateStreams?: readonly CrewLink[];
  readonly on: (event: WorkerEvent) => void;
}

/** A worker under way. */
export interface WorkerNode {
  /** Stops bidding; jobs in hand are finished. */
  pause(): void;
  resume(): void;
  /** Works for a private stream too, beside the others. Throws PROTOCOL_KEY or WORKER_CREW_LINK for a link that is not whole. */
  joinPrivate(link: CrewLink): void;
  /** Bids no more on a private stream's offers, and forgets its link; jobs in hand are finished. */
  leavePrivate(stream: string): void;
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
    readonly blobBytes: number;
  };
  /** Gives its newest vouchers to peers that keep them, and claims what is worth it, before it may be too late; never rejects. */
  handOver(): Promise<void>;
  /** Says goodbye to its broadcasters, finishes or drops its jobs, keeps its books. May be called twice. */
  close(): Promise<void>;
}
