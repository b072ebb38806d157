import type { Allowance, Bytes, Millis } from "@tabcast/runtime";

/** A libp2p peer id in its text form. Ed25519 keys only, so the public key can be read from it. */
export type PeerId = string;
/** A gossip topic or a request protocol, such as "/tabcast/1/offers". */
export type Name = string;

/** A small head that `protocol` encodes, and a body of plain bytes. */
export interface Message {
  readonly head: Uint8Array;
  readonly body: Uint8Array;
}

export interface Waits {
  readonly signal: AbortSignal;
}

export interface RequestOptions extends Waits {
  /** Largest body accepted in one part of the answer. Default 32 MiB; a bigger one fails with MESH_TOO_LARGE before it is read. */
  readonly maxBody?: Bytes;
  /**
   * Addresses that somebody gave for the peer, for when it is not connected. At most 8 are read, and of each no more than
   * which relay of the configuration it names; any other is skipped.
   */
  readonly addrs?: readonly string[];
  /** For whom the request's body is sent, where others send too. Default "own". */
  readonly rank?: Rank;
  /** Called when bytes of the answer come, with how many, in the middle of a part too: who sends a large one slowly is not silent. */
  readonly heard?: (bytes: number) => void;
  /**
   * Parts that follow the request, sent as they come, for protocols that take some; at most 4 MiB (or one part) ahead of
   * the answerer. What it throws ends the request; when the request is over, it is returned.
   */
  readonly following?: AsyncIterable<Message>;
}

/**
 * For whom bytes are kept or sent, where there is too little room for all: the first comes first. What the words stand for, and who is
 * what, is the business of whoever serves.
 */
export const RANKS = ["own", "crew", "bidder", "viewer", "stranger"] as const;
export type Rank = (typeof RANKS)[number];

/** What is known of a request before anything of its body is read. */
export interface Announced {
  readonly peer: PeerId;
  /** Bytes of the body that was announced. */
  readonly size: number;
}

/** A request that is due: its body is read. */
export interface Due {
  /** For whom its body is kept, and its answer sent. */
  readonly rank: Rank;
  /**
   * Most that may follow it, for all of which room is kept until the handler has let go. Default, and at most, the protocol's
   * `maxFollowing`; room is kept then for the 4 MiB of it that the mesh holds.
   */
  readonly maxFollowing?: Bytes;
}

/** A request that is not: this is the whole answer, and no body is read. */
export interface Refused {
  readonly refusal: Message;
}

/** Whether a request is due, by its head and by whose it is. A throw resets the stream. Must not wait: bytes are coming. */
export type Admit = (head: Uint8Array, asker: Announced) => Due | Refused;

export interface ServeOptions {
  /** Largest request body accepted. Default 64 KiB. */
  readonly maxBody?: Bytes;
  /** Asked once the head is here, before the body is read. Default: all are due, as a stranger's. */
  readonly admit?: Admit;
  /** Most that may follow a request in parts: heads, bodies, and 1 KiB for each part. Default 0: nothing. */
  readonly maxFollowing?: Bytes;
  /** Concurrent requests per peer; further ones wait for nothing and are reset. Default 8, at most 32. */
  readonly maxPerPeer?: number;
  /** A request older than this is aborted. Default 60_000. */
  readonly timeout?: Millis;
}

/** Who asks, and a signal that fires when the asker is gone or the time is over. */
export interface Asker extends Waits {
  readonly peer: PeerId;
  /**
   * The parts that follow the request, as they come. It ends only when the asker has said that they are complete, and
   * throws MESH_* if the asker is lost before that. May be left unread.
   */
  readonly following: AsyncIterable<Message>;
}

/** Answers one request with one or more parts. A throw resets the stream: refusals belong in a head. */
export type Handler = (request: Message, asker: Asker) => AsyncIterable<Message>;

export interface GossipMessage {
  /** Proved by gossipsub's signature. */
  readonly from: PeerId;
  readonly body: Uint8Array;
}

/** What is done with gossip: pass it on, let it drop, or drop it and hold it against whoever brought it. */
export type Judgement = "accept" | "ignore" | "reject";

/** What may pass on one topic. The mesh applies it before a message is forwarded or told, and knows no more of what it carries. */
export interface GossipRule {
  /** Largest body, in bytes: a larger one is not sent, and rejected by whoever gets it. */
  readonly largest: number;
  /** Topics that name one pool have one allowance together. Default: each has its own. */
  readonly pool?: Name;
  /** New messages that one neighbour may bring. */
  readonly each: Allowance;
  /** New messages that all neighbours together may bring; relays of our own configuration may bring as many each. */
  readonly all: Allowance;
  /** Judges a body by its author, whom gossipsub's signature has proved. */
  judge(body: Uint8Array, author: PeerId): Promise<Judgement>;
}

/** By topic. What has no rule passes, up to 64 KiB. */
export type GossipRules = ReadonlyMap<Name, GossipRule>;

/** One neighbour, as the Network page and the market see it. */
export interface Neighbour {
  readonly peer: PeerId;
  /** How the bytes travel: a WebRTC data channel, a WebSocket (relay), through a relay, or in memory. */
  readonly via: "webrtc" | "websocket" | "relayed" | "memory" | "other";
  readonly direction: "inbound" | "outbound";
}

export type MeshEvent =
  | { readonly type: "connected"; readonly peer: PeerId }
  | { readonly type: "disconnected"; readonly peer: PeerId }
  /**
   * Which relays hold a slot for us, which of these pass no calls on, and which bring no gossip while others do, after any of it changed.
   * Fewer than two that do as they should: only one way to us is left.
   */
  | {
      readonly type: "relays";
      readonly held: readonly PeerId[];
      readonly mute: readonly PeerId[];
      readonly quiet: readonly PeerId[];
    }
  /** The relays that we use have not known each other for a minute, so some peers cannot be found; or they know each other again. */
  | { readonly type: "split"; readonly is: boolean }
  /** `addrs` changed, for the same reason. Empty means nobody can dial us. */
  | { readonly type: "reachable"; readonly addrs: readonly string[] };

/** Moves bytes between peers. Knows no job, no stream and no money. */
export interface Mesh {
  readonly self: PeerId;
  /** Multiaddrs under which others reach us now; empty while no relay holds a slot for us. */
  addrs(): readonly string[];
  /** Resolves once `addrs()` is not empty. */
  reachable(options: Waits): Promise<void>;
  neighbours(): readonly Neighbour[];
  /** Relays of the configuration that are connected now. */
  relays(): readonly PeerId[];
  /** How many peers the topic has in the whole network, without this one, as far as is known. */
  population(topic: Name): number;
  /** Peers of the topic that gossip would reach directly. */
  subscribers(topic: Name): readonly PeerId[];
  /** Throws MESH_TOO_LARGE for a body larger than the topic carries. */
  publish(topic: Name, body: Uint8Array): Promise<void>;
  /** Calls `on` for each message of the topic until `signal` fires. Our own messages are not delivered to us. */
  subscribe(topic: Name, on: (message: GossipMessage) => void, options: Waits): void;
  /** Asks a peer, dialling if needed; yields the parts of its answer as they come. Breaking out of the loop resets the stream. */
  request(
    peer: PeerId,
    protocol: Name,
    message: Message,
    options: RequestOptions,
  ): AsyncIterable<Message>;
  /** Answers requests of a protocol until `signal` fires. */
  serve(protocol: Name, handler: Handler, options: ServeOptions & Waits): void;
  /** Keeps (or stops keeping) the connection to a peer when others are pruned. */
  keep(peer: PeerId, wanted: boolean): Promise<void>;
  watch(on: (event: MeshEvent) => void, options: Waits): void;
  /** Says goodbye to everybody. May be called twice. */
  close(): Promise<void>;
}
