import type { Name, PeerId } from "../mesh.ts";

/** A peer as another one knows it. */
export interface Named {
  readonly peer: PeerId;
  /** Relays at which it holds a slot, 1 or 2. */
  readonly relays: readonly PeerId[];
}

/** What a peer says of others when it is asked. */
export interface Sample {
  /** Some of those that it knows, drawn anew for each question; at most `MOST_NAMED`. */
  readonly peers: readonly Named[];
  /** A relay: which other relays it is connected to. */
  readonly relays: readonly PeerId[];
  /** A relay: how many peers each topic has. */
  readonly populations: ReadonlyMap<Name, Count>;
}

/** Peers of a topic. */
export interface Count {
  /** Connected to the relay that says it. */
  readonly here: number;
  /** In the whole network, as far as that relay knows. */
  readonly all: number;
}

/** How peers are asked for: the protocol's name, and its messages as bytes. */
export interface PeersWire {
  readonly protocol: Name;
  ask(): Uint8Array;
  /** Throws for what is no question. */
  readAsk(head: Uint8Array): void;
  answer(sample: Sample): Uint8Array;
  /** Throws for what is no answer. */
  read(head: Uint8Array): Sample;
}

/** Peers that one answer may name. */
export const MOST_NAMED = 16;
