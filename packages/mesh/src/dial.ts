/** Opening streams to peers: over the connection there is, or by dialling what is known of them. */
import type { Connection, Stream } from "@libp2p/interface";
import { peerIdFromString } from "@libp2p/peer-id";
import { type Clock, toError } from "@tabcast/runtime";
import { type Dialler, NoRouteError } from "./dialler.ts";
import { overStream } from "./duplex.ts";
import { MeshError } from "./error.ts";
import { leash } from "./leash.ts";
import type { Name, PeerId } from "./mesh.ts";
import type { TabNode } from "./node.ts";
import type { Duplex } from "./rpc.ts";
import { isSilent } from "./rtc.ts";
import { direct } from "./supervise.ts";

/** Milliseconds to open a stream on a connection that looks open: a dead one does so for up to 16 s. */
const OPEN_TIMEOUT = 10_000;

export interface DialOptions {
  readonly node: TabNode;
  readonly dialler: Dialler;
  readonly clock: Clock;
  /** Called with every stream that is opened here. */
  opened(stream: Stream, connection: Connection): void;
}

export interface Wanted {
  readonly peer: PeerId;
  readonly protocol: Name;
  /** Addresses that somebody gave for the peer: those that name no relay of the configuration are skipped. */
  readonly addrs: readonly string[];
  readonly signal: AbortSignal;
}

async function connect({ node, dialler }: DialOptions, wanted: Wanted): Promise<Connection> {
  const { peer, addrs, signal } = wanted;
  const id = peerIdFromString(peer);
  const open = () => direct(node).find((connection) => connection.remotePeer.equals(id));
  const already = open();
  if (already !== undefined) return already;
  try {
    return await dialler.dial(peer, { given: addrs, signal });
  } catch (cause) {
    signal.throwIfAborted();
    // It may have dialled us in the meantime.
    const come = open();
    if (come !== undefined) return come;
    throw new MeshError(
      { code: "MESH_UNREACHABLE", peer, addresses: addrs.length },
      cause instanceof NoRouteError
        ? `${peer} named no relay of the configuration, and we are connected to none`
        : `${peer} could not be reached through the relays that lead to it`,
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
    options.opened(stream, connection);
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
