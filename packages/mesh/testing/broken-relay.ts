import { type GossipSub, gossipsub } from "@chainsafe/libp2p-gossipsub";
import { circuitRelayServer } from "@libp2p/circuit-relay-v2";
import { identify } from "@libp2p/identify";
import { noise } from "@libp2p/noise";
import { ping } from "@libp2p/ping";
import { webSockets } from "@libp2p/websockets";
import { yamux } from "@libp2p/yamux";
import { createLibp2p } from "libp2p";
import { TOPIC } from "./nodes.ts";

type Server = ReturnType<ReturnType<typeof circuitRelayServer>> & {
  handleConnect(hop: { stream: Hop }): Promise<void>;
};
interface Hop {
  unwrap(): { unwrap(): { send(bytes: Uint8Array): boolean } };
}

/** A relay that gives slots, answers pings, and passes on what it is told to. */
export interface BrokenRelay {
  readonly addrs: readonly string[];
  readonly id: string;
  /** `calls`: ways to peers: all, none though it says that it did, or none and it says nothing. `gossip`: whether it is passed on. */
  readonly passes: { calls: "all" | "none" | "nothing said"; gossip: boolean };
  close(): Promise<void>;
}

/** Passes everything on, to begin with. */
export async function brokenRelay(): Promise<BrokenRelay> {
  const passes: BrokenRelay["passes"] = { calls: "all", gossip: true };
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
        const handle = server.handleConnect.bind(server);
        server.handleConnect = async (hop) => {
          if (passes.calls === "all") return handle(hop);
          if (passes.calls === "none")
            hop.stream
              .unwrap()
              .unwrap()
              .send(Uint8Array.of(4, 0x08, 2, 0x28, 100)); // the status OK
          await new Promise(() => {});
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
    close: async () => node.stop(),
  };
}
