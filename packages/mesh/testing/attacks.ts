/** What hostile peers do, and what holds all the same: on real nodes here, and on modelled links in the simulator, by the same names. */
import type { Random } from "@tabcast/runtime";
import { AGAIN_AFTER, STAGGER } from "../src/dialler.ts";
import { MOST_NAMED, type Named } from "../src/discovery/types.ts";
import type { Name, PeerId } from "../src/mesh.ts";
import { peerIdFromPublicKey } from "../src/peer-id.ts";

/** "eclipse": honest neighbours that a fresh tab has, and after how long. Source: issue 13. */
export const ECLIPSE = { neighbours: 4, withinMs: 60_000 } as const;
/**
 * "lying-relay": milliseconds until a peer is reached at the latest, where the relay that is asked first lets the dial hang: the next relay is asked
 * soon after, a handshake that got lost there is begun again, and has half as long. Who waited for the first relay would
 * take 15 s.
 */
export const LYING_RELAY = { reachedMs: STAGGER + 1.5 * AGAIN_AFTER } as const;
/** "gossip-flood": messages of garbage that a flooder publishes at once. */
export const FLOOD = { garbage: 200, largest: 1_000 } as const;

/** As many peers as one answer may name, that nobody has ever seen, at whatever relay. */
export function madeUpPeers(random: Random, relays: readonly PeerId[]): Named[] {
  return Array.from({ length: MOST_NAMED }, () => ({
    peer: peerIdFromPublicKey(random.bytes(32)),
    relays: [relays[random.below(relays.length)] as PeerId],
  }));
}

/** What a liar says of how many peers each topic has. */
export const crowds = (topics: readonly Name[]) =>
  new Map(topics.map((topic) => [topic, { here: 100_000, all: 100_000 }]));

/** A message of no form, as a flooder publishes it. */
export const garbage = (random: Random, largest: number): Uint8Array =>
  random.bytes(1 + random.below(largest));
