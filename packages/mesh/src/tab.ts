import {
  type GossipSub,
  type GossipSubEvents,
  gossipsub,
  StrictSign,
} from "@chainsafe/libp2p-gossipsub";
import { circuitRelayTransport } from "@libp2p/circuit-relay-v2";
import { generateKeyPairFromSeed } from "@libp2p/crypto/keys";
import { identify, identifyPush } from "@libp2p/identify";
import { type Connection, FaultTolerance, type Stream } from "@libp2p/interface";
import { noise } from "@libp2p/noise";
import { peerIdFromString } from "@libp2p/peer-id";
import { ping } from "@libp2p/ping";
import { pubsubPeerDiscovery } from "@libp2p/pubsub-peer-discovery";
import { webRTC, webRTCDirect } from "@libp2p/webrtc";
import { webSockets } from "@libp2p/websockets";
import { yamux } from "@libp2p/yamux";
import { type Multiaddr, multiaddr } from "@multiformats/multiaddr";
import { WebRTC } from "@multiformats/multiaddr-matcher";
import { secureRandom, systemClock, toError } from "@tabcast/runtime";
import { createLibp2p } from "libp2p";
import { overStream } from "./duplex.ts";
import { MeshError } from "./error.ts";
import { checkSize, MAX_GOSSIP, MAX_HEAD } from "./frame.ts";
import { leash } from "./leash.ts";
import type { Libp2pOptions } from "./libp2p.ts";
import { type Listeners, listeners, when } from "./listeners.ts";
import type { GossipMessage, Mesh, MeshEvent, Neighbour, PeerId } from "./mesh.ts";
import { publicKeyFromPeerId } from "./peer-id.ts";
import { answerer, ask, type Duplex } from "./rpc.ts";
import { isSilent, resetStreams, watchPeer } from "./rtc.ts";
import { direct, idOf, superviseGossip, superviseMesh, superviseRelays } from "./supervise.ts";

const DEFAULT_MAX_ANSWER = 32 * 1024 * 1024;
/** Milliseconds to open a stream on a connection that looks open: a dead one does so for up to 16 s. */
const OPEN_TIMEOUT = 10_000;
/** 500 `RTCPeerConnection`s are Chromium's ceiling; we hold far fewer. */
const MAX_CONNECTIONS = 64;

function parse(address: string): Multiaddr {
  try {
    return multiaddr(address);
  } catch (cause) {
    throw new MeshError(
      { code: "MESH_BAD_ADDRESS", address: address.slice(0, 200) },
      `not a multiaddr: ${address.slice(0, 200)}`,
      { cause },
    );
  }
}

async function createNode({
  seed,
  iceServers,
  local = false,
  relaySlots = 2,
  discoveryInterval = local ? 1_000 : 4_000,
  discoveryTopic = "/tabcast/1/discovery",
}: Libp2pOptions) {
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
        scoreParams: {
          // Peers met through a relay share its address: the default penalty silences a network of a dozen tabs.
          IPColocationFactorWeight: 0,
          behaviourPenaltyThreshold: 6,
          behaviourPenaltyWeight: -1,
          behaviourPenaltyDecay: 0.9,
        },
      }),
    },
  });
}

type TabNode = Awaited<ReturnType<typeof createNode>>;

function via(connection: Connection): Neighbour["via"] {
  const names = connection.remoteAddr.getComponents().map((part) => part.name);
  if (connection.limits != null) return "relayed";
  if (names.includes("webrtc") || names.includes("webrtc-direct")) return "webrtc";
  if (names.includes("ws") || names.includes("wss")) return "websocket";
  return "other";
}

/** The implementation behind `libp2p()`. */
export async function startTab(options: Libp2pOptions): Promise<Mesh> {
  const { degree = 8, relaySlots = 2, clock = systemClock, random = secureRandom } = options;
  const relays = options.relays.map(parse);
  for (const [i, relay] of relays.entries())
    if (idOf(relay) === "")
      throw new MeshError(
        { code: "MESH_BAD_ADDRESS", address: options.relays[i] ?? "" },
        `a relay address must end in /p2p/<relay id>: ${options.relays[i]}`,
      );
  options.signal?.throwIfAborted();
  const node = await createNode({
    ...options,
    relaySlots: Math.min(relaySlots, Math.max(1, relays.length)),
  });
  await node.start();
  const tab = openTab(node, relays, options);
  const supervise = { clock, random, signal: tab.signal };
  void superviseRelays(node, relays, Math.min(relaySlots, relays.length), supervise);
  void superviseMesh(node, degree, supervise);
  const pubsub: GossipSub = node.services.pubsub;
  const gossips = () => new Set(pubsub.getPeers().map(String));
  void superviseGossip(node, { gossips, busy: tab.busy }, supervise);
  const { signal } = options;
  if (signal !== undefined) {
    const onAbort = () => void tab.mesh.close();
    signal.addEventListener("abort", onAbort, { once: true });
    tab.signal.addEventListener("abort", () => signal.removeEventListener("abort", onAbort));
    if (signal.aborted) await tab.mesh.close();
    signal.throwIfAborted();
  }
  return tab.mesh;
}

function openTab(
  node: TabNode,
  relays: readonly Multiaddr[],
  { clock = systemClock }: Libp2pOptions,
): { mesh: Mesh; signal: AbortSignal; busy(connection: Connection): boolean } {
  const self = node.peerId.toString();
  const pubsub: GossipSub = node.services.pubsub;
  const own = new AbortController();
  const news = listeners<MeshEvent>();
  const topics = new Map<string, Listeners<GossipMessage>>();
  const served = new Set<string>();
  const connected = new Set<PeerId>();
  /** Streams of requests, to tell them from gossip's and identify's. */
  const ours = new WeakSet<Stream>();
  let lastAddrs = "";
  let closing: Promise<void> | undefined;

  const mustBeOpen = () => {
    if (own.signal.aborted) throw own.signal.reason;
  };

  const addrs = () =>
    own.signal.aborted
      ? []
      : node
          .getMultiaddrs()
          .filter((address) => WebRTC.matches(address) && idOf(address) === self)
          .map(String);
  // libp2p's own 'self:peer:update' is a second late; these come when a reservation is won or lost.
  const onAddrs = () => {
    const now = addrs();
    if (now.join() === lastAddrs) return;
    lastAddrs = now.join();
    news.tell({ type: "reachable", addrs: now });
  };
  const onOpen = ({ detail: connection }: CustomEvent<Connection>) => {
    watchPeer(connection, {
      clock,
      signal: own.signal,
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
    topics.get(detail.topic)?.tell({ from: detail.from.toString(), body: detail.data });
  };
  const events = ["transport:listening", "transport:close", "self:peer:update"] as const;
  for (const name of events) node.addEventListener(name, onAddrs);
  node.addEventListener("connection:open", onOpen);
  node.addEventListener("connection:close", onConnection);
  pubsub.addEventListener("message", onGossip);

  async function connect(
    peer: PeerId,
    given: readonly string[],
    signal: AbortSignal,
  ): Promise<Connection> {
    const id = peerIdFromString(peer);
    const open = direct(node).find((connection) => connection.remotePeer.equals(id));
    if (open !== undefined) return open;
    const stored = await node.peerStore
      .get(id)
      .then(({ addresses }) => addresses.map((address) => address.multiaddr))
      .catch(() => []);
    const mine = direct(node).flatMap((connection) =>
      relays
        .filter((relay) => idOf(relay) === connection.remotePeer.toString())
        .map((relay) => relay.encapsulate(`/p2p-circuit/webrtc/p2p/${peer}`)),
    );
    const all = new Map<string, Multiaddr>();
    for (const address of [...given.map(parse), ...stored, ...mine])
      if (idOf(address) === peer && WebRTC.matches(address)) all.set(address.toString(), address);
    try {
      if (all.size === 0) throw new Error("no address of it is known");
      // Dials to one peer are joined inside libp2p, and end when nobody waits any more.
      return await node.dial([...all.values()], { signal });
    } catch (cause) {
      signal.throwIfAborted();
      throw new MeshError(
        { code: "MESH_UNREACHABLE", peer, addresses: all.size },
        `${peer} could not be reached under ${all.size} addresses`,
        { cause: toError(cause) },
      );
    }
  }

  async function openStream(
    peer: PeerId,
    protocol: string,
    given: readonly string[],
    signal: AbortSignal,
  ): Promise<Duplex> {
    const dialling = leash(signal);
    const connection = await connect(peer, given, dialling.signal).finally(dialling.release);
    if (isSilent(connection))
      throw new MeshError(
        { code: "MESH_PEER_LOST", peer },
        `${peer} gives no sign of life at the moment`,
      );
    const timer = new AbortController();
    const slow = new AbortController();
    clock.sleep(OPEN_TIMEOUT, { signal: timer.signal }).then(
      () => slow.abort(new Error(`no stream after ${OPEN_TIMEOUT} ms`)),
      () => {},
    );
    const opening = leash(signal, slow.signal);
    try {
      const stream = await connection.newStream(protocol, {
        signal: opening.signal,
        maxOutboundStreams: 256,
      });
      ours.add(stream);
      return overStream(stream, connection);
    } catch (thrown) {
      signal.throwIfAborted();
      const cause = toError(thrown);
      if (cause.name === "UnsupportedProtocolError")
        throw new MeshError(
          { code: "MESH_REFUSED", peer, protocol },
          `${peer} does not answer ${protocol}`,
          { cause },
        );
      throw new MeshError({ code: "MESH_PEER_LOST", peer }, `${peer} was lost before a request`, {
        cause,
      });
    } finally {
      timer.abort();
      opening.release();
    }
  }

  const mesh: Mesh = {
    self,
    addrs,
    reachable: ({ signal }) =>
      when(news, () => addrs().length > 0, AbortSignal.any([signal, own.signal])),
    neighbours() {
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
    },
    subscribers: (topic) => (own.signal.aborted ? [] : pubsub.getSubscribers(topic).map(String)),
    async publish(topic, body) {
      mustBeOpen();
      checkSize("gossip", body.byteLength, MAX_GOSSIP);
      await pubsub.publish(topic, body);
    },
    subscribe(topic, on, { signal }) {
      mustBeOpen();
      if (signal.aborted) return;
      const all = topics.get(topic) ?? listeners<GossipMessage>();
      if (!topics.has(topic)) {
        topics.set(topic, all);
        pubsub.subscribe(topic);
      }
      all.add(on, AbortSignal.any([signal, own.signal]), () => {
        if (all.size > 0) return;
        topics.delete(topic);
        if (!own.signal.aborted) pubsub.unsubscribe(topic);
      });
    },
    async *request(
      peer,
      protocol,
      message,
      { signal, maxBody = DEFAULT_MAX_ANSWER, addrs = [], following, heard },
    ) {
      mustBeOpen();
      publicKeyFromPeerId(peer);
      checkSize("head", message.head.byteLength, MAX_HEAD);
      const any = AbortSignal.any([signal, own.signal]);
      any.throwIfAborted();
      const duplex = await openStream(peer, protocol, addrs, any);
      yield* ask(duplex, message, { peer, protocol, maxBody, following, heard, signal: any });
    },
    serve(protocol, handler, options) {
      mustBeOpen();
      if (served.has(protocol))
        throw new MeshError(
          { code: "MESH_PROTOCOL_TAKEN", protocol },
          `${protocol} is answered already`,
        );
      const signal = AbortSignal.any([options.signal, own.signal]);
      if (signal.aborted) return;
      served.add(protocol);
      const accept = answerer(handler, { ...options, signal, clock });
      node
        .handle(
          protocol,
          (stream, connection) => {
            ours.add(stream);
            accept(connection.remotePeer.toString(), overStream(stream, connection));
          },
          // The answerer counts; libp2p's own count, per connection, includes streams that are only closing.
          { maxInboundStreams: 128, maxOutboundStreams: 256 },
        )
        .catch(() => {});
      signal.addEventListener(
        "abort",
        () => {
          served.delete(protocol);
          if (!own.signal.aborted) node.unhandle(protocol).catch(() => {});
        },
        { once: true },
      );
    },
    async keep(peer, wanted) {
      mustBeOpen();
      publicKeyFromPeerId(peer);
      await node.peerStore.merge(peerIdFromString(peer), {
        tags: { job: wanted ? { value: 100 } : undefined },
      });
    },
    watch: (on, { signal }) => news.add(on, AbortSignal.any([signal, own.signal])),
    close() {
      closing ??= shut();
      return closing;
    },
  };

  async function shut(): Promise<void> {
    // All before the first await: in `pagehide` nothing after it may run.
    own.abort(new MeshError({ code: "MESH_CLOSED" }, "the mesh is closed"));
    for (const name of events) node.removeEventListener(name, onAddrs);
    node.removeEventListener("connection:open", onOpen);
    node.removeEventListener("connection:close", onConnection);
    pubsub.removeEventListener("message", onGossip);
    for (const connection of node.getConnections()) connection.abort(own.signal.reason);
    await node.stop();
  }

  return {
    mesh,
    signal: own.signal,
    busy: (connection) => connection.streams.some((stream) => ours.has(stream)),
  };
}
