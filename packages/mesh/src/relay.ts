import { randomBytes } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import {
  type GossipSub,
  type GossipSubEvents,
  gossipsub,
  type SignedMessage,
  StrictSign,
} from "@chainsafe/libp2p-gossipsub";
import { circuitRelayServer } from "@libp2p/circuit-relay-v2";
import { generateKeyPairFromSeed } from "@libp2p/crypto/keys";
import { identify, identifyPush } from "@libp2p/identify";
import type { Connection, ConnectionGater, Libp2p, MultiaddrConnection } from "@libp2p/interface";
import { noise } from "@libp2p/noise";
import { ping } from "@libp2p/ping";
import { webSockets } from "@libp2p/websockets";
import { yamux } from "@libp2p/yamux";
import { multiaddr } from "@multiformats/multiaddr";
import { type Clock, type Random, secureRandom, systemClock } from "@tabcast/runtime";
import { createLibp2p } from "libp2p";
import { answerPeers } from "./discovery/asking.ts";
import { relayNetwork } from "./discovery/relay-network.ts";
import type { PeersWire } from "./discovery/types.ts";
import { type Arrival, openDoor } from "./door.ts";
import { MeshError } from "./error.ts";
import { type GossipGuard, guardGossip } from "./gossip.ts";
import { crowdOf } from "./hosts.ts";
import type { GossipMessage, GossipRules, Mesh, Name, PeerId, Waits } from "./mesh.ts";
import { type Meter, metered } from "./meter.ts";
import { PING_EVERY, RELAY_DEGREE } from "./rates.ts";
import { relayPlaces } from "./relay-places.ts";
import { type RelaySlots, relaySlots } from "./relay-slots.ts";
import { idOf } from "./routes.ts";
import { server } from "./serve.ts";
import { mendReset } from "./sockets.ts";
import { direct, superviseRelays } from "./supervise.ts";
import { openTurns } from "./turns.ts";

type ServerComponents = Parameters<ReturnType<typeof circuitRelayServer>>[0];

/** Connections, and slots, of one relay. */
const MAX_TABS = 5_000;
/** Handshakes that may be under way; the oldest of the address that has most of them makes room. */
const MAX_ARRIVING = 500;
/** Connections of one address for each slot that it may have: who has no slot here comes by to reach others. */
const PER_SLOT = 2;
/** Milliseconds between two looks for slots whose time is over. */
const SWEEP_EVERY = 60_000;

export interface RelayOptions {
  /** Where the relay's key lies, so that it keeps its id; made if missing. */
  readonly directory: string;
  /** Such as "/ip4/127.0.0.1/tcp/9001/ws"; port 0 takes a free one. */
  readonly listen: readonly string[];
  /** What to advertise instead, such as "/dns4/relay.example.org/tcp/443/tls/ws" behind a TLS proxy. */
  readonly announce?: readonly string[];
  /** Gossip topics it forwards; no others. */
  readonly topics: readonly Name[];
  /** Other relays of the network, each ending in /p2p/<relay id>; it stays connected to all. */
  readonly peers?: readonly string[];
  /** What may pass on which topic. Default: everything up to 64 KiB. */
  readonly rules?: GossipRules;
  /** How it is asked for peers, and asks the other relays. Default: nobody asks. */
  readonly wire?: PeersWire;
  /**
   * Most slots of one IPv4 address or IPv6 /64, and half of its connections. Default 64. Loopback and private addresses are exempt: behind a proxy on
   * such an address all clients seem to be there, so the proxy must limit them itself.
   */
  readonly slotsPerAddress?: number;
  /** Told of the bytes that its streams carry. Default: nobody counts. */
  readonly meter?: Meter;
  readonly clock?: Clock;
  readonly random?: Random;
}

export interface RelayStats {
  /** Peers connected now: tabs and other relays. */
  readonly peers: number;
  /** Slots held by tabs that can be reached through this relay. */
  readonly reservations: number;
  /** Peers of each topic. */
  readonly subscribers: Readonly<Record<Name, number>>;
}

/** A gossip message, and where it comes from: what one address brings is of one voice. */
export interface RelayMessage extends GossipMessage {
  readonly group: string;
}

export interface Relay extends Pick<Mesh, "serve"> {
  readonly id: PeerId;
  /** Multiaddrs for tabs, each ending in /p2p/<id>. */
  readonly addrs: readonly string[];
  stats(): RelayStats;
  /** Whose voice a peer's is: that of its address, unless any number of peers may be there. */
  groupOf(peer: PeerId): string;
  /** Calls `on` for each message that passes on the topic, one of its own, until `signal` fires. */
  hear(topic: Name, on: (message: RelayMessage) => void, options: Waits): void;
  /** May be called twice. */
  close(): Promise<void>;
}

/** The relay's Ed25519 seed, 32 bytes, made on the first start. Throws MESH_BAD_KEY. */
async function loadSeed(directory: string): Promise<Uint8Array> {
  const file = join(directory, "relay.key");
  const fail = (why: string, cause?: unknown): never => {
    throw new MeshError({ code: "MESH_BAD_KEY", file }, `the relay's key ${file} ${why}`, {
      cause,
    });
  };
  const held = await readFile(file).catch((thrown: NodeJS.ErrnoException) =>
    thrown.code === "ENOENT" ? undefined : fail("cannot be read", thrown),
  );
  if (held !== undefined)
    return held.byteLength === 32
      ? new Uint8Array(held)
      : fail(`has ${held.byteLength} bytes, expected 32`);
  const seed = randomBytes(32);
  try {
    await mkdir(directory, { recursive: true });
    // Written aside and moved: a crash in between leaves no half key.
    await writeFile(`${file}.new`, seed, { mode: 0o600 });
    await rename(`${file}.new`, file);
  } catch (thrown) {
    fail("cannot be written", thrown);
  }
  return new Uint8Array(seed);
}

/** Throws MESH_BAD_ADDRESS. */
function checkAddress(address: string): void {
  try {
    multiaddr(address);
  } catch (cause) {
    throw new MeshError({ code: "MESH_BAD_ADDRESS", address }, `not a multiaddr: ${address}`, {
      cause,
    });
  }
}

/** Throws MESH_PORT_IN_USE if somebody else listens there. libp2p would say only that it cannot listen. */
async function checkPort(address: string): Promise<void> {
  const parts = multiaddr(address).getComponents();
  const host = parts.find(({ name }) => name === "ip4" || name === "ip6")?.value;
  const port = Number(parts.find(({ name }) => name === "tcp")?.value ?? 0);
  if (host === undefined || port === 0) return;
  await new Promise<void>((resolve, reject) => {
    const probe = createServer();
    probe.once("error", (cause: NodeJS.ErrnoException) =>
      reject(
        cause.code === "EADDRINUSE"
          ? new MeshError(
              { code: "MESH_PORT_IN_USE", host, port },
              `port ${port} on ${host} is in use by another process`,
              { cause },
            )
          : cause,
      ),
    );
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve()));
  });
}

/**
 * Introduces tabs to each other and forwards gossip, never media. Throws MESH_PORT_IN_USE, MESH_BAD_KEY, MESH_BAD_ADDRESS.
 */
export async function createRelay({
  directory,
  listen,
  announce = [],
  topics,
  peers = [],
  rules = new Map(),
  wire,
  slotsPerAddress = 64,
  meter,
  clock = systemClock,
  random = secureRandom,
}: RelayOptions): Promise<Relay> {
  for (const address of [...listen, ...announce, ...peers]) checkAddress(address);
  const seed = await loadSeed(directory);
  for (const address of listen) await checkPort(address);
  const others = peers.map((peer) => multiaddr(peer));
  const guard = guardGossip({ rules, trusted: new Set(others.map(idOf)), clock, random });
  const slots = relaySlots({
    max: MAX_TABS,
    maxPerNetwork: slotsPerAddress,
    now: () => clock.unix(),
  });
  const mostBy = (network: string) =>
    network === PRIVATE ? undefined : PER_SLOT * slotsPerAddress;
  // The door is a part of the node whose connections it ends.
  const makeRoom = (network: string) => places.makeRoom(network);
  const door = openDoor({ most: MAX_ARRIVING, arrivalOf, mostBy, makeRoom });
  const node = await relayNode({ seed, listen, announce, topics, slots, guard, door, meter });
  const otherRelays = new Set(others.map(idOf));
  const places = relayPlaces({
    node,
    crowdOf: (connection) => arrivalOf(connection).by,
    isFirm: (peer) => slots.reservations.has(peer) || otherRelays.has(peer),
    clock,
  });
  const pubsub: GossipSub = node.services.pubsub;
  guard.watch(pubsub);
  await node.start();
  for (const topic of topics) pubsub.subscribe(topic);
  const own = new AbortController();
  node.addEventListener("connection:open", ({ detail }) => {
    mendReset(detail);
    leaveOlder(node, detail);
  });
  node.addEventListener("peer:disconnect", ({ detail }) => slots.removeReservation(detail));
  void sweepSlots(slots, clock, own.signal);
  void superviseRelays(node, others, { clock, random, signal: own.signal });
  const turns = openTurns({ clock });
  const { serve } = server(node, {
    clock,
    opened: (_, connection) => places.asked(connection),
    turns,
    signal: own.signal,
  });
  const network = relayNetwork({
    node,
    others: otherRelays,
    topics,
    slots,
    wire,
    turns,
    clock,
    signal: own.signal,
  });
  if (wire !== undefined)
    answerPeers(serve, wire, {
      sample: (asker) => network.sample(asker, random),
      clock,
      signal: own.signal,
    });
  let closing: Promise<void> | undefined;
  return {
    id: node.peerId.toString(),
    serve,
    hear: (topic, on, { signal }) =>
      hearGossip(pubsub, AbortSignal.any([signal, own.signal]), (message, from) => {
        if (message.topic !== topic) return;
        const author = message.from.toString();
        on({ from: author, body: message.data, group: network.groupOf(from, author) });
      }),
    addrs: node.getMultiaddrs().map(String),
    groupOf: (peer) => network.groupOf(peer, peer),
    stats: () => ({
      peers: new Set(direct(node).map((connection) => connection.remotePeer.toString())).size,
      reservations: slots.reservations.size,
      subscribers: Object.fromEntries(
        topics.map((topic) => [topic, pubsub.getSubscribers(topic).length]),
      ),
    }),
    close() {
      own.abort();
      closing ??= Promise.resolve(node.stop());
      return closing;
    },
  };
}

/** What those on private addresses come by: one proxy may hide any number of them. */
const PRIVATE = "private";

/** At a relay nothing but an address is known of who comes. */
function arrivalOf({ remoteAddr }: Pick<MultiaddrConnection, "remoteAddr">): Arrival {
  const network = crowdOf(remoteAddr);
  return { from: network ?? remoteAddr.toString(), by: network ?? PRIVATE };
}

/** The libp2p node of a relay, which is not started yet. */
async function relayNode({
  seed,
  listen,
  announce,
  topics,
  slots,
  guard,
  door,
  meter,
}: Required<Pick<RelayOptions, "listen" | "announce" | "topics">> & {
  readonly seed: Uint8Array;
  readonly slots: RelaySlots;
  readonly guard: GossipGuard;
  readonly door: ConnectionGater;
  readonly meter: Meter | undefined;
}) {
  return createLibp2p({
    start: false,
    privateKey: await generateKeyPairFromSeed("Ed25519", seed),
    ...(meter && { metrics: metered(meter) }),
    addresses: { listen: [...listen], announce: [...announce] },
    transports: [webSockets()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionGater: door,
    connectionManager: {
      maxConnections: MAX_TABS,
      inboundUpgradeTimeout: 20_000,
      // Per second and remote host, and a proxy is one host; the defaults (5, 10) refuse a handful of local tabs.
      inboundConnectionThreshold: 1_000,
      maxIncomingPendingConnections: 2 * MAX_ARRIVING,
    },
    connectionMonitor: { pingInterval: PING_EVERY, pingTimeout: { minTimeout: 30_000 } },
    services: {
      identify: identify(),
      identifyPush: identifyPush(),
      ping: ping(),
      relay: (components: ServerComponents) => {
        const server = circuitRelayServer({ maxInboundHopStreams: 64 })(components);
        // Its own book keeps a slot for 15 minutes after its tab has gone, ends one that was renewed twice too early, and
        // knows no addresses. Not in libp2p's interface: looked up with care, versions are pinned.
        (server as { reservationStore?: RelaySlots }).reservationStore = slots;
        return server;
      },
      pubsub: gossipsub({
        globalSignaturePolicy: StrictSign,
        allowPublishToZeroTopicPeers: true,
        fallbackToFloodsub: false,
        maxInboundDataLength: 256 * 1024,
        allowedTopics: [...topics],
        // A relay is the stable backbone of its tabs' gossip.
        D: 12,
        Dlo: 8,
        Dhi: RELAY_DEGREE,
        Dout: 4,
        Dlazy: 12,
        ...guard.options,
      }),
    },
  });
}

/** Calls `on` with what passes, and the neighbour that brought it, until the signal fires. */
function hearGossip(
  pubsub: GossipSub,
  signal: AbortSignal,
  on: (message: SignedMessage, from: PeerId) => void,
): void {
  const onMessage = ({ detail }: GossipSubEvents["gossipsub:message"]) => {
    if (detail.msg.type === "signed") on(detail.msg, detail.propagationSource.toString());
  };
  pubsub.addEventListener("gossipsub:message", onMessage);
  signal.addEventListener(
    "abort",
    () => pubsub.removeEventListener("gossipsub:message", onMessage),
    { once: true },
  );
}

async function sweepSlots(slots: RelaySlots, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(SWEEP_EVERY, { signal }).catch(() => {});
    slots.sweep();
  }
}

/**
 * A tab whose network has changed comes again, and its socket of before is dead: what is for it must not go there. Two relays that
 * dial each other hold one connection of each direction, and keep both.
 */
function leaveOlder(node: Pick<Libp2p, "getConnections">, newest: Connection): void {
  if (newest.direction !== "inbound" || newest.limits != null) return;
  for (const one of node.getConnections(newest.remotePeer))
    if (one !== newest && one.direction === "inbound" && one.limits == null)
      one.abort(new Error("its peer has come again"));
}
