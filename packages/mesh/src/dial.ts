/** Opening streams to peers: over the connection there is, or by dialling what is known of them. */
import type { Connection, Stream } from "@libp2p/interface";
import { peerIdFromString } from "@libp2p/peer-id";
import { type Multiaddr, multiaddr } from "@multiformats/multiaddr";
import { WebRTC } from "@multiformats/multiaddr-matcher";
import { type Clock, toError } from "@tabcast/runtime";
import { overStream } from "./duplex.ts";
import { MeshError } from "./error.ts";
import { leash } from "./leash.ts";
import type { Name, PeerId } from "./mesh.ts";
import type { TabNode } from "./node.ts";
import type { Duplex } from "./rpc.ts";
import { isSilent } from "./rtc.ts";
import { direct, idOf } from "./supervise.ts";

/** Milliseconds to open a stream on a connection that looks open: a dead one does so for up to 16 s. */
const OPEN_TIMEOUT = 10_000;

export interface DialOptions {
  readonly node: TabNode;
  readonly relays: readonly Multiaddr[];
  readonly clock: Clock;
  /** Every stream that is opened here is added. */
  readonly ours: WeakSet<Stream>;
}

export interface Wanted {
  readonly peer: PeerId;
  readonly protocol: Name;
  /** Multiaddrs to try besides those that are known. */
  readonly addrs: readonly string[];
  readonly signal: AbortSignal;
}

/** Reads a multiaddr; throws MESH_BAD_ADDRESS. */
export function parseAddress(address: string): Multiaddr {
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

/** All WebRTC addresses of a peer that can be tried: given, stored, or over a relay that we are connected to. */
async function addressesOf(
  { node, relays }: DialOptions,
  { peer, addrs }: Wanted,
): Promise<Multiaddr[]> {
  const stored = await node.peerStore
    .get(peerIdFromString(peer))
    .then(({ addresses }) => addresses.map((address) => address.multiaddr))
    .catch(() => []);
  const over = direct(node).flatMap((connection) =>
    relays
      .filter((relay) => idOf(relay) === connection.remotePeer.toString())
      .map((relay) => relay.encapsulate(`/p2p-circuit/webrtc/p2p/${peer}`)),
  );
  const all = new Map<string, Multiaddr>();
  for (const address of [...addrs.map(parseAddress), ...stored, ...over])
    if (idOf(address) === peer && WebRTC.matches(address)) all.set(address.toString(), address);
  return [...all.values()];
}

async function connect(options: DialOptions, wanted: Wanted): Promise<Connection> {
  const { peer, signal } = wanted;
  const { node } = options;
  const id = peerIdFromString(peer);
  const open = direct(node).find((connection) => connection.remotePeer.equals(id));
  if (open !== undefined) return open;
  const addresses = await addressesOf(options, wanted);
  try {
    if (addresses.length === 0) throw new Error("no address of it is known");
    // Dials to one peer are joined inside libp2p, and end when nobody waits any more.
    return await node.dial(addresses, { signal });
  } catch (cause) {
    signal.throwIfAborted();
    throw new MeshError(
      { code: "MESH_UNREACHABLE", peer, addresses: addresses.length },
      `${peer} could not be reached under ${addresses.length} addresses`,
      { cause: toError(cause) },
    );
  }
}

/** Opens a stream of a protocol. Throws MESH_UNREACHABLE, MESH_PEER_LOST or MESH_REFUSED, or the signal's reason. */
export async function openStream(options: DialOptions, wanted: Wanted): Promise<Duplex> {
  const { peer, protocol, signal } = wanted;
  const dialling = leash(signal);
  const connection = await connect(options, { ...wanted, signal: dialling.signal }).finally(
    dialling.release,
  );
  if (isSilent(connection))
    throw new MeshError(
      { code: "MESH_PEER_LOST", peer },
      `${peer} gives no sign of life at the moment`,
    );
  const timer = new AbortController();
  const slow = new AbortController();
  options.clock.sleep(OPEN_TIMEOUT, { signal: timer.signal }).then(
    () => slow.abort(new Error(`no stream after ${OPEN_TIMEOUT} ms`)),
    () => {},
  );
  const opening = leash(signal, slow.signal);
  try {
    const stream = await connection.newStream(protocol, {
      signal: opening.signal,
      maxOutboundStreams: 256,
    });
    options.ours.add(stream);
    return overStream(stream, connection);
  } catch (thrown) {
    signal.throwIfAborted();
    throw notOpened(toError(thrown), peer, protocol);
  } finally {
    timer.abort();
    opening.release();
  }
}

function notOpened(cause: Error, peer: PeerId, protocol: Name): MeshError {
  return cause.name === "UnsupportedProtocolError"
    ? new MeshError(
        { code: "MESH_REFUSED", peer, protocol },
        `${peer} does not answer ${protocol}`,
        { cause },
      )
    : new MeshError({ code: "MESH_PEER_LOST", peer }, `${peer} was lost before a request`, {
        cause,
      });
}
