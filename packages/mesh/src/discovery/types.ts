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
  /** A relay: how many peers of each topic there are, as far as it and its relays know. */
  readonly populations: ReadonlyMap<Name, number>;
}

/** Peers that one answer may name. */
export const MOST_NAMED = 16;
