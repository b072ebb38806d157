/**
 * Relays on modelled links: they introduce tabs, carry gossip, and say who is there and what is on the air. What they decide by is the
 * mesh's and the node's own; only bytes and time are modelled. Some of them may lie, or hang.
 */
import {
  type GossipLimits,
  type GossipMessage,
  gossipLimits,
  type Mesh,
  type Name,
  type PeerId,
  peerIdFromPublicKey,
} from "@tabcast/mesh";
import { crowds, madeUpPeers } from "@tabcast/mesh/attacks";
import {
  answerPeers,
  configuredRelays,
  countedTopics,
  estimate,
  grouped,
  networkOf,
  openBudget,
  openTurns,
  type RelaySlots,
  type Relays,
  relaySlots,
  type Sample,
  sample,
} from "@tabcast/mesh/parts";
import { serveDirectory } from "@tabcast/node/directory";
import { LiveReply, PROTOCOLS, peersWire, TOPICS } from "@tabcast/protocol";
import type { Random } from "@tabcast/runtime";
import type { Scenario } from "../scenario.ts";
import type { Carrier, Net, Node } from "./mesh.ts";

/**
 * What a relay does. One that lies gives slots, then leads nowhere: it forwards nothing, refuses to introduce anybody, names peers that do not
 * exist, exaggerates and lists rubbish. One that hangs gives slots and says no more.
 */
export type Conduct = "honest" | "lies" | "hangs";

/** Other relays are asked so often, and what was looked up is told for so long; milliseconds. Source: mesh. */
const ASK_EVERY_MS = 10_000;
const LOOK_EVERY_MS = 1_000;
/** A relay is no way off, and its line is no bottleneck. */
const PLACE = { delayMs: 0, uplinkKbps: 10_000_000, downlinkKbps: 10_000_000 };

/** Topics whose subscribers are counted. */
const COUNTED = countedTopics(TOPICS);

export type RelaysSpec = NonNullable<Scenario["relays"]>;

export interface RelayNetOptions {
  readonly net: Net;
  readonly spec: RelaysSpec;
  /** What each does; those beyond are honest. */
  readonly conducts: readonly Conduct[];
  readonly rng: (name: string) => Random;
  readonly signal: AbortSignal;
}

/** The relays of a run. */
export class RelayNet implements Carrier {
  readonly net: Net;
  readonly all: ReadonlyMap<PeerId, Relay>;
  /** What every tab is configured with. */
  readonly configured: Relays;
  readonly #hosts = new Map<PeerId, string>();
  /** Peers of attackers. */
  readonly hostile = new Set<PeerId>();
  /** Honest tabs that were there for half a minute, and of these those that had fewer than four honest neighbours then. */
  readonly settled = { tabs: 0, lonely: 0 };
  /** What hostile relays and peers did, and how often. */
  readonly deeds = new Map<string, number>();
  /** The honest relays that each peer is connected to. */
  readonly #honest = new Map<PeerId, Set<Relay>>();

  constructor({ net, spec, conducts, rng, signal }: RelayNetOptions) {
    this.net = net;
    const relays = Array.from({ length: spec.n }, (_, i) => {
      const random = rng(`relay/${i}`);
      const node = net.join(peerIdFromPublicKey(random.bytes(32)), PLACE);
      const conduct = conducts[i] ?? "honest";
      return new Relay({ of: this, node, conduct, spec, random, signal });
    });
    this.all = new Map(relays.map((relay) => [relay.id, relay]));
    const addresses = relays.map(({ id }, i) => `/dns4/r${i}.example.org/tcp/443/tls/ws/p2p/${id}`);
    this.configured = configuredRelays(addresses, { local: true });
    net.carrier = this;
  }

  did(what: string): void {
    this.deeds.set(what, (this.deeds.get(what) ?? 0) + 1);
  }

  /** The address that a peer has, or "" for one that never came. */
  hostOf(peer: PeerId): string {
    return this.#hosts.get(peer) ?? "";
  }

  settle(peer: PeerId, host: string): void {
    this.#hosts.set(peer, host);
  }

  /** A relay's view of whoever is connected to it. */
  connected(relay: Relay, peer: PeerId): boolean {
    return this.net.between(relay.id, peer) !== undefined;
  }

  /** The honest relays that a peer is connected to. */
  honestOf(peer: PeerId): ReadonlySet<Relay> {
    return this.#honest.get(peer) ?? NONE;
  }

  /** A relay has a connection to a peer, or has it no more. */
  meet(relay: Relay, peer: PeerId, is: boolean): void {
    if (relay.conduct !== "honest") return;
    const relays = this.#honest.get(peer) ?? new Set();
    if (is) relays.add(relay);
    else relays.delete(relay);
    if (relays.size > 0) this.#honest.set(peer, relays);
    else this.#honest.delete(peer);
  }

  /** Whether what the relays carry on a topic comes to a tab: by a relay, or by a neighbour that listens too and has one. */
  #hears(tab: Node, topic: Name): boolean {
    if (this.honestOf(tab.self).size > 0) return true;
    const listeners = this.net.listeners(topic);
    return this.net
      .neighboursOf(tab)
      .some((peer) => listeners.has(peer) && this.honestOf(peer).size > 0);
  }

  async carry(from: Node, topic: Name, body: Uint8Array, author: PeerId): Promise<void> {
    const relays = [...this.honestOf(from.self)];
    const brought = relays.filter(({ limits }) => limits.admits(topic, from.self));
    if (relays.length > 0 && brought.length === 0) return;
    const rule = this.net.options.rules.get(topic);
    // Judged once, and not by each relay and tab: the answer would be the same, and cost as often as they are many.
    if (rule !== undefined && (await rule.judge(body, author)) !== "accept") return;
    const near = new Set(this.net.neighboursOf(from));
    const carried = relays.length > 0 || this.#hears(from, topic);
    const hears = (to: Node) => near.has(to.self) || (carried && this.#hears(to, topic));
    this.net.gossip(from, topic, body, { author, hears });
    if (!carried) return;
    for (const relay of this.all.values())
      relay.hear(topic, { from: author, body }, { by: from.self, from: brought[0] });
  }
}

interface RelayOptions {
  readonly of: RelayNet;
  readonly node: Node;
  readonly conduct: Conduct;
  readonly spec: RelaysSpec;
  readonly random: Random;
  readonly signal: AbortSignal;
}

const NONE: ReadonlySet<Relay> = new Set();

type Hearer = (message: GossipMessage & { readonly group: string }) => void;

/** One relay. */
export class Relay {
  readonly id: PeerId;
  readonly node: Node;
  readonly conduct: Conduct;
  readonly slots: RelaySlots;
  /** What its tabs may bring. */
  readonly limits: GossipLimits;
  readonly #of: RelayNet;
  readonly #random: Random;
  readonly #hearers = new Map<Name, Set<Hearer>>();
  #looked: { readonly at: number; readonly groups: ReturnType<typeof grouped> } | undefined;
  #counts: Sample["populations"] = new Map();
  #asked: { readonly at: number; readonly said: ReadonlyMap<PeerId, Sample> } | undefined;

  constructor({ of, node, conduct, spec, random, signal }: RelayOptions) {
    this.#of = of;
    this.#random = random;
    this.id = node.self;
    this.node = node;
    this.conduct = conduct;
    const { clock } = node.tab;
    // A slot lasts longer than a run.
    this.slots = relaySlots({ max: spec.slots, maxPerNetwork: spec.perAddress, now: () => 0 });
    this.limits = gossipLimits(of.net.options.rules, { clock, trusted: () => false });
    node.bounds = { budget: openBudget(), turns: openTurns({ clock }) };
    node.reach = {
      connect: () => Promise.reject(new Error("a relay dials nobody")),
      opened: ({ ends: [a, b] }) => of.meet(this, (a === node ? b : a).self, true),
      asked: () => {},
      neighbours: () => [],
      closed: ({ ends: [a, b] }) => {
        const peer = (a === node ? b : a).self;
        of.meet(this, peer, false);
        this.slots.removeReservation({ toString: () => peer } as never);
      },
      over: () => ({}),
    };
    this.#serve(of.net.mesh(node), signal);
  }

  #serve(mesh: Mesh, signal: AbortSignal): void {
    const { clock } = this.node.tab;
    if (this.conduct === "hangs") {
      for (const protocol of [PROTOCOLS.peers, PROTOCOLS.live])
        mesh.serve(protocol, (_, options) => this.#hang(options), { signal });
      return;
    }
    answerPeers(mesh.serve, peersWire, { sample: (asker) => this.sample(asker), clock, signal });
    if (this.conduct === "lies") mesh.serve(PROTOCOLS.live, rubbish, { signal });
    else {
      const groupOf = (peer: PeerId) => this.#groupOf(peer) ?? peer;
      const hearing = { serve: mesh.serve, hear: this.#listen.bind(this), groupOf };
      serveDirectory(hearing, { clock, signal });
    }
  }

  /** The network of a peer that is connected here. */
  #groupOf(peer: PeerId): string | undefined {
    return this.#of.connected(this, peer) ? networkOf(this.#of.hostOf(peer)) : undefined;
  }

  #listen(topic: Name, on: Hearer, { signal }: { readonly signal: AbortSignal }): void {
    const all = this.#hearers.get(topic) ?? new Set();
    this.#hearers.set(topic, all.add(on));
    signal.addEventListener("abort", () => all.delete(on));
  }

  /** A message has come: from the tab that brought it if that is connected here, else from the relay that it brought it to. */
  hear(
    topic: Name,
    message: GossipMessage,
    { by, from }: { readonly by: PeerId; readonly from: Relay | undefined },
  ): void {
    const hearers = this.#hearers.get(topic);
    if (hearers === undefined) return;
    const group = this.#groupOf(message.from) ?? this.#groupOf(by) ?? from?.id ?? by;
    for (const on of hearers) on({ ...message, group });
  }

  /** Takes a question, and says nothing to it. */
  async *#hang({ signal }: { readonly signal: AbortSignal }): AsyncGenerator<never> {
    this.#of.did("questions left hanging");
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  }

  /** What it says to who asks for peers. */
  sample(asker: PeerId): Sample {
    if (this.conduct === "lies") return this.#made();
    const groups = this.#look();
    return {
      peers: sample(groups, asker, this.#random),
      relays: [...this.#of.all.keys()].filter((id) => id !== this.id),
      populations: this.#counts,
    };
  }

  /** Peers that nobody has ever seen, at whatever relay, in crowds. */
  #made(): Sample {
    this.#of.did("answers with made-up peers and crowds");
    const peers = madeUpPeers(this.#random, [...this.#of.all.keys()]);
    return { peers, relays: [], populations: crowds(COUNTED) };
  }

  #others(): ReadonlyMap<PeerId, Sample> {
    const now = this.node.tab.clock.now();
    if (this.#asked !== undefined && now - this.#asked.at < ASK_EVERY_MS) return this.#asked.said;
    const asked = { at: now, said: new Map<PeerId, Sample>() };
    this.#asked = asked; // two relays that ask each other at once hear what the other knew before
    for (const [id, relay] of this.#of.all)
      if (relay !== this && relay.conduct !== "hangs") asked.said.set(id, relay.sample(this.id));
    return asked.said;
  }

  #look(): ReturnType<typeof grouped> {
    const now = this.node.tab.clock.now();
    if (this.#looked !== undefined && now - this.#looked.at < LOOK_EVERY_MS)
      return this.#looked.groups;
    const held = [...this.slots.reservations.keys()];
    const own = held.map((peer) => ({
      peer,
      relays: [this.id],
      group: networkOf(this.#of.hostOf(peer)),
    }));
    this.#looked = { at: now, groups: grouped(own) };
    const said = this.#others();
    const theirs = [...said].flatMap(([group, { peers }]) =>
      peers.map((one) => ({ ...one, group })),
    );
    this.#looked = { at: now, groups: grouped([...own, ...theirs]) };
    this.#counts = new Map(
      COUNTED.map((topic) => {
        const listeners = this.#of.net.listeners(topic);
        const here = held.filter((peer) => listeners.has(peer)).length;
        const there = [...said.values()].map((one) => one.populations.get(topic)?.here ?? 0);
        return [topic, { here, all: estimate(here, there) }];
      }),
    );
    return this.#looked.groups;
  }
}

/** A page of announcements that do not open, of a list without end. */
async function* rubbish(): AsyncGenerator<{ head: Uint8Array; body: Uint8Array }> {
  const announces = Array.from({ length: 32 }, (_, i) => new Uint8Array(200).fill(i));
  yield { head: LiveReply.encode({ announces, total: 65_535 }), body: new Uint8Array(0) };
}
