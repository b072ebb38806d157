/** What a relay knows of its network: its own tabs, and what the relays that it was told of have said last. */
import type { GossipSub } from "@chainsafe/libp2p-gossipsub";
import type { Connection, Libp2p } from "@libp2p/interface";
import type { Clock, Random } from "@tabcast/runtime";
import { isPrivate, networkOf } from "../hosts.ts";
import type { Name, PeerId } from "../mesh.ts";
import type { RelaySlots } from "../relay-slots.ts";
import { direct } from "../supervise.ts";
import type { Turns } from "../turns.ts";
import { askPeers } from "./asking.ts";
import { estimate } from "./network.ts";
import { type Groups, grouped, sample } from "./sample.ts";
import type { Count, PeersWire, Sample } from "./types.ts";

/** Other relays are asked so often, in milliseconds. */
const ASK_EVERY = 10_000;
/** An answer of theirs that takes longer is none, in milliseconds. */
const ASK_TIMEOUT = 5_000;
/** What was looked up is told for so long, in milliseconds: of 5,000 tabs it is half a million steps. */
const LOOK_EVERY = 1_000;
/** Other relays that one answer may name. Source: SPEC.md 4. */
const MOST_RELAYS = 16;
/** Topics of which one answer may say how many peers they have. Source: SPEC.md 4. */
const MOST_COUNTED = 32;

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
  /**
   * Whose voice a message is: that of its author's address, where the author is connected; or else of the neighbour's that brought it.
   * So nobody takes others' messages for its own voice by bringing them first.
   */
  groupOf(neighbour: PeerId, author: PeerId): string;
}

/** What a relay knew when it looked last. */
interface Look {
  readonly at: number;
  /** Of each peer that is connected. */
  readonly groups: ReadonlyMap<PeerId, string>;
  readonly relays: readonly PeerId[];
  readonly named: Groups;
  readonly populations: Sample["populations"];
}

/** Topics whose peers a relay counts: of one that is one of many parts, "a/7", nobody needs to know how many it has. */
export const countedTopics = (topics: readonly Name[]): readonly Name[] =>
  topics.filter((topic) => !/\/\d+$/.test(topic)).slice(0, MOST_COUNTED);

export function relayNetwork(options: RelayNetworkOptions): RelayNetwork {
  const { node, others, topics, slots, wire, turns, clock, signal } = options;
  const { pubsub } = node.services;
  const self = node.peerId.toString();
  const said = new Map<PeerId, Sample>();
  const counted = countedTopics(topics);
  let seen: Look | undefined;

  function groupAt({ remotePeer, remoteAddr }: Connection): string {
    const peer = remotePeer.toString();
    const host = remoteAddr.getComponents()[0]?.value ?? "";
    // Behind a private address all may be behind one proxy.
    return others.has(peer) || isPrivate(host) || host === "" ? peer : networkOf(host);
  }

  /** Subscribers count where they hold a slot: connections are free, and slots are few to an address. */
  function count(topic: Name): Count {
    const subscribers = pubsub.getSubscribers(topic).map(String);
    const here = subscribers.filter(
      (peer) => slots.reservations.has(peer) && !others.has(peer),
    ).length;
    const there = [...said.values()].map(({ populations }) => populations.get(topic)?.here ?? 0);
    return { here, all: estimate(here, there) };
  }

  function lookAnew(at: number): Look {
    const groups = new Map(
      direct(node).map((connection) => [connection.remotePeer.toString(), groupAt(connection)]),
    );
    const own = [...slots.reservations.keys()].map((peer) => ({
      peer,
      relays: [self],
      group: groups.get(peer) ?? peer,
    }));
    const theirs = [...said].flatMap(([relay, { peers }]) =>
      peers.map((one) => ({ ...one, group: relay })),
    );
    return {
      at,
      groups,
      relays: [...groups.keys()].filter((peer) => others.has(peer)).slice(0, MOST_RELAYS),
      named: grouped([...own, ...theirs]),
      populations: new Map(counted.map((topic) => [topic, count(topic)])),
    };
  }

  /** Whoever asks, and however often, a relay looks at all that it has once a second. */
  function look(): Look {
    const now = clock.now();
    if (seen === undefined || now - seen.at >= LOOK_EVERY) seen = lookAnew(now);
    return seen;
  }

  async function askOthers(): Promise<void> {
    const now = direct(node).filter(({ remotePeer }) => others.has(remotePeer.toString()));
    const ids = new Set(now.map(({ remotePeer }) => remotePeer.toString()));
    for (const peer of said.keys()) if (!ids.has(peer)) said.delete(peer);
    if (wire === undefined) return;
    const asked = now.map(async (connection) => {
      const waits = { turns, signal: AbortSignal.any([signal, clock.timeout(ASK_TIMEOUT)]) };
      said.set(connection.remotePeer.toString(), await askPeers(connection, wire, waits));
    });
    await Promise.allSettled(asked); // asked again in its time
  }

  void (async () => {
    for (; !signal.aborted; await clock.sleep(ASK_EVERY, { signal })) await askOthers();
  })().catch(() => {}); // the signal ended it

  return {
    groupOf(neighbour, author) {
      const { groups } = look();
      return groups.get(author) ?? groups.get(neighbour) ?? neighbour;
    },
    sample(asker, random) {
      const { relays, named, populations } = look();
      return { peers: sample(named, asker, random), relays, populations };
    },
  };
}
