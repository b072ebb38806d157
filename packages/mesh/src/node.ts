/** The libp2p node of a page: which transports and services it has, and their limits. */
import { gossipsub, StrictSign } from "@chainsafe/libp2p-gossipsub";
import { circuitRelayTransport } from "@libp2p/circuit-relay-v2";
import { generateKeyPairFromSeed } from "@libp2p/crypto/keys";
import { identify, identifyPush } from "@libp2p/identify";
import { FaultTolerance } from "@libp2p/interface";
import { noise } from "@libp2p/noise";
import { ping } from "@libp2p/ping";
import { pubsubPeerDiscovery } from "@libp2p/pubsub-peer-discovery";
import { webRTC, webRTCDirect } from "@libp2p/webrtc";
import { webSockets } from "@libp2p/websockets";
import { yamux } from "@libp2p/yamux";
import { createLibp2p } from "libp2p";
import type { GossipGuard } from "./gossip.ts";
import type { Libp2pOptions } from "./libp2p.ts";

/** 500 `RTCPeerConnection`s are Chromium's ceiling; we hold far fewer. */
const MAX_CONNECTIONS = 64;

/** A node that is not started yet, whose gossip `guard` is still to watch. */
export async function createNode(
  {
    seed,
    iceServers,
    local = false,
    relaySlots = 2,
    discoveryInterval = local ? 1_000 : 4_000,
    discoveryTopic = "/tabcast/1/discovery",
  }: Libp2pOptions,
  guard: GossipGuard,
) {
  const rtcConfiguration = { iceServers: [...iceServers] };
  return createLibp2p({
    start: false,
    privateKey: await generateKeyPairFromSeed("Ed25519", seed),
    // Once per slot, without a relay's name: a named one would not be renewed after an outage.
    addresses: {
      listen: ["/webrtc", ...Array.from({ length: relaySlots }, () => "/p2p-circuit")],
    },
    transports: [
      webSockets(),
      webRTCDirect({ rtcConfiguration }),
      webRTC({
        rtcConfiguration,
        // 64 KiB messages; more than 128 KiB outstanding bursts into loss and stalls a fresh association for seconds.
        dataChannel: { maxMessageSize: 64 * 1024, maxBufferedAmount: 128 * 1024 },
      }),
      circuitRelayTransport({ reservationCompletionTimeout: 15_000 }),
    ],
    transportManager: { faultTolerance: FaultTolerance.NO_FATAL },
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionGater: local ? { denyDialMultiaddr: () => false } : {},
    connectionManager: {
      maxConnections: MAX_CONNECTIONS,
      maxParallelDials: 8,
      // The defaults (10, 6, 10 s) are short for a tab that is busy encoding.
      dialTimeout: 30_000,
      addressDialTimeout: 15_000,
      inboundUpgradeTimeout: 20_000,
    },
    // One lost ping ends a connection, so it gets time.
    connectionMonitor: { pingInterval: 30_000, pingTimeout: { minTimeout: 20_000 } },
    peerDiscovery: [pubsubPeerDiscovery({ topics: [discoveryTopic], interval: discoveryInterval })],
    services: {
      identify: identify({ timeout: 15_000 }),
      identifyPush: identifyPush(),
      ping: ping(),
      pubsub: gossipsub({
        globalSignaturePolicy: StrictSign,
        allowPublishToZeroTopicPeers: true,
        ignoreDuplicatePublishError: true,
        fallbackToFloodsub: false,
        maxInboundDataLength: 256 * 1024,
        maxOutboundBufferSize: 2 * 1024 * 1024,
        ...guard.options,
      }),
    },
  });
}

export type TabNode = Awaited<ReturnType<typeof createNode>>;
