/** What a tab knows of its network: it finds neighbours, and tells of them whoever asks. */
import type { Connection, Libp2p } from "@libp2p/interface";
import { WebRTC } from "@multiformats/multiaddr-matcher";
import type { Clock, Random } from "@tabcast/runtime";
import type { Dialler } from "../dialler.ts";
import type { Mesh, Name, PeerId } from "../mesh.ts";
import { type Relays, relaysNamed } from "../routes.ts";
import { direct, peersOf } from "../supervise.ts";
import type { Turns } from "../turns.ts";
import { answerPeers, askPeers } from "./asking.ts";
import { discover } from "./discover.ts";
import { population } from "./network.ts";
import { grouped, sample } from "./sample.ts";
import type { PeersWire } from "./types.ts";

export interface TabNetworkOptions {
  readonly node: Pick<Libp2p, "peerId" | "getConnections">;
  readonly relays: Relays;
  readonly dialler: Pick<Dialler, "visit">;
  readonly serve: Mesh["serve"];
  readonly wire: PeersWire;
  /** Neighbours to look for. */
  readonly degree: number;
  readonly split: (is: boolean) => void;
  readonly turns: Turns;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
}

export interface TabNetwork {
  /** Peers of a topic in the whole network; undefined before a relay has said it. */
  population(topic: Name): number | undefined;
}

/** Relays of the configuration that a node is connected to. */
export const relaysOf = (
  node: Pick<Libp2p, "getConnections">,
  relays: Pick<Relays, "has">,
): PeerId[] => peersOf(direct(node)).filter((peer) => relays.has(peer));

export function tabNetwork(options: TabNetworkOptions): TabNetwork {
  const { node, relays, dialler, serve, wire, degree, split, turns, clock, random, signal } =
    options;
  const met = () => direct(node).filter(({ remoteAddr }) => WebRTC.matches(remoteAddr));
  const named = ({ remotePeer, remoteAddr }: Connection) => {
    const peer = remotePeer.toString();
    return { peer, relays: relaysNamed(peer, [remoteAddr.toString()], relays) };
  };

  answerPeers(serve, wire, {
    sample: (asker) => ({
      peers: sample(
        grouped(
          met()
            .map(named)
            .filter(({ relays: through }) => through.length > 0)
            .map((one) => ({ ...one, group: one.peer })),
        ),
        asker,
        random,
      ),
      relays: [],
      populations: new Map(),
    }),
    clock,
    signal,
  });
  const { said } = discover(
    {
      self: node.peerId.toString(),
      relays: () => relaysOf(node, relays),
      neighbours: () => peersOf(met()),
      outbound: () => peersOf(met().filter(({ direction }) => direction === "outbound")),
      async ask(source, waits) {
        const connection = direct(node).find(({ remotePeer }) => remotePeer.toString() === source);
        if (connection === undefined) throw new Error(`${source} is not connected any more`);
        return askPeers(connection, wire, { turns, ...waits });
      },
      dial({ peer, relays: through }) {
        const known = through.filter((relay) => relays.has(relay));
        const given = known.map((relay) => relays.through(relay, peer).toString());
        return dialler.visit(peer, given);
      },
      split,
    },
    { degree, clock, random, signal },
  );
  return { population: (topic) => population(said(), topic) };
}
