/** The libp2p node of a page: which transports and services it has, and their limits. */
import { gossipsub, StrictSign } from "@chainsafe/libp2p-gossipsub";
import { generateKeyPair, generateKeyPairFromSeed } from "@libp2p/crypto/keys";
import { identify, identifyPush } from "@libp2p/identify";
import {
  type AbortOptions,
  type Connection,
  FaultTolerance,
  type MultiaddrConnection,
} from "@libp2p/interface";
import { noise } from "@libp2p/noise";
import { ping } from "@libp2p/ping";
import { webRTC, webRTCDirect } from "@libp2p/webrtc";
import { webSockets } from "@libp2p/websockets";
import { yamux } from "@libp2p/yamux";
import { CODE_P2P, type Multiaddr } from "@multiformats/multiaddr";
import { createLibp2p } from "libp2p";
import { DIALS } from "./dialler.ts";
import { type Arrival, openDoor } from "./door.ts";
import type { GossipGuard } from "./gossip.ts";
import { rtcConfiguration } from "./ice.ts";
import type { Libp2pOptions } from "./libp2p.ts";
import { metered } from "./meter.ts";
import { MAX_CONNECTIONS } from "./places.ts";
import { PING_EVERY, SLOTS, TAB_DEGREE } from "./rates.ts";
import type { Relays } from "./routes.ts";
import type { slotsAt } from "./slots.ts";

/** Newcomers whose handshakes may be under way at once, two for each: through the relay, and WebRTC. The oldest makes room. */
const MAX_ARRIVING = 128;

export interface NodeOptions extends Omit<Libp2pOptions, "relays"> {
  readonly relays: Relays;
  /** The circuit relay transport. */
  readonly circuit: ReturnType<typeof slotsAt>["transport"];
}

/** A node that is not started yet, whose gossip `guard` is still to watch. */
export async function createNode(
  { seed, relays, circuit, relaySlots = SLOTS, meter, ...ice }: NodeOptions,
  guard: GossipGuard,
) {
  const configuration = () => rtcConfiguration(ice);
  // Told now, and not by each connection that fails.
  await configuration();
  return createLibp2p({
    start: false,
    privateKey: await (seed === undefined
      ? generateKeyPair("Ed25519")
      : generateKeyPairFromSeed("Ed25519", seed)),
    ...(meter && { metrics: metered(meter) }),
    // Once per slot, without a relay's name: a named one would not be renewed after an outage.
    addresses: {
      listen: ["/webrtc", ...Array.from({ length: relaySlots }, () => "/p2p-circuit")],
    },
    transports: [
      webSockets(),
      webRTCDirect({ rtcConfiguration: configuration }),
      (components: WebRTCComponents) =>
        webRTC({
          rtcConfiguration: configuration,
          // 64 KiB messages; more than 128 KiB outstanding bursts into loss and stalls a fresh association for seconds.
          dataChannel: { maxMessageSize: 64 * 1024, maxBufferedAmount: 128 * 1024 },
        })(withOwnWay(components)),
      circuit,
    ],
    transportManager: { faultTolerance: FaultTolerance.NO_FATAL },
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    // The last line of defence: what libp2p, gossip or a relay make up is not dialled either.
    connectionGater: {
      denyDialMultiaddr: (address) => !relays.allows(address.toString()),
      ...openDoor({ most: MAX_ARRIVING, arrivalOf }),
    },
    connectionManager: {
      // More than we hold, so that a newcomer gets in; then others make room, see `keepPlaces`.
      maxConnections: 2 * MAX_CONNECTIONS,
      maxParallelDials: DIALS,
      // Per second and remote host, and the host of all who come through a relay is the relay; the defaults are 5 and 10.
      inboundConnectionThreshold: 1_000,
      // The door counts them: what libp2p does with one too many is to refuse it.
      maxIncomingPendingConnections: 4 * MAX_ARRIVING,
      // The defaults (10, 6, 10 s) are short for a tab that is busy encoding.
      dialTimeout: 30_000,
      addressDialTimeout: 15_000,
      inboundUpgradeTimeout: 20_000,
    },
    // One lost ping ends a connection, so it gets time.
    connectionMonitor: { pingInterval: PING_EVERY, pingTimeout: { minTimeout: 20_000 } },
    services: {
      direct: ({ transportManager }: TransportComponents) => ({
        dial: (address: Multiaddr, options: AbortOptions & { onProgress?: () => void }) =>
          transportManager.dial(address, options) as Promise<Connection>,
      }),
      // A way through a relay is for signalling: what identify says there is said again over the direct connection.
      identify: identify({ timeout: 15_000, runOnLimitedConnection: false }),
      identifyPush: identifyPush({ runOnLimitedConnection: false }),
      ping: ping(),
      pubsub: gossipsub({
        globalSignaturePolicy: StrictSign,
        allowPublishToZeroTopicPeers: true,
        ignoreDuplicatePublishError: true,
        fallbackToFloodsub: false,
        maxInboundDataLength: 256 * 1024,
        maxOutboundBufferSize: 2 * 1024 * 1024,
        Dhi: TAB_DEGREE,
        ...guard.options,
      }),
    },
  });
}

/** Who comes says its id; through which relay it comes it cannot make up. */
function arrivalOf({ remoteAddr }: MultiaddrConnection): Arrival {
  const ids = remoteAddr.getComponents().filter(({ code }) => code === CODE_P2P);
  const [by, from] = ids.length > 1 ? [ids.at(-2), ids.at(-1)] : [undefined, ids[0]];
  return { from: from?.value ?? "", by: by?.value ?? "" };
}

type WebRTCComponents = Parameters<ReturnType<typeof webRTC>>[0];
type TransportComponents = Pick<WebRTCComponents, "transportManager">;

/**
 * Has each dial meet its peer through the relay that it names, and not by whatever way another dial has opened before; and a way through
 * a relay lead to one `RTCPeerConnection`, of which Chromium has 500.
 */
function withOwnWay(components: WebRTCComponents): WebRTCComponents {
  const { registrar } = components;
  const handle: typeof registrar.handle = (protocol, handler, options) =>
    registrar.handle(protocol, handler, { ...options, maxInboundStreams: 1 });
  return Object.create(components, {
    connectionManager: { value: { getConnections: () => [] } },
    registrar: { value: Object.create(registrar, { handle: { value: handle } }) },
  });
}

export type TabNode = Awaited<ReturnType<typeof createNode>>;
