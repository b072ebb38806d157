import type { CodecName } from "@tabcast/media";
import type { RelayStats } from "@tabcast/mesh/relay";
import type { CurrencyConfig, NetworkConfig } from "@tabcast/node/config";
import type { BroadcastEvent, BroadcastReport, Visibility, WorkerEvent } from "@tabcast/node/types";
import { type Amount, CodedError } from "@tabcast/runtime";
import type { WatchtowerEvent } from "@tabcast/tab";
import type { Page } from "playwright-core";
import type { Chain, ExternalChain } from "./chain.ts";
import type { RecordedSegment, WorkerStarted } from "./headless.ts";
import type { Plain } from "./report.ts";
import type { HiringChange, WorkerChange } from "./settings-args.ts";

/** What a network says while it starts and runs. */
export type NetEvent =
  | {
      readonly type: "chain";
      readonly id: number;
      readonly rpc: string;
      readonly contract: string;
      readonly local: boolean;
      /** What pots are in; missing: the chain's coin. */
      readonly currency?: CurrencyConfig;
    }
  | { readonly type: "relay"; readonly id: string; readonly addrs: readonly string[] }
  | { readonly type: "pages"; readonly origin: string; readonly browser: string }
  | ({ readonly type: "worker"; readonly name: string } & WorkerStarted)
  | {
      readonly type: "working";
      readonly name: string;
      readonly event: Plain<WorkerEvent | WatchtowerEvent>;
    }
  | { readonly type: "broken"; readonly tab: string; readonly message: string }
  /** A source was changed, and the pages that use it took it up: "page reload src/main.tsx". */
  | { readonly type: "reload"; readonly what: string }
  | { readonly type: "warped"; readonly until: number; readonly seconds: number };

export interface LocalnetOptions {
  /** Headless worker tabs to start with. Default 0. */
  readonly workers?: number;
  /** Families that workers measure. Default avc alone. */
  readonly codecs?: readonly CodecName[];
  /** What workers are set to, besides their defaults. */
  readonly worker?: WorkerChange;
  /** Crew links of private streams that workers work for too. */
  readonly crewLinks?: readonly string[];
  /** Port of the pages; 0 takes a free one. Default 0. */
  readonly port?: number;
  /** Where the relay's key lies. Default: a folder that goes with the network. */
  readonly relayDirectory?: string;
  /** The built pages. Default: apps/web/dist of this repository. */
  readonly pages?: string;
  /**
   * Serve the pages that people open from their sources, and let them reload on a change. Headless pages stay the built ones.
   * `root` is the folder of index.html, `config` a Vite configuration file.
   */
  readonly live?: { readonly root: string; readonly config?: string };
  /** Path of Chromium. Default: TABCAST_CHROMIUM, or Debian's. */
  readonly chromium?: string;
  readonly chromiumFlags?: readonly string[];
  /** Pay on somebody else's chain instead of our own. */
  readonly chain?: ExternalChain;
  /** What the pots on our own chain are in: "USDC" is play dollars. Default: the chain's own coin. */
  readonly currency?: "USDC";
  readonly on?: (event: NetEvent) => void;
  /** Ends the start; a network that stands is ended by `close`. */
  readonly signal?: AbortSignal;
}

/** A worker in a page of its own. */
export interface WorkerTab extends WorkerStarted {
  readonly name: string;
  readonly page: Page;
  /** Works for a private stream too. */
  joinCrew(link: string): Promise<void>;
  /** Says goodbye and closes the page. May be called twice. */
  close(): Promise<void>;
}

export interface NetBroadcastOptions {
  /** A media file; undefined is the built-in scene. */
  readonly file?: string;
  readonly title?: string;
  /** Who can find and see it; the network's own workers are a private stream's crew. Default "public". */
  readonly visibility?: Visibility;
  /** Length of the scene; without it the scene never ends. */
  readonly seconds?: number;
  /** Of the scene, in pixels. Default 1280x720. */
  readonly size?: { readonly width: number; readonly height: number };
  readonly ladder?: string;
  readonly codec?: CodecName;
  /** Seconds. Default 2. */
  readonly segment?: number;
  readonly pace?: "live" | "fast";
  readonly seed?: number;
  /** Publishes sound that is Opus as AAC too. Default false. */
  readonly aac?: boolean;
  /** Workers to hire, 0 to 8. Default: as many as there are, at most 8. */
  readonly wanted?: number;
  /** Whom to hire. Default: anybody. */
  readonly hiring?: HiringChange;
  /** Amount for the pot. Default `usualDeposit`. */
  readonly deposit?: Amount;
  readonly on?: (event: Plain<BroadcastEvent>) => void;
  /** Takes every published piece, then the segment that they make. Awaited, so it slows the input. */
  readonly recorder?: {
    piece(track: string, seq: number, what: "init" | "media", bytes: Buffer): Promise<void>;
    segment(segment: RecordedSegment): Promise<void>;
  };
}

/** A broadcast by a page of this network. */
export interface NetBroadcast {
  readonly stream: string;
  /** What a private stream's links have after "#". */
  readonly keys?: { readonly watch: string; readonly crew: string };
  readonly peer: string;
  readonly page: Page;
  /** Ends the input. May be called twice. */
  stop(): Promise<void>;
  /** Resolves when everything is delivered and settled; rejects with BROADCAST_FAILED. */
  readonly finished: Promise<Plain<BroadcastReport>>;
}

/** A broadcast ended without a report. `cause` says which code the page gave. Do: look that code up here. */
export class BroadcastError extends CodedError<{ code: "BROADCAST_FAILED"; inner: string }> {}

/** A whole network on this machine. */
export interface Localnet {
  /** Address of the pages, without a slash at the end. */
  readonly origin: string;
  readonly config: NetworkConfig;
  readonly chain: Chain;
  relay(): { readonly id: string; readonly addrs: readonly string[]; readonly stats: RelayStats };
  readonly workers: readonly WorkerTab[];
  addWorker(): Promise<WorkerTab>;
  broadcast(options: NetBroadcastOptions): Promise<NetBroadcast>;
  /** Stops the relay and starts it again with its key and port, as after a crash. */
  restartRelay(): Promise<void>;
  /** A Watch link. */
  watchUrl(stream: string): string;
  /** Leaves no process, no port and no temporary file. May be called twice. */
  close(): Promise<void>;
}
