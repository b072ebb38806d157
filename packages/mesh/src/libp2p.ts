import type { Clock, Random } from "@tabcast/runtime";
import type { PeersWire } from "./discovery/types.ts";
import type { IceServers } from "./ice.ts";
import type { GossipRules, Mesh } from "./mesh.ts";
import type { Meter } from "./meter.ts";

export interface Libp2pOptions {
  /** The Ed25519 seed of this tab's identity, 32 bytes; see `loadIdentity`. Default: one of this mesh alone, kept nowhere. */
  readonly seed?: Uint8Array;
  /**
   * Relay multiaddrs, each ending in /p2p/<relay id>. They are tried in random order. Nothing is dialled but these and, through
   * them, peers. A relay may have several; the first is the one that others are told.
   */
  readonly relays: readonly string[];
  /** STUN and TURN servers, or who knows them at the moment; [] contacts nobody. */
  readonly iceServers: IceServers;
  /** Connect to tabs through TURN servers alone, so that none of them learns this one's address. Default false. Needs TURN. */
  readonly relayOnly?: boolean;
  /** Dial loopback and private addresses: local networks and tests only. Default false. */
  readonly local?: boolean;
  /** Direct neighbours to look for. Default 8. */
  readonly degree?: number;
  /** Direct connections held; beyond that whoever neither asks nor serves makes room for a newcomer. Default 64. */
  readonly connections?: number;
  /** Relays to hold a slot at. Default 2, at most one per relay is used. */
  readonly relaySlots?: number;
  /** What may pass on which topic. Default: everything up to 64 KiB. */
  readonly rules?: GossipRules;
  /** How relays and neighbours are asked for peers. Default: nobody is asked, and nobody dialled unasked. */
  readonly wire?: PeersWire;
  /** Its "online" events say that the machine has a network again, "change" ones that it may have another. Default the page's own. */
  readonly network?: EventTarget;
  /** Told of the bytes that its streams carry. Default: nobody counts. */
  readonly meter?: Meter;
  readonly clock?: Clock;
  readonly random?: Random;
  /** Closes the mesh. */
  readonly signal?: AbortSignal;
}

/**
 * Joins the network from a page: WebRTC to other tabs, WebSocket to relays. Resolves before a relay has answered; wait for
 * `reachable`. Throws MESH_BAD_ADDRESS for a relay address that is none, MESH_NO_TURN for `relayOnly` without TURN servers.
 */
export async function libp2p(options: Libp2pOptions): Promise<Mesh> {
  // Loaded on demand: Node tests and pages that do not join must not pay for the stack.
  const { startTab } = await import("./tab.ts");
  return startTab(options);
}
