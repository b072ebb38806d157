/**
 * How a tab comes by connections on modelled links: by relays of its configuration, within the mesh's own budgets and places, to the
 * neighbours that the mesh's own discovery finds. Below this it is one round trip or several; handshakes and ways through relays are
 * not modelled.
 */
import {
  type Mesh,
  MeshError,
  type MeshEvent,
  type Name,
  type Neighbour,
  type PeerId,
  RANKS,
} from "@tabcast/mesh";
import { ECLIPSE } from "@tabcast/mesh/attacks";
import {
  answerPeers,
  type Budget,
  createDialler,
  discover,
  grouped,
  keepPlaces,
  type Node as Libp2pNode,
  listeners,
  MAX_CONNECTIONS,
  MOST_BYTES,
  MOST_REQUESTS,
  type Named,
  NoRouteError,
  openBudget,
  openTurns,
  population,
  type Slots,
  sample,
  superviseSlots,
  when,
} from "@tabcast/mesh/parts";
import { peersWire } from "@tabcast/protocol";
import { type Bytes, type Random, toError } from "@tabcast/runtime";
import type { Memory } from "./memory.ts";
import type { Connection, Net, Node, Reach } from "./mesh.ts";
import type { Relay, RelayNet } from "./relay.ts";

/** Neighbours that a tab looks for, and slots that it holds. Source: mesh. */
const DEGREE = 8;
const SLOTS = 2;
/** Round trips that a WebSocket to a relay takes, with its handshakes. */
const TO_RELAY = 4;

export interface ReachOptions {
  readonly net: Net;
  readonly relays: RelayNet;
  readonly node: Node;
  /** Its IP address. */
  readonly host: string;
  readonly random: Random;
  /** Neighbours to look for. Default 8. */
  readonly degree?: number;
  /** What it says of others when it is asked. Default: its neighbours. */
  readonly named?: () => readonly Named[];
  /** Told what its memories hold. */
  readonly memory?: Memory;
}

type Listener = (event: { readonly detail: End }) => void;

/** One end of a connection, as the mesh's parts look at libp2p's. */
class End {
  readonly id: string;
  readonly status = "open";
  readonly limits = undefined;
  readonly streams: readonly [] = [];
  readonly direction: "inbound" | "outbound";
  readonly remotePeer: { toString(): string };
  readonly connection: Connection;
  readonly other: Node;
  readonly #net: Net;
  readonly #own: Node;

  constructor(net: Net, own: Node, connection: Connection, id: string) {
    const [from, to] = connection.ends;
    this.#net = net;
    this.#own = own;
    this.id = id;
    this.connection = connection;
    this.direction = from === own ? "outbound" : "inbound";
    this.other = from === own ? to : from;
    this.remotePeer = { toString: () => this.other.self };
  }

  async close(): Promise<void> {
    this.#net.unlink(this.connection);
  }

  abort(): void {
    this.#net.unlink(this.connection);
  }

  /** A ping: what is sent comes back after a round trip, as long as somebody is there. */
  async newStream(): Promise<object> {
    const heard = new Map<string, () => void>();
    const { tab } = this.#own;
    return {
      addEventListener: (type: string, on: () => void) => void heard.set(type, on),
      removeEventListener: () => {},
      send: () => {
        tab.after(this.#net.rtt(this.#own, this.other), () => {
          if (!this.other.tab.gone) heard.get("message")?.();
        });
        return true;
      },
      close: async () => {},
      abort: () => {},
    };
  }
}

/** What the parts of one reach share. */
interface Own extends ReachOptions {
  readonly degree: number;
  readonly ends: ReadonlyMap<Connection, End>;
  readonly slots: HeldSlots;
  readonly dialler: ReturnType<typeof createDialler>;
  endTo(peer: PeerId): End | undefined;
}

/** Gives a node its reach; it begins to look for relays at once. */
export function openReach(options: ReachOptions): Reach {
  const { net, relays, node, host, random, degree = DEGREE } = options;
  const { clock } = node.tab;
  const { signal } = node.own;
  const { configured } = relays;
  const ends = new Map<Connection, End>();
  const kept = new Set<PeerId>();
  relays.settle(node.self, host);
  node.bounds = { budget: watched(openBudget(), options.memory), turns: openTurns({ clock }) };
  const held = options.memory?.kind("mesh/places.ts, connections", MAX_CONNECTIONS);
  let opened = 0;

  const endTo = (peer: PeerId) => {
    const connection = net.between(node.self, peer);
    return connection && ends.get(connection);
  };
  const slots = openSlots(options, endTo);
  const { libp2p, tell } = likeLibp2p(options, { ends, endTo });
  const busy = (end: unknown) => (end as End).connection.streams.size > 0;
  const places = keepPlaces({ node: libp2p, relays: configured, degree, clock, kept, busy });
  const direct = { dial: introduction(options, ends) } as never;
  const dialler = createDialler({ node: libp2p, direct, relays: configured, clock, signal });
  void superviseSlots(libp2p, { relays: configured, slots, want: SLOTS, clock, random, signal });
  const own: Own = { ...options, degree, ends, slots, dialler, endTo };
  if (degree > 0) void countSettled(own);

  return {
    connect: (peer, given, signal) => connect(own, peer, { given, signal }),
    opened(connection) {
      const end = new End(net, node, connection, `${opened++}`);
      ends.set(connection, end);
      tell("connection:open", end);
      if (held !== undefined) held.peak = Math.max(held.peak, ends.size);
    },
    closed(connection) {
      const end = ends.get(connection);
      if (end === undefined) return;
      ends.delete(connection);
      slots.lost(end.other.self);
      tell("connection:close", end);
    },
    asked(connection) {
      const end = ends.get(connection);
      if (end !== undefined) places.asked(end as never);
    },
    neighbours: () => neighboursOf(own),
    over: (mesh) => ({
      ...meshOf(own, mesh),
      async keep(peer, wanted) {
        signal.throwIfAborted();
        if (wanted) kept.add(peer);
        else kept.delete(peer);
      },
    }),
  };
}

/** Counts a tab that is still there after half of its time to settle, so that short runs tell too, and whether it has honest neighbours enough. */
async function countSettled(own: Own): Promise<void> {
  const { relays, node } = own;
  try {
    await node.tab.clock.sleep(ECLIPSE.withinMs / 2, node.own);
  } catch {
    return; // it has gone
  }
  if (relays.hostile.has(node.self)) return;
  const honest = neighboursOf(own).filter((peer) => !relays.hostile.has(peer));
  relays.settled.tabs++;
  if (honest.length < ECLIPSE.neighbours) relays.settled.lonely++;
}

/** A budget that tells `memory` what it holds. */
function watched(budget: Budget, memory: Memory | undefined): Budget {
  if (memory === undefined) return budget;
  const bytes = memory.kind("mesh/budget.ts, bytes", MOST_BYTES);
  const strangers = memory.kind("mesh/budget.ts, bytes of strangers", MOST_BYTES / 8);
  const requests = memory.kind("mesh/budget.ts, requests", MOST_REQUESTS);
  let count = 0;
  return {
    ...budget,
    enter(peer, drop) {
      const entered = budget.enter(peer, drop);
      if (entered === undefined) return undefined;
      requests.peak = Math.max(requests.peak, ++count);
      let over = false;
      return {
        read: entered.read,
        leave() {
          if (!over) count--;
          over = true;
          entered.leave();
        },
      };
    },
    take(peer, rank, size) {
      const kept = budget.take(peer, rank, size);
      const used = budget.used();
      bytes.peak = Math.max(
        bytes.peak,
        RANKS.reduce((sum, one) => sum + used[one], 0),
      );
      strangers.peak = Math.max(strangers.peak, used.stranger);
      return kept;
    },
  };
}

/** Peers that a tab is connected to, relays left out. */
const neighboursOf = ({ ends, relays }: Pick<Own, "ends" | "relays">): PeerId[] =>
  [...ends.values()].flatMap(({ other: { self } }) => (relays.all.has(self) ? [] : [self]));

async function connect(
  { net, node, dialler }: Own,
  peer: PeerId,
  { given, signal }: { readonly given: readonly string[]; readonly signal: AbortSignal },
): Promise<Connection> {
  try {
    const end = (await dialler.dial(peer, { given, signal })) as unknown as End;
    return end.connection;
  } catch (cause) {
    signal.throwIfAborted();
    const come = net.between(node.self, peer);
    if (come !== undefined) return come;
    throw new MeshError(
      { code: "MESH_UNREACHABLE", peer, addresses: given.length },
      cause instanceof NoRouteError
        ? `${peer} named no relay of the configuration, and we are connected to none`
        : `${peer} could not be reached through the relays that lead to it`,
      { cause: toError(cause) },
    );
  }
}

/** What the mesh's parts ask of a libp2p node. */
function likeLibp2p(
  { net, relays, node }: ReachOptions,
  { ends, endTo }: Pick<Own, "ends" | "endTo">,
): { libp2p: Libp2pNode; tell(type: string, detail: End): void } {
  const { clock } = node.tab;
  const heard = new Map<string, Set<Listener>>();
  const libp2p = {
    peerId: { toString: () => node.self },
    peerStore: { get: async () => ({ addresses: [] }) },
    getConnections: () => [...ends.values()],
    addEventListener: (type: string, on: Listener) =>
      void heard.set(type, (heard.get(type) ?? new Set()).add(on)),
    removeEventListener: (type: string, on: Listener) => void heard.get(type)?.delete(on),
    async dial([address]: readonly unknown[], { signal }: { readonly signal: AbortSignal }) {
      const relay = relays.all.get(`${address}`.split("/p2p/")[1] ?? "");
      if (relay === undefined) throw new Error(`nobody is at ${address}`);
      const known = endTo(relay.id);
      if (known !== undefined) return known;
      await clock.sleep(TO_RELAY * net.rtt(node, relay.node), { signal });
      return ends.get(net.link(node, relay.node));
    },
  };
  return {
    libp2p: libp2p as unknown as Libp2pNode,
    tell(type, detail) {
      for (const on of [...(heard.get(type) ?? [])]) on({ detail });
    },
  };
}

/** The parts of a mesh that depend on its tab's reach. Its tab begins to look for neighbours, and tells others of them. */
function meshOf(own: Own, mesh: Mesh): Partial<Mesh> {
  const { net, relays, node, slots, ends, endTo } = own;
  const { signal } = node.own;
  const found = findNeighbours(own, mesh);
  const subscribers = (topic: Name) =>
    neighboursOf(own).filter((peer) => net.listeners(topic).has(peer));
  const addresses = () => {
    const mute = new Set(slots.mute());
    const open = slots.held().filter((relay) => !mute.has(relay));
    const used = open.length > 0 ? open : slots.held();
    return used.map((relay) => relays.configured.through(relay, node.self));
  };
  return {
    addrs: () => (signal.aborted ? [] : addresses().map(String)),
    reachable: (waits) =>
      when(slots.changed, () => slots.held().length > 0, AbortSignal.any([waits.signal, signal])),
    neighbours: () =>
      [...ends.values()].map(
        ({ other: { self: peer }, direction }): Neighbour => ({
          peer,
          via: relays.all.has(peer) ? "websocket" : "webrtc",
          direction,
        }),
      ),
    relays: () => [...relays.all.keys()].filter((relay) => endTo(relay) !== undefined),
    subscribers,
    population(topic) {
      const all = population(found.said(), topic);
      if (all === undefined) return subscribers(topic).length;
      return Math.max(0, all - Number(net.listeners(topic).has(node.self)));
    },
  };
}

interface HeldSlots extends Slots {
  /** The relay is not connected any more. */
  lost(relay: PeerId): void;
}

/** The slots of a tab, at relays that it is connected to. */
function openSlots(
  { net, relays, node, host }: ReachOptions,
  endTo: (peer: PeerId) => End | undefined,
): HeldSlots {
  const held = new Set<PeerId>();
  const mute = new Set<PeerId>();
  const changed = listeners<void>();
  // As a multiaddr tells a relay's book of slots where somebody comes from.
  const address = { getComponents: () => [{ name: "ip4", value: host }] };
  return {
    changed,
    held: () => [...held],
    mute: () => [...mute],
    setMute(id, is) {
      if (!held.has(id) || mute.has(id) === is) return;
      if (is) mute.add(id);
      else mute.delete(id);
      changed.tell();
    },
    // Gossip goes by way of all relays at once, so none of them is quiet alone.
    quiet: () => [],
    setQuiet: () => {},
    async probe({ remotePeer }, { heard, signal }) {
      const relay = relays.all.get(remotePeer.toString());
      if (relay === undefined) throw new Error(`${remotePeer} is no relay`);
      const { clock } = node.tab;
      await clock.sleep(2 * net.rtt(node, relay.node), { signal });
      // One that hangs takes the call, and brings it to nobody.
      if (!relay.node.tab.gone) heard();
      if (relay.conduct === "hangs" || relay.node.tab.gone) return await never(signal);
      return relay.conduct === "lies" ? "refused" : "came back";
    },
    async reserve(id) {
      const relay = relays.all.get(id);
      if (relay === undefined || endTo(id) === undefined)
        throw new Error(`${id} is not connected any more`);
      await node.tab.clock.sleep(net.rtt(node, relay.node));
      if (endTo(id) === undefined) throw new Error(`${id} is not connected any more`);
      const { status } = relay.slots.reserve(
        { toString: () => node.self } as never,
        address as never,
      );
      if (status !== "OK") throw new Error("the relay has no slot left");
      held.add(id);
      changed.tell();
    },
    lost(id) {
      mute.delete(id);
      if (held.delete(id)) changed.tell();
    },
  };
}

/** Rejects with the signal's reason, and not before. */
const never = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });

/** Dials one peer through one relay. */
function introduction({ net, relays, node }: ReachOptions, ends: ReadonlyMap<Connection, End>) {
  const { clock } = node.tab;
  /** Where a relay leads; it never says if it hangs. */
  const leads = (relay: Relay | undefined, peer: PeerId): Node | undefined => {
    if (relay?.conduct !== "honest" || !relay.slots.reservations.has(peer)) return undefined;
    return net.node(peer);
  };
  return async (address: unknown, { signal }: { readonly signal: AbortSignal }): Promise<End> => {
    const [, id = "", peer = ""] =
      /\/p2p\/([^/]+)\/p2p-circuit\/webrtc\/p2p\/([^/]+)$/.exec(`${address}`) ?? [];
    const relay = relays.all.get(id);
    if (relay === undefined) throw new Error(`nobody is at ${address}`);
    await clock.sleep(net.rtt(node, relay.node), { signal });
    if (relay.conduct === "hangs") await never(signal);
    const to = leads(relay, peer);
    if (to === undefined || peer === node.self) throw new Error(`${peer} holds no slot there`);
    await clock.sleep(3 * net.rtt(node, to) + net.options.dialMs, { signal });
    if (to.tab.gone || to.own.signal.aborted || !net.passes(node, to))
      throw new Error(`${peer} does not answer`);
    const connection = net.link(node, to, id);
    const end = ends.get(connection);
    // It may have had no place for us.
    if (end === undefined) throw new Error(`${peer} has no place`);
    return end;
  };
}

/** Finds neighbours, and tells of them whoever asks. */
function findNeighbours(own: Own, mesh: Mesh) {
  const { relays, node, random, degree, ends, dialler, endTo } = own;
  const { clock } = node.tab;
  const { signal } = node.own;
  const { configured } = relays;
  const met = () => [...ends.values()].filter(({ other }) => !relays.all.has(other.self));
  const peers = (of: readonly End[]) => of.map(({ other }) => other.self);
  const neighbours = () =>
    met().flatMap(({ other: { self: peer }, connection: { via } }) =>
      via === undefined ? [] : [{ peer, relays: [via] }],
    );
  const { named = neighbours } = own;
  answerPeers(mesh.serve, peersWire, {
    sample: (asker) => ({
      peers: sample(grouped(named().map((one) => ({ ...one, group: one.peer }))), asker, random),
      relays: [],
      populations: new Map(),
    }),
    clock,
    signal,
  });
  return discover(
    {
      self: node.self,
      relays: () => [...relays.all.keys()].filter((relay) => endTo(relay) !== undefined),
      neighbours: () => peers(met()),
      outbound: () => peers(met().filter(({ direction }) => direction === "outbound")),
      async ask(source, waits) {
        const question = { head: peersWire.ask(), body: new Uint8Array(0) };
        const terms = { ...waits, maxBody: 0 as Bytes };
        for await (const { head } of mesh.request(source, peersWire.protocol, question, terms))
          return peersWire.read(head);
        throw new Error(`${source} named nobody`);
      },
      dial({ peer, relays: through }) {
        const known = through.filter(configured.has);
        const given = known.map((relay) => configured.through(relay, peer).toString());
        return dialler.visit(peer, given);
      },
      split(is) {
        for (const each of [...node.watchers]) each({ type: "split", is } satisfies MeshEvent);
      },
    },
    { degree, clock, random, signal },
  );
}
