/** What libp2p tells of connections, addresses and gossip, as the mesh tells it on. */
import type { GossipSubEvents } from "@chainsafe/libp2p-gossipsub";
import type { Connection, Stream } from "@libp2p/interface";
import { WebRTC } from "@multiformats/multiaddr-matcher";
import type { Clock } from "@tabcast/runtime";
import { MAX_GOSSIP } from "./frame.ts";
import type { Listeners } from "./listeners.ts";
import type { MeshEvent, Neighbour, PeerId } from "./mesh.ts";
import type { TabNode } from "./node.ts";
import { resetStreams, watchPeer } from "./rtc.ts";
import { direct, idOf } from "./supervise.ts";
import type { Topics } from "./topics.ts";

export interface NewsOptions {
  readonly node: TabNode;
  readonly clock: Clock;
  readonly news: Listeners<MeshEvent>;
  readonly topics: Topics;
  /** Streams of requests, to tell them from gossip's and identify's. */
  readonly ours: WeakSet<Stream>;
  readonly signal: AbortSignal;
}

/** WebRTC addresses under which others reach this node. */
export function addressesOf(node: TabNode): string[] {
  const self = node.peerId.toString();
  return node
    .getMultiaddrs()
    .filter((address) => WebRTC.matches(address) && idOf(address) === self)
    .map(String);
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
export function hear({ node, clock, news, topics, ours, signal }: NewsOptions): () => void {
  const { pubsub } = node.services;
  const connected = new Set<PeerId>();
  let lastAddrs = "";
  const onAddrs = () => {
    const now = signal.aborted ? [] : addressesOf(node);
    if (now.join() === lastAddrs) return;
    lastAddrs = now.join();
    news.tell({ type: "reachable", addrs: now });
  };
  const onOpen = ({ detail: connection }: CustomEvent<Connection>) => {
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
  // libp2p's own 'self:peer:update' is a second late; the others come when a reservation is won or lost.
  const events = ["transport:listening", "transport:close", "self:peer:update"] as const;
  for (const name of events) node.addEventListener(name, onAddrs);
  node.addEventListener("connection:open", onOpen);
  node.addEventListener("connection:close", onConnection);
  pubsub.addEventListener("message", onGossip);
  return () => {
    for (const name of events) node.removeEventListener(name, onAddrs);
    node.removeEventListener("connection:open", onOpen);
    node.removeEventListener("connection:close", onConnection);
    pubsub.removeEventListener("message", onGossip);
  };
}
