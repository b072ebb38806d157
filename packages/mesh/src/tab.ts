import type { GossipSub } from "@chainsafe/libp2p-gossipsub";
import type { Connection, Stream } from "@libp2p/interface";
import { peerIdFromString } from "@libp2p/peer-id";
import { type Clock, type Random, secureRandom, systemClock } from "@tabcast/runtime";
import { openStream } from "./dial.ts";
import { createDialler } from "./dialler.ts";
import { relaysOf, tabNetwork } from "./discovery/tab-network.ts";
import { MeshError } from "./error.ts";
import { checkSize, MAX_HEAD } from "./frame.ts";
import { guardGossip, largestOn } from "./gossip.ts";
import { rtcConfiguration } from "./ice.ts";
import type { Libp2pOptions } from "./libp2p.ts";
import { listeners, when } from "./listeners.ts";
import type {
  GossipRules,
  Mesh,
  MeshEvent,
  Message,
  Name,
  PeerId,
  RequestOptions,
  Waits,
} from "./mesh.ts";
import { addressesOf, hear, neighboursOf } from "./news.ts";
import { createNode, type TabNode } from "./node.ts";
import { pageNetwork } from "./page-network.ts";
import { publicKeyFromPeerId } from "./peer-id.ts";
import { keepPlaces } from "./places.ts";
import { watchQuiet } from "./quiet.ts";
import { DEGREE, SLOTS } from "./rates.ts";
import { superviseSlots } from "./relays.ts";
import { keepWays } from "./restart.ts";
import { configuredRelays, type Relays } from "./routes.ts";
import { ask } from "./rpc.ts";
import { server } from "./serve.ts";
import { type Slots, slotsAt } from "./slots.ts";
import { superviseGossip } from "./supervise.ts";
import { openTopics, type Topics } from "./topics.ts";
import { openTurns, type Turns } from "./turns.ts";

const DEFAULT_MAX_ANSWER = 32 * 1024 * 1024;

/** The implementation behind `libp2p()`. */
export async function startTab(options: Libp2pOptions): Promise<Mesh> {
  const { relaySlots = SLOTS, clock = systemClock, random = secureRandom } = options;
  // Elsewhere than in a page nobody minds a local address.
  const relays = configuredRelays(options.relays, { local: options.local === true || !inPage() });
  options.signal?.throwIfAborted();
  const trusted = new Set(relays.ids);
  const heard = watchQuiet({ setAside: (relay) => guard.setAside(relay) });
  const guard = guardGossip({
    rules: options.rules ?? new Map(),
    trusted,
    clock,
    random,
    brought: (relay, what) => heard.brought(relay, what, clock.now()),
  });
  const want = Math.min(relaySlots, relays.ids.length);
  const { slots, transport } = slotsAt(relays);
  const node = await createNode(
    { ...options, relays, circuit: transport, relaySlots: Math.max(1, want) },
    guard,
  );
  guard.watch(node.services.pubsub);
  await node.start();
  const tab = openTab(node, { ...options, relays, slots, clock, random });
  const supervise = { clock, random, signal: tab.signal };
  const { network = inPage() ? pageNetwork(tab.signal) : undefined } = options;
  const { quiet } = heard;
  const { moved } = keepWays({
    ...{ node, relays, serve: tab.serve, turns: tab.turns, busy: tab.busy },
    ...{ direct: node.services.direct, clock, signal: tab.signal },
    configuration: () => rtcConfiguration(options),
  });
  void superviseSlots(node, { relays, slots, want, quiet, network, moved, ...supervise });
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

function inPage(): boolean {
  return typeof window !== "undefined";
}

interface TabOptions extends Omit<Libp2pOptions, "relays"> {
  readonly relays: Relays;
  readonly slots: Slots;
  readonly clock: Clock;
  readonly random: Random;
}

interface Tab {
  readonly mesh: Mesh;
  readonly signal: AbortSignal;
  readonly serve: ReturnType<typeof server>["serve"];
  readonly turns: Turns;
  /** Whether a request is under way on the connection. */
  busy(connection: Connection): boolean;
}

function openTab(
  node: TabNode,
  { relays, slots, degree = DEGREE, connections, rules, wire, clock, random }: TabOptions,
): Tab {
  const pubsub: GossipSub = node.services.pubsub;
  const own = new AbortController();
  const news = listeners<MeshEvent>();
  const topics = openTopics();
  const ours = new WeakSet<Stream>();
  const kept = new Set<PeerId>();
  const busy = (connection: Connection) => connection.streams.some((stream) => ours.has(stream));
  const places = keepPlaces({ node, relays, degree, max: connections, clock, busy, kept });
  const opened = (stream: Stream, connection: Connection) => {
    ours.add(stream);
    places.asked(connection);
  };
  const deaf = hear({ node, relays, slots, clock, news, topics, ours, signal: own.signal });
  const turns = openTurns({ clock });
  const { serve } = server(node, { clock, opened, turns, signal: own.signal });
  const { direct } = node.services;
  const dialler = createDialler({ node, direct, relays, clock, signal: own.signal });
  const dialling = { node, dialler, clock, opened };
  const split = (is: boolean) => news.tell({ type: "split", is });
  const around = { node, relays, dialler, serve, degree, split, turns, clock, random };
  const network = wire && tabNetwork({ ...around, wire, signal: own.signal });
  let closing: Promise<void> | undefined;

  const mustBeOpen = () => own.signal.throwIfAborted();
  const addrs = () => (own.signal.aborted ? [] : addressesOf(mesh.self, slots, relays));

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
    places.stop();
    for (const connection of node.getConnections()) connection.abort(own.signal.reason);
    await node.stop();
  }

  const mesh: Mesh = {
    self: node.peerId.toString(),
    addrs,
    reachable: ({ signal }) =>
      when(news, () => addrs().length > 0, AbortSignal.any([signal, own.signal])),
    neighbours: () => neighboursOf(node),
    relays: () => (own.signal.aborted ? [] : relaysOf(node, relays)),
    population(topic) {
      const all = network?.population(topic);
      if (all === undefined) return mesh.subscribers(topic).length;
      return Math.max(0, all - Number(topics.has(topic)));
    },
    ...gossipOf(pubsub, { topics, rules, signal: own.signal }),
    request,
    serve(protocol, handler, options) {
      mustBeOpen();
      serve(protocol, handler, options);
    },
    async keep(peer, wanted) {
      mustBeOpen();
      publicKeyFromPeerId(peer);
      if (wanted) kept.add(peer);
      else kept.delete(peer);
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
  return { mesh, signal: own.signal, busy, serve, turns };
}

/** What a tab says and hears by gossip, until the signal fires. */
function gossipOf(
  pubsub: GossipSub,
  {
    topics,
    rules,
    signal: own,
  }: Waits & { readonly topics: Topics; readonly rules: GossipRules | undefined },
): Pick<Mesh, "subscribers" | "publish" | "subscribe"> {
  return {
    subscribers: (topic) => (own.aborted ? [] : pubsub.getSubscribers(topic).map(String)),
    async publish(topic, body) {
      own.throwIfAborted();
      checkSize("gossip", body.byteLength, largestOn(rules, topic));
      await pubsub.publish(topic, body);
    },
    subscribe(topic, on, { signal }) {
      own.throwIfAborted();
      topics.listen(topic, on, AbortSignal.any([signal, own]), {
        first: () => pubsub.subscribe(topic),
        last: () => {
          if (!own.aborted) pubsub.unsubscribe(topic);
        },
      });
    },
  };
}
