/** What libp2p tells of connections, addresses and gossip, as the mesh tells it on. */
import type { GossipSubEvents } from "@chainsafe/libp2p-gossipsub";
import type { Connection, Stream } from "@libp2p/interface";
import type { Clock } from "@tabcast/runtime";
import { MAX_GOSSIP } from "./frame.ts";
import type { Listeners } from "./listeners.ts";
import type { MeshEvent, Neighbour, PeerId } from "./mesh.ts";
import type { TabNode } from "./node.ts";
import type { Relays } from "./routes.ts";
import { resetStreams, watchPeer } from "./rtc.ts";
import type { Slots } from "./slots.ts";
import { mendReset } from "./sockets.ts";
import { direct } from "./supervise.ts";
import type { Topics } from "./topics.ts";

export interface NewsOptions {
  readonly node: TabNode;
  readonly relays: Relays;
  readonly slots: Slots;
  readonly clock: Clock;
  readonly news: Listeners<MeshEvent>;
  readonly topics: Topics;
  /** Streams of requests, to tell them from gossip's and identify's. */
  readonly ours: WeakSet<Stream>;
  readonly signal: AbortSignal;
}

/**
 * WebRTC addresses under which others reach this node: one for each relay that holds a slot and passes on what it should, as the
 * configuration has it. Where all are mute, those.
 */
export function addressesOf(self: PeerId, slots: Slots, relays: Relays): string[] {
  const mute = new Set(slots.mute());
  const [all, open] = [slots.held(), slots.held().filter((relay) => !mute.has(relay))];
  return (open.length > 0 ? open : all).map((relay) => relays.through(relay, self).toString());
}

function via(connection: Connection): Neighbour["via"] {
  const names = connection.remoteAddr.getComponents().map((part) => part.name);
  if (connection.limits != null) return "relayed";
  if (names.includes("webrtc") || names.includes("webrtc-direct")) return "webrtc";
  if (names.includes("ws") || names.includes("wss")) return "websocket";
  return "other";
}

/** Every peer with an open connection, and how its bytes travel. */
export function neighboursOf(node: TabNode): Neighbour[] {
  const found = new Map<PeerId, Neighbour>();
  for (const connection of node.getConnections()) {
    if (connection.status !== "open") continue;
    const peer = connection.remotePeer.toString();
    const before = found.get(peer);
    // A relayed connection is only the way to a direct one.
    if (before === undefined || before.via === "relayed")
      found.set(peer, { peer, via: via(connection), direction: connection.direction });
  }
  return [...found.values()];
}

/** Hears libp2p until the returned function is called. */
export function hear(options: NewsOptions): () => void {
  const { node, relays, slots, clock, news, topics, ours, signal } = options;
  const { pubsub } = node.services;
  const connected = new Set<PeerId>();
  const onSlots = () => {
    const [held, mute, quiet] = [slots.held(), slots.mute(), slots.quiet()];
    news.tell({ type: "relays", held, mute, quiet });
    news.tell({ type: "reachable", addrs: addressesOf(node.peerId.toString(), slots, relays) });
  };
  const onOpen = ({ detail: connection }: CustomEvent<Connection>) => {
    mendReset(connection);
    watchPeer(connection, {
      clock,
      signal,
      silent: (cause) => resetStreams(connection, ours, cause),
    });
    onConnection();
  };
  const onConnection = () => {
    const live = new Set(direct(node).map((connection) => connection.remotePeer.toString()));
    for (const peer of [...connected].filter((peer) => !live.has(peer))) {
      connected.delete(peer);
      news.tell({ type: "disconnected", peer });
    }
    for (const peer of live)
      if (!connected.has(peer)) {
        connected.add(peer);
        news.tell({ type: "connected", peer });
      }
  };
  const onGossip = ({ detail }: GossipSubEvents["message"]) => {
    if (detail.type !== "signed" || detail.data.byteLength > MAX_GOSSIP) return;
    topics.tell(detail.topic, { from: detail.from.toString(), body: detail.data });
  };
  slots.changed.add(onSlots, signal);
  node.addEventListener("connection:open", onOpen);
  node.addEventListener("connection:close", onConnection);
  pubsub.addEventListener("message", onGossip);
  return () => {
    node.removeEventListener("connection:open", onOpen);
    node.removeEventListener("connection:close", onConnection);
    pubsub.removeEventListener("message", onGossip);
  };
}
