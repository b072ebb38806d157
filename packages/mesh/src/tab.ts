import type { GossipSub } from "@chainsafe/libp2p-gossipsub";
import type { Connection, Stream } from "@libp2p/interface";
import { peerIdFromString } from "@libp2p/peer-id";
import type { Multiaddr } from "@multiformats/multiaddr";
import { secureRandom, systemClock } from "@tabcast/runtime";
import { openBudget } from "./budget.ts";
import { openStream, parseAddress } from "./dial.ts";
import { overStream } from "./duplex.ts";
import { MeshError } from "./error.ts";
import { checkSize, MAX_GOSSIP, MAX_HEAD } from "./frame.ts";
import type { Libp2pOptions } from "./libp2p.ts";
import { listeners, when } from "./listeners.ts";
import type {
  Handler,
  Mesh,
  MeshEvent,
  Message,
  Name,
  PeerId,
  RequestOptions,
  ServeOptions,
  Waits,
} from "./mesh.ts";
import { addressesOf, hear, neighboursOf } from "./news.ts";
import { createNode, type TabNode } from "./node.ts";
import { publicKeyFromPeerId } from "./peer-id.ts";
import { answerer, ask, type Serving } from "./rpc.ts";
import { idOf, superviseGossip, superviseMesh, superviseRelays } from "./supervise.ts";
import { openTopics } from "./topics.ts";
import { openTurns } from "./turns.ts";

const DEFAULT_MAX_ANSWER = 32 * 1024 * 1024;

/** The implementation behind `libp2p()`. */
export async function startTab(options: Libp2pOptions): Promise<Mesh> {
  const { degree = 8, relaySlots = 2, clock = systemClock, random = secureRandom } = options;
  const relays = options.relays.map(parseAddress);
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
  const pubsub: GossipSub = node.services.pubsub;
  const own = new AbortController();
  const news = listeners<MeshEvent>();
  const topics = openTopics();
  const ours = new WeakSet<Stream>();
  const deaf = hear({ node, clock, news, topics, ours, signal: own.signal });
  const turns = openTurns({ clock });
  const { serve } = server(node, { clock, ours, turns, signal: own.signal });
  const dialling = { node, relays, clock, ours };
  let closing: Promise<void> | undefined;

  const mustBeOpen = () => own.signal.throwIfAborted();
  const addrs = () => (own.signal.aborted ? [] : addressesOf(node));

  async function* request(
    peer: PeerId,
    protocol: Name,
    message: Message,
    options: RequestOptions,
  ): AsyncGenerator<Message> {
    const { maxBody = DEFAULT_MAX_ANSWER, addrs = [], following, rank, heard } = options;
    mustBeOpen();
    publicKeyFromPeerId(peer);
    checkSize("head", message.head.byteLength, MAX_HEAD);
    const signal = AbortSignal.any([options.signal, own.signal]);
    signal.throwIfAborted();
    const duplex = await openStream(dialling, { peer, protocol, addrs, signal });
    const sending = { following, rank, turns };
    yield* ask(duplex, message, { peer, protocol, maxBody, ...sending, heard, signal });
  }

  async function shut(): Promise<void> {
    // All before the first await: in `pagehide` nothing after it may run.
    own.abort(new MeshError({ code: "MESH_CLOSED" }, "the mesh is closed"));
    deaf();
    for (const connection of node.getConnections()) connection.abort(own.signal.reason);
    await node.stop();
  }

  const mesh: Mesh = {
    self: node.peerId.toString(),
    addrs,
    reachable: ({ signal }) =>
      when(news, () => addrs().length > 0, AbortSignal.any([signal, own.signal])),
    neighbours: () => neighboursOf(node),
    subscribers: (topic) => (own.signal.aborted ? [] : pubsub.getSubscribers(topic).map(String)),
    async publish(topic, body) {
      mustBeOpen();
      checkSize("gossip", body.byteLength, MAX_GOSSIP);
      await pubsub.publish(topic, body);
    },
    subscribe(topic, on, { signal }) {
      mustBeOpen();
      topics.listen(topic, on, AbortSignal.any([signal, own.signal]), {
        first: () => pubsub.subscribe(topic),
        last: () => {
          if (!own.signal.aborted) pubsub.unsubscribe(topic);
        },
      });
    },
    request,
    serve(protocol, handler, options) {
      mustBeOpen();
      serve(protocol, handler, options);
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
  return {
    mesh,
    signal: own.signal,
    busy: (connection) => connection.streams.some((stream) => ours.has(stream)),
  };
}

/** Answers requests, one handler a protocol. */
function server(
  node: TabNode,
  tab: Waits & Pick<Parameters<typeof hear>[0], "clock" | "ours"> & Pick<Serving, "turns">,
): { serve(protocol: Name, handler: Handler, options: ServeOptions & Waits): void } {
  const served = new Set<Name>();
  const serving = { clock: tab.clock, budget: openBudget(), turns: tab.turns };
  return {
    serve(protocol, handler, options) {
      if (served.has(protocol))
        throw new MeshError(
          { code: "MESH_PROTOCOL_TAKEN", protocol },
          `${protocol} is answered already`,
        );
      const signal = AbortSignal.any([options.signal, tab.signal]);
      if (signal.aborted) return;
      served.add(protocol);
      const accept = answerer(handler, { ...options, ...serving, signal });
      node
        .handle(
          protocol,
          (stream, connection) => {
            tab.ours.add(stream);
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
          if (!tab.signal.aborted) node.unhandle(protocol).catch(() => {});
        },
        { once: true },
      );
    },
  };
}
