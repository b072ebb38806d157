import { type GossipSub, gossipsub } from "@chainsafe/libp2p-gossipsub";
import { circuitRelayServer } from "@libp2p/circuit-relay-v2";
import { identify } from "@libp2p/identify";
import type { Connection, Stream } from "@libp2p/interface";
import { noise } from "@libp2p/noise";
import { ping } from "@libp2p/ping";
import { webSockets } from "@libp2p/websockets";
import { yamux } from "@libp2p/yamux";
import { createLibp2p } from "libp2p";
import { TOPIC } from "./nodes.ts";

type Server = ReturnType<ReturnType<typeof circuitRelayServer>> & {
  onHop(stream: Stream, connection: Connection): Promise<void>;
  handleConnect(hop: { stream: { unwrap(): Stream } }): Promise<void>;
};

/** A relay that gives slots, answers pings, and passes on what it is told to. */
export interface BrokenRelay {
  readonly addrs: readonly string[];
  readonly id: string;
  /** Whether gossip is passed on. */
  readonly passes: { gossip: boolean };
  /** From now on nothing passes on any way, and of a new one it says that it does, or says nothing. */
  hold(calls: "held" | "nothing said"): void;
  close(): Promise<void>;
}

/** Passes everything on, to begin with. */
export async function brokenRelay(): Promise<BrokenRelay> {
  const passes: BrokenRelay["passes"] = { gossip: true };
  const ways = new Set<Stream>();
  let calls: "all" | "held" | "nothing said" = "all";
  const node = await createLibp2p({
    addresses: { listen: ["/ip4/127.0.0.1/tcp/0/ws"] },
    transports: [webSockets()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: {
      identify: identify(),
      ping: ping(),
      relay: (components: Parameters<ReturnType<typeof circuitRelayServer>>[0]) => {
        const server = circuitRelayServer()(components) as Server;
        const [onHop, handle] = [server.onHop.bind(server), server.handleConnect.bind(server)];
        server.onHop = async (stream, connection) => {
          ways.add(stream);
          return onHop(stream, connection);
        };
        server.handleConnect = async (hop) => {
          if (calls === "all") return handle(hop);
          // The status OK.
          if (calls === "held") hop.stream.unwrap().send(Uint8Array.of(4, 0x08, 2, 0x28, 100));
        };
        return server;
      },
      pubsub: gossipsub({ allowPublishToZeroTopicPeers: true, fallbackToFloodsub: false }),
    },
  });
  const pubsub: GossipSub = node.services.pubsub;
  pubsub.topicValidators.set(TOPIC, () => (passes.gossip ? "accept" : "ignore") as never);
  pubsub.subscribe(TOPIC);
  return {
    addrs: node.getMultiaddrs().map(String),
    id: node.peerId.toString(),
    passes,
    hold(how) {
      calls = how;
      for (const way of ways) if (way.readStatus === "readable") way.pause();
    },
    close: async () => node.stop(),
  };
}
