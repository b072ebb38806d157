/** What a relay knows of its network: its own tabs, and what the relays that it was told of have said last. */
import type { GossipSub } from "@chainsafe/libp2p-gossipsub";
import type { Libp2p } from "@libp2p/interface";
import type { Clock, Random } from "@tabcast/runtime";
import { isPrivate, networkOf } from "../hosts.ts";
import type { Name, PeerId } from "../mesh.ts";
import type { RelaySlots } from "../relay-slots.ts";
import { direct } from "../supervise.ts";
import type { Turns } from "../turns.ts";
import { askPeers } from "./asking.ts";
import { estimate } from "./network.ts";
import { sample } from "./sample.ts";
import type { PeersWire, Sample } from "./types.ts";

/** Other relays are asked so often, in milliseconds. */
const ASK_EVERY = 10_000;
/** An answer of theirs that takes longer is none, in milliseconds. */
const ASK_TIMEOUT = 5_000;

export interface RelayNetworkOptions {
  readonly node: Pick<Libp2p<{ pubsub: GossipSub }>, "peerId" | "getConnections" | "services">;
  /** The relays that it was told of. */
  readonly others: ReadonlySet<PeerId>;
  readonly topics: readonly Name[];
  readonly slots: Pick<RelaySlots, "reservations">;
  /** How others are asked. Undefined: they are not. */
  readonly wire: PeersWire | undefined;
  readonly turns: Turns;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export interface RelayNetwork {
  /** What it says to who asks. */
  sample(asker: PeerId, random: Random): Sample;
  /** Whose voice a neighbour is: its address's, where that says anything. */
  groupOf(neighbour: PeerId): string;
}

export function relayNetwork(options: RelayNetworkOptions): RelayNetwork {
  const { node, others, topics, slots, wire, turns, clock, signal } = options;
  const { pubsub } = node.services;
  const self = node.peerId.toString();
  const said = new Map<PeerId, Sample>();
  const connected = () =>
    direct(node).filter(({ remotePeer }) => others.has(remotePeer.toString()));

  function groupOf(peer: PeerId): string {
    if (others.has(peer)) return peer;
    const connection = direct(node).find(({ remotePeer }) => remotePeer.toString() === peer);
    const host = connection?.remoteAddr.getComponents()[0]?.value ?? "";
    // There all may be behind one proxy.
    return isPrivate(host) || host === "" ? peer : networkOf(host);
  }

  function count(topic: Name): { readonly here: number; readonly all: number } {
    const here = pubsub.getSubscribers(topic).filter((peer) => !others.has(peer.toString())).length;
    const there = [...said.values()].map(({ populations }) => populations.get(topic)?.here ?? 0);
    return { here, all: estimate(here, there) };
  }

  async function askOthers(): Promise<void> {
    const now = connected();
    const ids = new Set(now.map(({ remotePeer }) => remotePeer.toString()));
    for (const peer of said.keys()) if (!ids.has(peer)) said.delete(peer);
    if (wire === undefined) return;
    for (const connection of now) {
      const waits = { turns, signal: AbortSignal.any([signal, clock.timeout(ASK_TIMEOUT)]) };
      await askPeers(connection, wire, waits).then(
        (answer) => void said.set(connection.remotePeer.toString(), answer),
        () => {}, // asked again in its time
      );
    }
  }

  void (async () => {
    for (; !signal.aborted; await clock.sleep(ASK_EVERY, { signal })) await askOthers();
  })().catch(() => {}); // the signal ended it

  return {
    groupOf,
    sample(asker, random) {
      const own = [...slots.reservations.keys()].map((peer) => ({
        peer,
        relays: [self],
        group: groupOf(peer),
      }));
      const theirs = [...said].flatMap(([relay, { peers }]) =>
        peers.map((one) => ({ ...one, group: relay })),
      );
      return {
        peers: sample([...own, ...theirs], asker, random),
        relays: [...new Set(connected().map(({ remotePeer }) => remotePeer.toString()))],
        populations: new Map(topics.map((topic) => [topic, count(topic)])),
      };
    },
  };
}
