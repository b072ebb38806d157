/**
 * A mesh over modelled links: the same interface, limits and errors as `libp2p()`, message by message instead of byte by
 * byte. Bodies stand for `scale` times their bytes; heads and gossip are carried as they are. Everybody reaches everybody,
 * unless nodes are given a `Reach`.
 */
import {
  type GossipLimits,
  type GossipRules,
  gossipLimits,
  type Handler,
  type Mesh,
  MeshError,
  type MeshEvent,
  type Message,
  type Name,
  type PeerId,
  type Rank,
  type ServeOptions,
} from "@tabcast/mesh";
import { type Budget, type Turns, WINDOW } from "@tabcast/mesh/parts";
import { Bytes, Millis, type Random, toError } from "@tabcast/runtime";
import { lossMs, Pipe, SMALL } from "./links.ts";
import { Tab, type Timeline, type Undo } from "./timeline.ts";
import { InTurns } from "./turns.ts";

/** What rpc puts around a message, in bytes. */
const FRAME = 16;
/** Requests of one peer that a protocol serves at once, where it does not say. Source: mesh. */
const PER_PEER = 8;
/** What is larger is told of while it arrives, in real bytes, and how often, in milliseconds. */
const SLOW = 64_000;
const TICK_MS = 250;
/** Milliseconds after which a request is given up by whoever serves it. Source: mesh. */
const SERVE_MS = 60_000;
/** Largest head and largest gossip, in bytes. Source: mesh. */
const MOST_HEAD = 65_536;
/** Largest body of an answer, where the asker does not say, in bytes. Source: mesh. */
const MOST_BODY = Bytes.of(32 * 2 ** 20);

export interface NetOptions {
  readonly timeline: Timeline;
  readonly random: Random;
  /** Real bytes that one byte of a body stands for. */
  readonly scale: number;
  /** Share of packets that are lost. */
  readonly loss: number;
  /** Milliseconds until somebody who went without a word is missed. */
  readonly lostAfterMs: number;
  /** Milliseconds that a first connection between two takes, besides its round trips. */
  readonly dialMs: number;
  /** What the relay, by way of which all gossip goes, lets pass. */
  readonly rules: GossipRules;
}

export interface Place {
  /** Half of a round trip to somebody who is no way off, in milliseconds. */
  readonly delayMs: number;
  readonly uplinkKbps: number;
  readonly downlinkKbps: number;
}

/** What a node sent, in real bytes. */
export interface Traffic {
  media: number;
  control: number;
  /** Requests, and bodies sent with and after requests, by protocol. */
  readonly asked: Map<Name, { count: number; bodies: number }>;
}

export interface Node {
  readonly self: PeerId;
  readonly tab: Tab;
  readonly place: Place;
  readonly up: Pipe;
  readonly down: Pipe;
  readonly sent: Traffic;
  readonly topics: Map<Name, Set<(message: { from: PeerId; body: Uint8Array }) => void>>;
  readonly served: Map<
    Name,
    { handler: Handler; options: ServeOptions; busy: Map<PeerId, number> }
  >;
  readonly watchers: Set<(event: MeshEvent) => void>;
  readonly own: AbortController;
  /** What its memory and its uplink are held to. Undefined: nothing but the limits of each protocol. */
  bounds: Bounds | undefined;
  /** How it comes by connections. Undefined: it reaches everybody. */
  reach: Reach | undefined;
}

/** What a mesh has for all that a node serves and sends. */
export interface Bounds {
  readonly budget: Budget;
  readonly turns: Turns;
}

/** How a node comes by connections, and by what it hears of others. */
export interface Reach {
  /** A connection to the peer. Rejects as `Mesh.request` does. */
  connect(peer: PeerId, given: readonly string[], signal: AbortSignal): Promise<Connection>;
  opened(connection: Connection): void;
  closed(connection: Connection): void;
  /** A request begins, in either direction. */
  asked(connection: Connection): void;
  /** Peers that it is connected to, relays left out. */
  neighbours(): readonly PeerId[];
  /** The parts of a mesh that depend on it, in place of those of a node that reaches everybody. */
  over(mesh: Mesh): Partial<Mesh>;
}

/** Carries gossip, where it does not reach everybody by itself. */
export interface Carrier {
  /** `author`: who the message says that it is of. */
  carry(from: Node, topic: Name, body: Uint8Array, author: PeerId): Promise<void>;
}

export interface Connection {
  /** The one that dialled, and the other. */
  readonly ends: readonly [Node, Node];
  /** The relay through which they were introduced. */
  readonly via: PeerId | undefined;
  readonly streams: Set<Stream>;
  /** What came while nothing passed. */
  held: (() => void)[];
}

/** A message on its way. */
interface Under {
  way: boolean;
  /** What its receiver was not told of, in bytes of the message. */
  left: number;
  /** What both links had served each flow when it was told last. */
  served: number;
}

/** One direction of a request: in order, one message at a time on the uplink. */
export interface Way {
  /** For whom bodies are sent, where their sender holds to turns. */
  rank: Rank;
  /** Resolves when the last byte has left. */
  send(message: Message, arrive: () => void): Promise<void>;
  /** What has not left yet stays here. */
  close(): void;
}

/** A way whose messages share the uplink evenly with all others. */
class Shared implements Way {
  rank: Rank = "own";
  readonly #net: Net;
  readonly #from: Node;
  readonly #to: Node;
  readonly #waiting: { bytes: number; arrive: () => void; left: () => void }[] = [];
  #sending: Undo | undefined;
  /** Arrivals in the order sent; each is undefined until it came. */
  #coming: { arrive: (() => void) | undefined }[] = [];
  #over = false;
  readonly #heard: ((bytes: number) => void) | undefined;

  /** `heard`: what the receiver is told while a message arrives, with how many bytes of it came. */
  constructor(net: Net, from: Node, to: Node, heard?: (bytes: number) => void) {
    this.#heard = heard;
    this.#net = net;
    this.#from = from;
    this.#to = to;
  }

  send({ head, body }: Message, arrive: () => void): Promise<void> {
    const media = body.byteLength * this.#net.options.scale;
    const control = head.byteLength + FRAME;
    this.#from.sent.media += media;
    this.#from.sent.control += control;
    return new Promise((left) => {
      if (this.#over) return left();
      this.#waiting.push({ bytes: media + control, arrive, left });
      if (this.#sending === undefined) this.#next();
    });
  }

  /** Bytes of a large message arrive all the time until the last, as long as its sender runs: lost ones are sent again. */
  #tick(under: Under): void {
    this.#net.options.timeline.after(TICK_MS, () => {
      if (this.#over || !under.way) return;
      const { gone, stalled } = this.#from.tab;
      if (gone || stalled) return;
      const served = this.#from.up.served + this.#to.down.served;
      const came = Math.min(under.left, (served - under.served) / this.#net.options.scale);
      under.served = served;
      under.left -= came;
      if (this.#net.passes(this.#from, this.#to)) this.#to.tab.enter(() => this.#heard?.(came));
      this.#tick(under);
    });
  }

  close(): void {
    this.#over = true;
    this.#sending?.();
    for (const { left } of this.#waiting.splice(0)) left();
  }

  #next(): void {
    const first = this.#waiting.shift();
    this.#sending = undefined;
    if (first === undefined || this.#over) return;
    const { bytes, arrive, left } = first;
    const served = this.#from.up.served + this.#to.down.served;
    const under: Under = { way: true, left: bytes / this.#net.options.scale, served };
    if (this.#heard !== undefined && bytes > SLOW) this.#tick(under);
    this.#sending = this.#from.up.carry(bytes, () => {
      const slot: { arrive: (() => void) | undefined } = { arrive: undefined };
      this.#coming.push(slot);
      this.#net.travel(this.#from, this.#to, bytes, () => {
        under.way = false;
        slot.arrive = () => {
          this.#heard?.(under.left);
          arrive();
        };
        while (this.#coming[0]?.arrive !== undefined) this.#coming.shift()?.arrive?.();
      });
      left();
      this.#next();
    });
  }
}

interface Stream {
  /** Both ends learn that the other is gone. */
  lose(): void;
}

/** A queue that waits to be filled. */
class Inbox {
  readonly #parts: Message[] = [];
  #failure: Error | undefined;
  #ended = false;
  #ring: () => void = () => {};

  put(part: Message): void {
    this.#parts.push(part);
    this.#ring();
  }
  end(): void {
    this.#ended = true;
    this.#ring();
  }
  fail(error: Error): void {
    this.#failure ??= error;
    this.#ring();
  }
  get over(): boolean {
    return this.#ended || this.#failure !== undefined;
  }
  async take(): Promise<Message | undefined> {
    for (;;) {
      const part = this.#parts.shift();
      if (part !== undefined) return part;
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#ring = resolve;
      });
    }
  }
}

/** All nodes and what is between them. */
export class Net {
  readonly options: NetOptions;
  readonly #nodes = new Map<PeerId, Node>();
  readonly #all: Node[] = [];
  readonly #connections = new Map<string, Connection>();
  /** The same by node: of ten thousand nodes each has a few. */
  readonly #linked = new Map<Node, Map<string, Connection>>();
  readonly #topics = new Map<Name, Set<PeerId>>();
  readonly #blocked = new Set<string>();
  readonly #limits: GossipLimits;
  /** How gossip travels. Undefined: by way of one relay to all. */
  carrier: Carrier | undefined;

  constructor(options: NetOptions) {
    this.options = options;
    const clock = { now: () => Millis.of(options.timeline.now) };
    this.#limits = gossipLimits(options.rules, { clock, trusted: () => false });
  }

  /** A new node, in the network at once. */
  join(self: PeerId, place: Place): Node {
    const { timeline } = this.options;
    const node: Node = {
      self,
      place,
      tab: new Tab(timeline),
      up: new Pipe(timeline, place.uplinkKbps),
      down: new Pipe(timeline, place.downlinkKbps),
      sent: { media: 0, control: 0, asked: new Map() },
      topics: new Map(),
      served: new Map(),
      watchers: new Set(),
      own: new AbortController(),
      bounds: undefined,
      reach: undefined,
    };
    this.#nodes.set(self, node);
    this.#all.push(node);
    return node;
  }

  /** What all nodes that ever were have sent. */
  traffic(): { readonly media: number; readonly control: number } {
    return this.#all.reduce(
      (sum, { sent }) => ({ media: sum.media + sent.media, control: sum.control + sent.control }),
      { media: 0, control: 0 },
    );
  }

  /** Requests of a protocol, and the real bytes of the bodies sent with and after them. */
  asked(protocol: Name): { readonly count: number; readonly bodies: number } {
    const tallies = this.#all.flatMap(({ sent }) => sent.asked.get(protocol) ?? []);
    return tallies.reduce(
      (sum, { count, bodies }) => ({ count: sum.count + count, bodies: sum.bodies + bodies }),
      { count: 0, bodies: 0 },
    );
  }

  /** True unless the two are parted. */
  passes(a: Node, b: Node): boolean {
    // Keys are put together only while somebody is parted: this is asked for every message.
    return this.#blocked.size === 0 || !this.#blocked.has(keyOf(a.self, b.self));
  }

  /** The node of a peer that is in the network. */
  node(peer: PeerId): Node | undefined {
    return this.#nodes.get(peer);
  }

  /** Everybody who is in the network. */
  peers(): readonly PeerId[] {
    return [...this.#nodes.keys()];
  }

  /** Nodes that listen to a topic. */
  listeners(topic: Name): ReadonlySet<PeerId> {
    return this.#topics.get(topic) ?? NOBODY;
  }

  /** The connection between two, undefined if they have none. */
  between(a: PeerId, b: PeerId): Connection | undefined {
    return this.#connections.get(keyOf(a, b));
  }

  /** Peers that a node is connected to, relays left out; of a node that reaches everybody, none. */
  neighboursOf(node: Node): readonly PeerId[] {
    return node.reach?.neighbours() ?? [];
  }

  /** Connects two at once; the connection that they have, if they have one. */
  link(from: Node, to: Node, via?: PeerId): Connection {
    const key = keyOf(from.self, to.self);
    const met = this.#connections.get(key);
    if (met !== undefined) return met;
    const connection: Connection = { ends: [from, to], via, streams: new Set(), held: [] };
    this.#connections.set(key, connection);
    for (const end of connection.ends) {
      const links = this.#linked.get(end) ?? new Map<string, Connection>();
      this.#linked.set(end, links.set(key, connection));
    }
    from.reach?.opened(connection);
    to.reach?.opened(connection);
    return connection;
  }

  /** Ends a connection, for both. */
  unlink({ ends: [a, b] }: Connection): void {
    this.#lose(keyOf(a.self, b.self));
  }

  rtt(a: Node, b: Node): number {
    return a.place.delayMs + b.place.delayMs;
  }

  /** Carries bytes that have left `from` to `to`. */
  travel(from: Node, to: Node, bytes: number, arrive: () => void): void {
    const { timeline, random, loss } = this.options;
    const rtt = this.rtt(from, to);
    const arrived = () => {
      if (from.tab.gone && from.own.signal.aborted === false) return;
      if (this.passes(from, to)) return to.tab.enter(arrive);
      const connection = this.#connections.get(keyOf(from.self, to.self));
      connection?.held.push(() => to.tab.enter(arrive));
    };
    const at = timeline.now + (rtt / 2 + lossMs(bytes, rtt, loss, random));
    // What is small takes no turn on the downlink, so both parts of its way are one event.
    if (bytes <= SMALL) timeline.at(at + to.down.alone(bytes), arrived);
    else timeline.at(at, () => to.down.carry(bytes, arrived));
  }

  /** The node is gone without a word; others miss it later. */
  crash(node: Node): void {
    node.tab.gone = true;
    this.#forget(node);
    this.options.timeline.after(this.options.lostAfterMs, () => this.#part(node));
  }

  /** Nothing passes between two groups, for `ms`. */
  partition(groups: readonly (readonly Node[])[], ms: number): void {
    const { timeline, lostAfterMs } = this.options;
    const pairs = groups.flatMap((group, i) =>
      groups
        .slice(i + 1)
        .flatMap((other) => group.flatMap((a) => other.map((b) => [a, b] as const))),
    );
    for (const [a, b] of pairs) this.#blocked.add(keyOf(a.self, b.self));
    if (ms >= lostAfterMs)
      timeline.after(lostAfterMs, () => {
        for (const [a, b] of pairs) this.#lose(keyOf(a.self, b.self));
      });
    timeline.after(ms, () => {
      for (const [a, b] of pairs) {
        const key = keyOf(a.self, b.self);
        this.#blocked.delete(key);
        for (const arrive of this.#connections.get(key)?.held.splice(0) ?? []) arrive();
      }
    });
  }

  /** The mesh of a node that has joined. */
  mesh(node: Node): Mesh {
    const { self, own } = node;
    const mustBeOpen = () => own.signal.throwIfAborted();
    const mesh: Mesh = {
      self,
      addrs: () => (own.signal.aborted ? [] : [`/memory/${self}/p2p/${self}`]),
      reachable: async () => mustBeOpen(),
      neighbours: () =>
        [...(this.#linked.get(node)?.values() ?? [])].map(({ ends: [a, b] }) => {
          const { self: peer } = a === node ? b : a;
          return { peer, via: "memory" as const, direction: "outbound" as const };
        }),
      relays: () => [],
      population: (topic) => {
        const everybody = this.#topics.get(topic);
        return (everybody?.size ?? 0) - Number(everybody?.has(self) ?? false);
      },
      subscribers: (topic) => {
        const everybody = [...(this.#topics.get(topic) ?? [])];
        const at = everybody.indexOf(self);
        if (at >= 0) everybody.splice(at, 1);
        return everybody;
      },
      publish: async (topic, body) => {
        mustBeOpen();
        const rule = this.options.rules.get(topic);
        checkSize("gossip", body.byteLength, rule?.largest);
        if (this.carrier !== undefined) return this.carrier.carry(node, topic, body, self);
        // Judged once, at the relay, and not by each of its tabs: the answer would be the same, and cost as often as they are many.
        if (!this.#limits.admits(topic, self)) return;
        if (rule !== undefined && (await rule.judge(body, self)) !== "accept") return;
        this.gossip(node, topic, body);
      },
      subscribe: (topic, on, { signal }) => {
        mustBeOpen();
        if (signal.aborted) return;
        const all = node.topics.get(topic) ?? new Set();
        node.topics.set(topic, all);
        all.add(on);
        const everybody = this.#topics.get(topic) ?? new Set();
        this.#topics.set(topic, everybody);
        everybody.add(self);
        signal.addEventListener("abort", () => {
          all.delete(on);
          if (all.size === 0) everybody.delete(self);
        });
      },
      request: (peer, protocol, message, options) =>
        this.#request(node, peer, protocol, message, options),
      serve: (protocol, handler, options) => {
        mustBeOpen();
        if (node.served.has(protocol))
          throw new MeshError(
            { code: "MESH_PROTOCOL_TAKEN", protocol },
            `${protocol} is answered already`,
          );
        node.served.set(protocol, { handler, options, busy: new Map() });
        options.signal.addEventListener("abort", () => node.served.delete(protocol));
      },
      keep: async () => mustBeOpen(),
      watch: (on, { signal }) => {
        node.watchers.add(on);
        signal.addEventListener("abort", () => node.watchers.delete(on));
      },
      close: async () => {
        if (own.signal.aborted) return;
        own.abort(new MeshError({ code: "MESH_CLOSED" }, "the mesh is closed"));
        this.#forget(node);
        this.options.timeline.after(node.place.delayMs, () => this.#part(node));
      },
    };
    return node.reach === undefined ? mesh : { ...mesh, ...node.reach.over(mesh) };
  }

  /**
   * Gossip that a neighbour of the relay brings in the name of an author of its choice, signed by that author: new keys are free, and
   * anybody may pass on what it heard. It counts against what the neighbour may bring. Nothing checks it before it leaves.
   */
  async bring(neighbour: Node, author: PeerId, topic: Name, body: Uint8Array): Promise<void> {
    const rule = this.options.rules.get(topic);
    if (rule === undefined || body.byteLength > rule.largest) return;
    if (this.carrier !== undefined) return this.carrier.carry(neighbour, topic, body, author);
    if (!this.#limits.admits(topic, neighbour.self)) return;
    if ((await rule.judge(body, author)) !== "accept") return;
    this.gossip(neighbour, topic, body, { author });
  }

  /** Brings a message to all that listen to its topic, or to those of them that hear it. */
  gossip(
    from: Node,
    topic: Name,
    body: Uint8Array,
    { author = from.self, hears = () => true }: { author?: PeerId; hears?(to: Node): boolean } = {},
  ): void {
    const { timeline } = this.options;
    for (const peer of this.#topics.get(topic) ?? []) {
      const to = this.#nodes.get(peer);
      if (to === undefined || to === from || !hears(to)) continue;
      from.sent.control += body.byteLength + FRAME;
      if (!this.passes(from, to)) continue;
      // By way of a relay, which is no way off.
      const ms = (from.place.delayMs + to.place.delayMs) / 2 + from.up.alone(body.byteLength);
      timeline.after(ms, () =>
        to.tab.enter(() => {
          for (const on of to.topics.get(topic) ?? []) on({ from: author, body: body.slice() });
        }),
      );
    }
  }

  #forget(node: Node): void {
    this.#nodes.delete(node.self);
    for (const everybody of this.#topics.values()) everybody.delete(node.self);
  }

  #part(node: Node): void {
    for (const key of [...(this.#linked.get(node)?.keys() ?? [])]) this.#lose(key);
    this.#linked.delete(node);
  }

  #lose(key: string): void {
    const connection = this.#connections.get(key);
    if (connection === undefined) return;
    this.#connections.delete(key);
    for (const end of connection.ends) this.#linked.get(end)?.delete(key);
    for (const stream of [...connection.streams]) stream.lose();
    const [a, b] = connection.ends;
    a.reach?.closed(connection);
    b.reach?.closed(connection);
    const tell = (node: Node, peer: PeerId) =>
      node.tab.enter(() => {
        for (const on of [...node.watchers]) on({ type: "disconnected", peer });
      });
    tell(a, b.self);
    tell(b, a.self);
  }

  /** A connection from one to another, dialled if there is none. Rejects as `Mesh.request` does. */
  async connect(
    from: Node,
    peer: PeerId,
    { addrs = [], signal }: Pick<Parameters<Mesh["request"]>[3], "addrs" | "signal">,
  ): Promise<Connection> {
    const key = keyOf(from.self, peer);
    const known = this.#connections.get(key);
    if (known !== undefined) return known;
    if (from.reach !== undefined) return from.reach.connect(peer, addrs, signal);
    const to = this.#nodes.get(peer);
    const away = () =>
      new MeshError(
        { code: "MESH_UNREACHABLE", peer, addresses: 1 },
        `${peer} could not be reached`,
      );
    if (to === undefined || peer === from.self || this.#blocked.has(key)) {
      await from.tab.clock.sleep(4 * from.place.delayMs, { signal });
      throw away();
    }
    await from.tab.clock.sleep(4 * this.rtt(from, to) + this.options.dialMs, { signal });
    if (to.tab.gone || to.own.signal.aborted || this.#blocked.has(key)) throw away();
    return this.link(from, to);
  }

  /** How messages go from one to another. `heard`: what the receiver is told while one arrives. */
  #way(from: Node, to: Node, heard?: (bytes: number) => void): Way {
    const { bounds } = from;
    if (bounds === undefined) return new Shared(this, from, to, heard);
    return new InTurns({ net: this, from, to, turns: bounds.turns, heard });
  }

  async *#request(
    from: Node,
    peer: PeerId,
    protocol: Name,
    message: Message,
    options: Parameters<Mesh["request"]>[3],
  ): AsyncGenerator<Message, void, void> {
    const { signal, maxBody = MOST_BODY, following, heard, rank = "own" } = options;
    from.own.signal.throwIfAborted();
    checkSize("head", message.head.byteLength);
    signal.throwIfAborted();
    const connection = await this.connect(from, peer, options);
    from.own.signal.throwIfAborted();
    const to = connection.ends[0] === from ? connection.ends[1] : connection.ends[0];
    const there = this.#way(from, to);
    const back = this.#way(to, from, heard);
    there.rank = rank;
    from.reach?.asked(connection);
    to.reach?.asked(connection);
    const answers = new Inbox();
    const follows = new Inbox();
    const gone = new AbortController();
    const over = () => {
      connection.streams.delete(stream);
      there.close();
      back.close();
    };
    const fail = (error: Error) => {
      answers.fail(error);
      there.close();
    };
    const lost = () =>
      new MeshError({ code: "MESH_PEER_LOST", peer }, `${peer} was lost during a request`);
    const stream: Stream = {
      lose: () => {
        from.tab.enter(() => fail(lost()));
        to.tab.enter(() => {
          follows.fail(lost());
          gone.abort(lost());
        });
        over();
      },
    };
    connection.streams.add(stream);
    const tally = from.sent.asked.get(protocol) ?? { count: 0, bodies: 0 };
    from.sent.asked.set(protocol, tally);
    tally.count++;
    const count = ({ body }: Message) => {
      tally.bodies += body.byteLength * this.options.scale;
    };
    const refuse = (error: MeshError) =>
      void back.send(EMPTY, () => {
        if (!answers.over) fail(error);
      });
    const onAbort = () => fail(toError(signal.reason));
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      count(message);
      // A round trip for the choice of a protocol, as libp2p makes it.
      void there.send(EMPTY, () => {});
      await new Promise<void>((resolve) => {
        from.tab.after(this.rtt(from, to), resolve);
      });
      void there.send(message, () =>
        this.#answer(to, from.self, protocol, message, { back, answers, follows, gone, refuse }),
      );
      if (following !== undefined)
        void (async () => {
          for await (const part of following) {
            if (answers.over || signal.aborted) return;
            count(part);
            await there.send(part, () => follows.put(part));
          }
          void there.send(EMPTY, () => follows.end());
        })().catch((error: unknown) => fail(toError(error)));
      for (;;) {
        if (signal.aborted) throw signal.reason;
        const part = await answers.take();
        if (part === undefined) return;
        if (part.body.byteLength > maxBody)
          throw new MeshError(
            { code: "MESH_TOO_LARGE", what: "body", size: part.body.byteLength, limit: maxBody },
            `${peer} sent a body of ${part.body.byteLength} bytes, at most ${maxBody} are taken`,
          );
        yield part;
      }
    } finally {
      signal.removeEventListener("abort", onAbort);
      if (!answers.over || signal.aborted)
        // The reset reaches whoever answers after half a round trip.
        this.travel(from, to, FRAME, () => {
          const left = new MeshError({ code: "MESH_PEER_LOST", peer: from.self }, "the asker left");
          follows.fail(left);
          gone.abort(left);
        });
      over();
    }
  }

  /** Keeps room for a request that is due: undefined if there is none, else what lets go of it. */
  #keep(
    { bounds }: Node,
    peer: PeerId,
    size: number,
    { maxFollowing = Bytes.of(0) }: ServeOptions,
    verdict: ReturnType<NonNullable<ServeOptions["admit"]>> | undefined,
  ): (() => void) | undefined {
    if (bounds === undefined || (verdict !== undefined && "refusal" in verdict)) return () => {};
    const following = Math.min(verdict?.maxFollowing ?? maxFollowing, maxFollowing);
    const counted = verdict?.maxFollowing === undefined ? Math.min(following, WINDOW) : following;
    const bytes = size * this.options.scale + counted;
    return bounds.budget.take(peer, verdict?.rank ?? "stranger", bytes);
  }

  #answer(
    node: Node,
    peer: PeerId,
    protocol: Name,
    request: Message,
    on: {
      readonly back: Way;
      readonly answers: Inbox;
      readonly follows: Inbox;
      readonly gone: AbortController;
      readonly refuse: (error: MeshError) => void;
    },
  ): void {
    const { back, answers, follows, gone, refuse } = on;
    const place = node.served.get(protocol);
    const refused = () =>
      new MeshError(
        { code: "MESH_REFUSED", peer: node.self, protocol },
        `${node.self} could not answer ${protocol}`,
      );
    const size = request.body.byteLength;
    const at = place?.busy.get(peer) ?? 0;
    const why = (): MeshError | undefined => {
      if (place === undefined) return refused();
      if (size > (place.options.maxBody ?? 65_536))
        return new MeshError(
          { code: "MESH_TOO_LARGE", what: "body", size, limit: 0 },
          `${node.self} refused a request body of ${size} bytes as too large`,
        );
      if (at >= (place.options.maxPerPeer ?? PER_PEER))
        return new MeshError(
          { code: "MESH_BUSY", peer: node.self },
          `${node.self} serves as many requests of ours as it wants`,
        );
      return undefined;
    };
    const refusal = why();
    if (place === undefined || refusal !== undefined) {
      refuse(refusal ?? refused());
      return;
    }
    const { handler, options, busy } = place;
    const full = () =>
      refuse(new MeshError({ code: "MESH_BUSY", peer: node.self }, `${node.self} has no room`));
    const entered = node.bounds?.budget.enter(peer, full);
    if (node.bounds !== undefined && entered === undefined) {
      full();
      return;
    }
    const verdict = options.admit?.(request.head, { peer, size });
    const kept = this.#keep(node, peer, size, options, verdict);
    if (kept === undefined) {
      entered?.leave();
      full();
      return;
    }
    entered?.read();
    const leave = () => {
      kept();
      entered?.leave();
    };
    if (verdict !== undefined && "refusal" in verdict) {
      leave();
      void back.send(verdict.refusal, () => answers.put(verdict.refusal));
      void back.send(EMPTY, () => answers.end());
      return;
    }
    back.rank = verdict?.rank ?? "stranger";
    busy.set(peer, at + 1);
    const late = node.tab.after(options.timeout ?? SERVE_MS, () =>
      gone.abort(new MeshError({ code: "MESH_TIMEOUT", ms: SERVE_MS }, "a request took too long")),
    );
    async function* parts(): AsyncGenerator<Message, void, void> {
      for (;;) {
        const part = await follows.take();
        if (part === undefined) return;
        yield part;
      }
    }
    void (async () => {
      try {
        const asker = { peer, signal: gone.signal, following: parts() };
        for await (const part of handler(request, asker)) {
          if (gone.signal.aborted) return;
          await back.send(part, () => answers.put(part));
        }
        void back.send(EMPTY, () => answers.end());
      } catch {
        refuse(refused());
      } finally {
        late();
        leave();
        busy.set(peer, (busy.get(peer) ?? 1) - 1);
      }
    })();
  }
}

const NOBODY: ReadonlySet<PeerId> = new Set();
const EMPTY: Message = { head: new Uint8Array(0), body: new Uint8Array(0) };
const keyOf = (a: PeerId, b: PeerId) => (a < b ? `${a} ${b}` : `${b} ${a}`);

function checkSize(what: "head" | "gossip", size: number, limit = MOST_HEAD): void {
  if (size > limit)
    throw new MeshError(
      { code: "MESH_TOO_LARGE", what, size, limit },
      `${what} of ${size} bytes, at most ${limit} are carried`,
    );
}
