import { type Clock, systemClock } from "@tabcast/runtime";
import { openBudget } from "./budget.ts";
import { MeshError } from "./error.ts";
import { checkSize, MAX_HEAD } from "./frame.ts";
import { largestOn } from "./gossip.ts";
import { gossipLimits } from "./limits.ts";
import { type Line, openLinks } from "./link.ts";
import { type Listeners, listeners, when } from "./listeners.ts";
import type { GossipMessage, GossipRules, Mesh, MeshEvent, Name, PeerId, Waits } from "./mesh.ts";
import { publicKeyFromPeerId } from "./peer-id.ts";
import { answerer, ask, CHUNK, type Duplex } from "./rpc.ts";
import { openTopics, type Topics } from "./topics.ts";
import { openTurns } from "./turns.ts";

export interface MemoryNetworkOptions {
  readonly clock?: Clock;
  /** Milliseconds from one peer to another. Default 0. */
  readonly latency?: (from: PeerId, to: PeerId) => number;
  /** Bytes that a peer sends a second; undefined: as many as it likes, at once. Default: all as many as they like. */
  readonly uplink?: (peer: PeerId) => number | undefined;
  /** Milliseconds until a peer that went without goodbye, or a cut way, is noticed. Default 6_000, as WebRTC's first sign. */
  readonly lostAfter?: number;
}

/** Meshes in one process. Every member is connected to every other one. */
export interface MemoryNetwork {
  /** The peers that are in it. */
  peers(): readonly PeerId[];
  /** The peer is gone, without a goodbye: others notice after `lostAfter`. */
  kill(peer: PeerId): void;
  /** Nothing passes between the two any more; both notice after `lostAfter`. */
  cut(a: PeerId, b: PeerId): void;
  mend(a: PeerId, b: PeerId): void;
}

interface Link {
  readonly ends: readonly [PeerId, PeerId];
  /** Both ends learn that the other is gone. */
  lose(): void;
}

interface Member {
  readonly self: PeerId;
  readonly topics: Topics;
  /** Calls `tell` with a neighbour's message if the rules let it pass. */
  hear(topic: Name, message: GossipMessage, tell: () => void): void;
  readonly served: Map<Name, (peer: PeerId, duplex: Duplex) => void>;
  /** Neighbours as this member believes them to be. */
  readonly near: Set<PeerId>;
  readonly news: Listeners<MeshEvent>;
  readonly own: AbortController;
}

interface Inside extends MemoryNetwork {
  readonly clock: Clock;
  readonly members: Map<PeerId, Member>;
  latency(from: PeerId, to: PeerId): number;
  join(member: Member): void;
  leave(member: Member): void;
  /** Two ends of a stream, undefined if the way is cut or nobody is there. */
  open(from: PeerId, to: PeerId): readonly [Duplex, Duplex] | undefined;
  passes(from: PeerId, to: PeerId): boolean;
  /** Runs `deliver` after the way's latency, in order with everything else that was sent that way. */
  send(from: PeerId, to: PeerId, deliver: () => void): Promise<void>;
}

const networks = new WeakMap<MemoryNetwork, Inside>();

/** An empty network. */
export function memoryNetwork({
  clock = systemClock,
  latency = () => 0,
  uplink = () => undefined,
  lostAfter = 6_000,
}: MemoryNetworkOptions = {}): MemoryNetwork {
  const members = new Map<PeerId, Member>();
  const streams = new Set<Link>();
  const broken = new Set<string>();
  /** The last delivery of each way. */
  const ways = new Map<string, Promise<void>>();
  const links = openLinks({ clock, uplink });
  const way = (a: PeerId, b: PeerId) => (a < b ? `${a} ${b}` : `${b} ${a}`);

  const lineOf = (from: PeerId, to: PeerId): Line => {
    const line = links(from, to);
    return {
      ...line,
      send: (size, deliver) => line.send(size, () => inside.send(from, to, deliver)),
    };
  };
  const meet = (a: Member, b: Member) => {
    if (a.near.has(b.self)) return;
    a.near.add(b.self);
    a.news.tell({ type: "connected", peer: b.self });
  };
  const part = (a: PeerId, b: PeerId) => {
    const member = members.get(a);
    if (member?.near.delete(b) === true) member.news.tell({ type: "disconnected", peer: b });
  };
  const lose = (of: (link: Link) => boolean) => {
    for (const link of [...streams].filter(of)) {
      streams.delete(link);
      link.lose();
    }
  };
  const forget = (peer: PeerId) => {
    members.delete(peer);
    for (const other of members.keys()) part(other, peer);
    lose(({ ends }) => ends.includes(peer));
    for (const key of ways.keys()) if (key.split(" ").includes(peer)) ways.delete(key);
  };

  const inside: Inside = {
    clock,
    members,
    latency,
    peers: () => [...members.keys()],
    passes: (from, to) => members.has(from) && members.has(to) && !broken.has(way(from, to)),
    send(from, to, deliver) {
      const key = `${from} ${to}`;
      const due = clock.now() + latency(from, to);
      const done = (ways.get(key) ?? Promise.resolve()).then(async () => {
        const left = due - clock.now();
        if (left > 0) await clock.sleep(left);
        if (inside.passes(from, to)) deliver();
      });
      ways.set(key, done);
      return done;
    },
    open(from, to) {
      if (!inside.passes(from, to)) return undefined;
      const there = side();
      const here = side();
      const link: Link = {
        ends: [from, to],
        lose() {
          here.end(new Error("the way to the peer is gone"));
          there.end(new Error("the way to the peer is gone"));
        },
      };
      streams.add(link);
      const gone = () => {
        if (here.over && there.over) streams.delete(link);
      };
      return [
        duplex(here, there, lineOf(from, to), gone),
        duplex(there, here, lineOf(to, from), gone),
      ];
    },
    join(member) {
      members.set(member.self, member);
      for (const other of members.values())
        if (other !== member && inside.passes(other.self, member.self)) {
          meet(other, member);
          meet(member, other);
        }
    },
    leave(member) {
      if (members.get(member.self) === member) forget(member.self);
    },
    ...faults({ clock, lostAfter, members, broken, way, meet, part, lose, forget }),
  };
  networks.set(inside, inside);
  return inside;
}

interface Ways {
  readonly clock: Clock;
  /** Milliseconds until a peer that nothing comes from counts as lost. */
  readonly lostAfter: number;
  readonly members: Map<PeerId, Member>;
  /** Ways on which nothing passes. */
  readonly broken: Set<string>;
  way(a: PeerId, b: PeerId): string;
  meet(a: Member, b: Member): void;
  part(a: PeerId, b: PeerId): void;
  lose(of: (link: Link) => boolean): void;
  forget(peer: PeerId): void;
}

/** What a test does to a network. */
function faults(ways: Ways): Pick<MemoryNetwork, "kill" | "cut" | "mend"> {
  const { clock, lostAfter, members, broken, way, meet, part, lose, forget } = ways;
  return {
    kill(peer) {
      const member = members.get(peer);
      if (member === undefined) return;
      for (const other of members.keys()) broken.add(way(peer, other));
      member.own.abort(new MeshError({ code: "MESH_CLOSED" }, "the peer was killed"));
      clock.sleep(lostAfter).then(
        () => {
          if (members.get(peer) === member) forget(peer);
          for (const key of [...broken]) if (key.split(" ").includes(peer)) broken.delete(key);
        },
        () => {},
      );
    },
    cut(a, b) {
      broken.add(way(a, b));
      clock.sleep(lostAfter).then(
        () => {
          if (!broken.has(way(a, b))) return;
          part(a, b);
          part(b, a);
          lose(({ ends }) => ends.includes(a) && ends.includes(b));
        },
        () => {},
      );
    },
    mend(a, b) {
      broken.delete(way(a, b));
      const [one, other] = [members.get(a), members.get(b)];
      if (one === undefined || other === undefined) return;
      meet(one, other);
      meet(other, one);
    },
  };
}

interface Side {
  over: boolean;
  take(bytes: Uint8Array): void;
  end(error?: Error): void;
  listen(onBytes: (bytes: Uint8Array) => void, onEnd: (error?: Error) => void): void;
}

/** One end of a stream. What comes before anybody listens is kept: a refusal may be quicker than the asker. */
function side(): Side {
  const early: Uint8Array[] = [];
  let on: [(bytes: Uint8Array) => void, (error?: Error) => void] | undefined;
  let ended: { error?: Error | undefined } | undefined;
  return {
    over: false,
    take(bytes) {
      if (this.over) return;
      if (on === undefined) early.push(bytes);
      else on[0](bytes);
    },
    end(error) {
      if (this.over) return;
      this.over = true;
      ended = { error };
      on?.[1](error);
    },
    listen(onBytes, onEnd) {
      on = [onBytes, onEnd];
      for (const bytes of early.splice(0)) onBytes(bytes);
      if (ended !== undefined) onEnd(ended.error);
    },
  };
}

function duplex(mine: Side, theirs: Side, line: Line, gone: () => void): Duplex {
  let closed: Promise<void> | undefined;
  const end = (error?: Error) =>
    line.send(0, () => {
      theirs.end(error);
      gone();
    });
  return {
    listen: mine.listen,
    async write(bytes, { signal }) {
      signal.throwIfAborted();
      if (mine.over) throw new Error("the stream is closed");
      const copy = bytes.slice();
      void line.send(bytes.byteLength, () => theirs.take(copy));
      await line.below(2 * CHUNK, { signal });
    },
    left: ({ signal }) => line.below(0, { signal }),
    poke(bytes) {
      if (!mine.over) void line.send(0, () => theirs.take(bytes));
    },
    close() {
      closed ??= end();
      return closed;
    },
    abort(error) {
      mine.over = true;
      closed ??= end(error);
      gone();
    },
  };
}

export interface MemoryOptions {
  readonly self: PeerId;
  /** What this member takes on which topic. Default: everything up to 64 KiB. */
  readonly rules?: GossipRules;
}

/**
 * Joins a memory network: the same interface, limits and errors as `libp2p()`, without a browser. `self` must be a peer id;
 * `peerIdFromPublicKey` makes one. Throws MESH_BAD_ADDRESS if it is none, or is in the network already.
 */
export function memory(network: MemoryNetwork, { self, rules }: MemoryOptions): Mesh {
  const inside = networks.get(network);
  if (inside === undefined) throw new TypeError("not made by memoryNetwork()");
  publicKeyFromPeerId(self);
  if (inside.members.has(self))
    throw new MeshError(
      { code: "MESH_BAD_ADDRESS", address: self },
      `${self} is in this network already`,
    );
  const subscribers = (topic: Name) =>
    [...member.near].filter((peer) => inside.members.get(peer)?.topics.has(topic) === true);
  const own = new AbortController();
  const member: Member = {
    self,
    own,
    topics: openTopics(),
    hear: hearing(inside.clock, rules),
    served: new Map(),
    near: new Set(),
    news: listeners(),
  };
  const { clock } = inside;
  const turns = openTurns({ clock });
  const serving = { clock, budget: openBudget(), turns };
  const mustBeOpen = () => {
    if (own.signal.aborted) throw own.signal.reason;
  };
  const addrs = () => (own.signal.aborted ? [] : [`/memory/${self}/p2p/${self}`]);
  inside.join(member);
  return {
    self,
    addrs,
    reachable: ({ signal }) =>
      when(member.news, () => addrs().length > 0, AbortSignal.any([signal, own.signal])),
    neighbours: () =>
      [...member.near].map((peer) => ({
        peer,
        via: "memory",
        direction: self < peer ? "outbound" : "inbound",
      })),
    relays: () => [],
    population: (topic) => subscribers(topic).length,
    subscribers,
    async publish(topic, body) {
      mustBeOpen();
      checkSize("gossip", body.byteLength, largestOn(rules, topic));
      const copy = body.slice();
      for (const peer of member.near)
        void inside.send(self, peer, () => {
          const there = inside.members.get(peer);
          const message = { from: self, body: copy.slice() };
          if (there?.topics.has(topic) === true)
            there.hear(topic, message, () => there.topics.tell(topic, message));
        });
    },
    subscribe(topic, on, { signal }) {
      mustBeOpen();
      member.topics.listen(topic, on, AbortSignal.any([signal, own.signal]));
    },
    async *request(peer, protocol, message, options) {
      mustBeOpen();
      publicKeyFromPeerId(peer);
      checkSize("head", message.head.byteLength, MAX_HEAD);
      const { maxBody = 32 * 1024 * 1024, following, rank, heard } = options;
      const signal = AbortSignal.any([options.signal, own.signal]);
      signal.throwIfAborted();
      const duplex = await openStream(inside, self, { peer, protocol, signal });
      const sending = { following, rank, turns };
      yield* ask(duplex, message, { peer, protocol, maxBody, ...sending, heard, signal });
    },
    serve(protocol, handler, options) {
      mustBeOpen();
      if (member.served.has(protocol))
        throw new MeshError(
          { code: "MESH_PROTOCOL_TAKEN", protocol },
          `${protocol} is answered already`,
        );
      const signal = AbortSignal.any([options.signal, own.signal]);
      if (signal.aborted) return;
      member.served.set(protocol, answerer(handler, { ...options, ...serving, signal }));
      signal.addEventListener("abort", () => member.served.delete(protocol), { once: true });
    },
    async keep(peer) {
      mustBeOpen();
      publicKeyFromPeerId(peer);
    },
    watch: (on, { signal }) => member.news.add(on, AbortSignal.any([signal, own.signal])),
    async close() {
      own.abort(new MeshError({ code: "MESH_CLOSED" }, "the mesh is closed"));
      inside.leave(member);
    },
  };
}

/** What a member hears of gossip. Everybody is everybody's neighbour, so whoever wrote a message also brings it. */
function hearing(clock: Clock, rules: GossipRules = new Map()): Member["hear"] {
  const limits = gossipLimits(rules, { clock, trusted: () => false });
  return (topic, { from, body }, tell) => {
    const rule = rules.get(topic);
    if (rule === undefined) return tell();
    if (!limits.admits(topic, from) || body.byteLength > rule.largest) return;
    rule.judge(body, from).then(
      (judgement) => {
        if (judgement === "accept") tell();
      },
      () => {}, // a rule that fails lets nothing pass
    );
  };
}

/** Opens a stream of a protocol to a peer: a round trip, as the choice of a protocol is one. */
async function openStream(
  inside: Inside,
  self: PeerId,
  { peer, protocol, signal }: { readonly peer: PeerId; readonly protocol: Name } & Waits,
): Promise<Duplex> {
  const ends = inside.open(self, peer);
  if (ends === undefined || peer === self)
    throw new MeshError(
      { code: "MESH_UNREACHABLE", peer, addresses: 0 },
      `${peer} could not be reached`,
    );
  let accept: ((peer: PeerId, duplex: Duplex) => void) | undefined;
  await inside.send(self, peer, () => {
    accept = inside.members.get(peer)?.served.get(protocol);
    accept?.(self, ends[1]);
  });
  await inside.send(peer, self, () => {});
  const fail = (error: Error): never => {
    ends[0].abort(error);
    throw error;
  };
  if (signal.aborted) fail(signal.reason);
  if (accept !== undefined) return ends[0];
  return fail(
    inside.passes(self, peer)
      ? new MeshError(
          { code: "MESH_REFUSED", peer, protocol },
          `${peer} does not answer ${protocol}`,
        )
      : new MeshError({ code: "MESH_PEER_LOST", peer }, `${peer} was lost before a request`),
  );
}
