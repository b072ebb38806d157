/**
 * Gives WebRTC connections a new way when this machine's network has changed: an ICE restart, as RFC 8445 (9) has it. libp2p has
 * none, since its signalling ends when a connection stands; here offer and answer go through a relay once more. The data channels
 * stay, so that no request under way is lost.
 *
 * moved --> new offer --through a relay--> the peer answers for the same connection --> both try the new candidates
 */
import type { AbortOptions, Connection } from "@libp2p/interface";
import type { Multiaddr } from "@multiformats/multiaddr";
import {
  type Allowance,
  type Bucket,
  Bytes,
  type Clock,
  Millis,
  refill,
  toError,
} from "@tabcast/runtime";
import { deadline } from "./dialler.ts";
import { overStream } from "./duplex.ts";
import { MeshError } from "./error.ts";
import { leash } from "./leash.ts";
import type { PeerId, ServeOptions, Waits } from "./mesh.ts";
import { type Relays, relaysNamed } from "./routes.ts";
import { ask } from "./rpc.ts";
import { peerConnection } from "./rtc.ts";
import type { server } from "./serve.ts";
import { direct, type Node, peersOf } from "./supervise.ts";
import type { Turns } from "./turns.ts";

const RESTART = "/tabcast/1/restart";
/** An offer or answer with its candidates: 2 KB as a rule. */
const MAX_SDP = Bytes.of(16 * 1024);
/** Milliseconds that are waited for candidates; those that come later are left out. */
const GATHERING = 1_000;
/** Candidates that are taken from one offer or answer, since each is an address that this machine then sends packets to. */
export const MAX_CANDIDATES = 32;
/** Milliseconds for one restart. ICE itself notices after about 5 s that nothing comes. */
const LIMIT = Millis.of(8_000);
/** Milliseconds for the peer to answer, through whichever relay; then it is asked again, since a relay may be dead or an answer lost. */
const TRY = 3_000;
/** Milliseconds before it is asked again where all relays failed at once. */
const PAUSE = 500;
/** Milliseconds between two restarts of one connection that a peer may ask for: each gathers candidates anew. */
const ASKED_EVERY = 2_000;
/** How often a peer may ask for them on and on: six at once, and six a minute. */
const ASKED: Allowance = { burst: 6, perSecond: 0.1 };
/** Restarts of ours that are under way at once; and as many that others asked for. */
const AT_ONCE = 8;

export interface RestartOptions extends Waits {
  readonly node: Pick<Node, "peerId" | "getConnections" | "peerStore">;
  readonly direct: { dial(address: Multiaddr, options: AbortOptions): Promise<Connection> };
  readonly relays: Relays;
  readonly serve: ReturnType<typeof server>["serve"];
  readonly turns: Turns;
  readonly clock: Clock;
  /** The servers of now: TURN's credentials may have run out since the connection began. */
  configuration(): Promise<RTCConfiguration>;
  /** Whether a request is under way on the connection: such ones come first. */
  busy(connection: Connection): boolean;
}

const none = new Uint8Array(0);
const toUtf8 = (text: string) => new TextEncoder().encode(text);
const fromUtf8 = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** The line that names the other end's certificate: it tells a connection from another to the same peer, and cannot change. */
export const fingerprint = (sdp: string | undefined): string | undefined =>
  /^a=fingerprint:.+$/m
    .exec(sdp ?? "")?.[0]
    .trim()
    .toLowerCase();

/** Describes anew, and resolves when all new candidates are in the description, or enough time has passed. */
async function gathered(
  rtc: RTCPeerConnection,
  describe: () => Promise<void>,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<string> {
  const over = new AbortController();
  // Until the new gathering begins the state is that of the one before: complete.
  const complete = new Promise<void>((resolve) =>
    rtc.addEventListener(
      "icegatheringstatechange",
      () => {
        if (rtc.iceGatheringState === "complete") resolve();
      },
      { signal: over.signal },
    ),
  );
  try {
    await describe();
    const waits = { signal: AbortSignal.any([signal, over.signal]) };
    await Promise.race([complete, clock.sleep(GATHERING, waits)]);
  } finally {
    over.abort();
  }
  return rtc.localDescription?.sdp ?? "";
}

const linesOf = (sdp: string, kind: string) => sdp.match(new RegExp(`^a=${kind}:.+$`, "gm")) ?? [];

/**
 * The other end's description as it was agreed, with its new way: ICE's user name and password, the DTLS role and the first
 * MAX_CANDIDATES candidates are those of `told`. Nothing else of that is taken, so that nobody can add media or change a certificate.
 * Undefined if `told` names no way.
 */
export function withWay(agreed: string, told: string): string | undefined {
  const way = ["ice-ufrag", "ice-pwd", "setup"].map((kind) => linesOf(told, kind)[0]);
  if (way.includes(undefined)) return undefined;
  const kept = agreed
    .split(/\r?\n/)
    .filter((line) => line !== "" && !/^a=(ice-ufrag|ice-pwd|setup|candidate):/.test(line));
  const candidates = linesOf(told, "candidate").slice(0, MAX_CANDIDATES);
  return [...kept, ...way, ...candidates].map((line) => `${line}\r\n`).join("");
}

/** Before new candidates are gathered. */
async function prepare(rtc: RTCPeerConnection, { configuration }: RestartOptions): Promise<void> {
  rtc.setConfiguration({ ...rtc.getConfiguration(), ...(await configuration()) });
  // They would go to libp2p's signalling, which has ended.
  rtc.onicecandidate = null;
}

/** What a peer may ask for of one connection: undefined if it is not its turn yet. */
function turnOf(before: Bucket | undefined, now: number): Bucket | undefined {
  if (before !== undefined && now - before.at < ASKED_EVERY) return undefined;
  const { tokens } = refill(before, ASKED, now);
  return tokens < 1 ? undefined : { tokens: tokens - 1, at: now };
}

/** Answers peers that have moved. Refuses whoever has no connection here, asks too often, or names another certificate. */
function answerMoved(options: RestartOptions): void {
  const { node, serve, clock, signal } = options;
  const asked = new WeakMap<RTCPeerConnection, Bucket>();
  const own = node.peerId.toString();
  let answering = 0;
  const connectionsTo = (peer: PeerId) =>
    direct(node)
      .filter(({ remotePeer }) => remotePeer.toString() === peer)
      .flatMap((connection) => peerConnection(connection) ?? []);
  /** The connection that is meant, and how its other end is described from now on. Throws if there is none, or not now. */
  const meant = (peer: PeerId, told: string) => {
    const named = fingerprint(told);
    const rtc = connectionsTo(peer).find(
      ({ remoteDescription }) => fingerprint(remoteDescription?.sdp) === named,
    );
    const sdp = withWay(rtc?.remoteDescription?.sdp ?? "", told);
    if (rtc === undefined || named === undefined || sdp === undefined)
      throw new Error("no connection of ours is meant");
    const turn = turnOf(asked.get(rtc), clock.now());
    if (turn === undefined || answering >= AT_ONCE) throw new Error("too often");
    // Both have moved: the offer of the smaller id counts, and the other one is taken back by the browser.
    if (rtc.signalingState !== "stable" && own < peer) throw new Error("our own offer counts");
    asked.set(rtc, turn);
    return { rtc, sdp };
  };
  const how: ServeOptions = {
    maxBody: MAX_SDP,
    maxPerPeer: 1,
    timeout: LIMIT,
    // Whoever has no connection is a stranger, of whom no offer is read. The rest is MAX_SDP for each connection.
    admit(_, { peer }) {
      if (connectionsTo(peer).length === 0) throw new Error("no connection of ours is meant");
      return { rank: "crew" };
    },
  };
  serve(
    RESTART,
    async function* ({ body }, { peer, signal: gone }) {
      const { rtc, sdp } = meant(peer, fromUtf8(body));
      answering += 1;
      try {
        await prepare(rtc, options);
        await rtc.setRemoteDescription({ type: "offer", sdp });
        const answer = await gathered(rtc, () => rtc.setLocalDescription(), {
          clock,
          signal: gone,
        });
        yield { head: none, body: toUtf8(answer) };
      } finally {
        answering -= 1;
        if (rtc.signalingState === "have-remote-offer")
          await rtc.setRemoteDescription({ type: "rollback" }).catch(toError);
      }
    },
    { ...how, signal, limited: true },
  );
}

/** The relays through which the peer may be asked: those that it named; if it named none, those that this tab is connected to. */
async function relaysTo(
  { node, relays }: RestartOptions,
  { remotePeer, remoteAddr }: Connection,
): Promise<readonly PeerId[]> {
  const told = await node.peerStore.get(remotePeer).then(
    ({ addresses }) => addresses.map(({ multiaddr }) => multiaddr.toString()),
    () => [],
  );
  const named = relaysNamed(remotePeer.toString(), [remoteAddr.toString(), ...told], relays);
  return named.length > 0 ? named : peersOf(direct(node)).filter((peer) => relays.has(peer));
}

/** Asks the peer, through one relay, to go on with the connection in a new way. */
async function exchange(
  options: RestartOptions,
  { relay, peer, sdp, signal }: { relay: PeerId; peer: PeerId; sdp: string; signal: AbortSignal },
): Promise<string> {
  const [address] = options.relays.addresses(relay);
  if (address === undefined) throw new RangeError(`${relay} is no relay of the configuration`);
  const way = await options.direct.dial(address.encapsulate(`/p2p-circuit/p2p/${peer}`), {
    signal,
  });
  try {
    const stream = await way.newStream(RESTART, { signal, runOnLimitedConnection: true });
    const asking = { peer, protocol: RESTART, maxBody: MAX_SDP, turns: options.turns, signal };
    const message = { head: none, body: toUtf8(sdp) };
    for await (const { body } of ask(overStream(stream, way), message, asking))
      return fromUtf8(body);
    throw new MeshError({ code: "MESH_PEER_LOST", peer }, `${peer} gave no answer`);
  } finally {
    void way.close().catch(() => {});
  }
}

const offered = (rtc: RTCPeerConnection) => rtc.signalingState === "have-local-offer";

/** The peer's answer, through whichever relay brings it first. Throws if none does in TRY. */
async function raced(
  options: RestartOptions,
  { connection, sdp, signal }: Waits & { readonly connection: Connection; readonly sdp: string },
): Promise<string> {
  const limit = deadline(options.clock, TRY, signal);
  const over = new AbortController();
  const tied = leash(limit.signal, over.signal);
  const asking = { peer: connection.remotePeer.toString(), sdp, signal: tied.signal };
  try {
    const relays = await relaysTo(options, connection);
    return await Promise.any(relays.map((relay) => exchange(options, { relay, ...asking })));
  } finally {
    over.abort(new Error("another relay was faster"));
    tied.release();
    limit.release();
  }
}

async function restart(options: RestartOptions, connection: Connection): Promise<void> {
  const rtc = peerConnection(connection);
  if (rtc === undefined || rtc.signalingState !== "stable") return;
  const { clock } = options;
  const limit = deadline(clock, LIMIT, options.signal);
  const { signal } = limit;
  try {
    await prepare(rtc, options);
    const offer = await rtc.createOffer({ iceRestart: true });
    const sdp = await gathered(rtc, () => rtc.setLocalDescription(offer), { clock, signal });
    // The offer of a peer that has moved too may have taken its place.
    while (offered(rtc)) {
      const told = await raced(options, { connection, sdp, signal }).catch(toError);
      if (told instanceof Error) await clock.sleep(PAUSE, { signal });
      else if (offered(rtc)) {
        const answer = withWay(rtc.remoteDescription?.sdp ?? "", told);
        if (answer === undefined) throw new Error("the answer names no way");
        await rtc.setRemoteDescription({ type: "answer", sdp: answer });
      }
    }
  } catch {
    // The way that there was may still do; if it does not, ICE notices, and the peer is dialled again.
    if (offered(rtc)) await rtc.setLocalDescription({ type: "rollback" }).catch(() => {});
  } finally {
    limit.release();
  }
}

/** Answers peers that have moved, and tells ours when this tab has: `moved` resolves when all have been asked. */
export function keepWays(options: RestartOptions): { moved(): Promise<void> } {
  answerMoved(options);
  return {
    async moved() {
      const all = direct(options.node).filter((one) => peerConnection(one) !== undefined);
      const order = [...all.filter(options.busy), ...all.filter((one) => !options.busy(one))];
      const next = async (): Promise<void> => {
        const connection = order.shift();
        if (connection === undefined || options.signal.aborted) return;
        await restart(options, connection).catch(toError);
        return next();
      };
      await Promise.all(Array.from({ length: AT_ONCE }, next));
    },
  };
}
