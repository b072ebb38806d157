/** What all parts of a run on virtual time share. */
import type { Mesh, PeerId } from "@tabcast/mesh";
import { gossipRules, Keys, peerIdOf, type Signer } from "@tabcast/protocol";
import { Millis, type Random, seededRandom } from "@tabcast/runtime";
import { calibration } from "../calibration.ts";
import { pixelsOf } from "../rows.ts";
import type { AttackerKind, Scenario } from "../scenario.ts";
import type { StagedTab } from "../stage.ts";
import type { Memory } from "./memory.ts";
import { Net, type Node } from "./mesh.ts";
import { Ledger } from "./money.ts";
import { openReach, type ReachOptions } from "./reach.ts";
import { type Conduct, RelayNet } from "./relay.ts";
import { EPOCH, Timeline } from "./timeline.ts";

/** Attackers that are relays. */
const HOSTILE_RELAYS: { readonly [Kind in AttackerKind]?: Conduct } = {
  "lying-relay": "lies",
  "hanging-relay": "hangs",
};

export interface World {
  readonly scenario: Scenario;
  readonly timeline: Timeline;
  readonly net: Net;
  readonly ledger: Ledger;
  /** Where the scenario has some: then nobody reaches others but through them. */
  readonly relays: RelayNet | undefined;
  /** An IP address that nobody else has. */
  readonly host: () => string;
  /** Chance under a name: the same for the same seed, whoever else draws. */
  readonly rng: (name: string) => Random;
  /** The fullest memories so far. */
  readonly memory: Memory;
  /** Names of all tabs that ever were. */
  readonly peers: Map<PeerId, string>;
  /** Names of tabs that are hostile. */
  readonly hostile: Set<string>;
  /** Requests that other tabs sent each other, by protocol. */
  readonly asked: Map<string, number>;
  /** What hostile peers got of private streams that opens. */
  readonly leaks: Set<string>;
  /** What hostile peers have done, and how often. */
  readonly deeds: Map<string, number>;
  /** Aborted when the run is over. */
  readonly signal: AbortSignal;
}

/** A tab in the mesh. */
export interface Peer {
  readonly name: string;
  readonly keys: Signer;
  readonly self: PeerId;
  readonly node: Node;
  readonly mesh: Mesh;
}

export function openWorld(
  scenario: Scenario,
  seed: number,
  memory: Memory,
  signal: AbortSignal,
): World {
  const rng = (name: string) => seededRandom(seed, name);
  const timeline = new Timeline();
  const net = new Net({
    timeline,
    random: rng("net"),
    scale: scenario.scale,
    loss: scenario.net.lossPct / 100,
    lostAfterMs: calibration.lostAfterMs,
    dialMs: calibration.transfer.dialMs,
    rules: gossipRules({
      clock: { now: () => Millis.of(timeline.now), unix: () => Millis.of(EPOCH + timeline.now) },
      as: "relay",
    }),
  });
  const spec = scenario.relays;
  const conducts = spec && conductsOf(scenario, spec.n);
  const relays = spec && new RelayNet({ net, spec, conducts: conducts ?? [], rng, signal });
  let hosts = 0;
  const host = () => {
    const n = hosts++;
    return `11.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;
  };
  return {
    scenario,
    timeline,
    net,
    ledger: new Ledger(),
    relays,
    host,
    rng,
    memory,
    peers: new Map(),
    hostile: new Set(),
    asked: new Map(),
    leaks: new Set(),
    deeds: relays?.deeds ?? new Map(),
    signal,
  };
}

/** What each relay of a scenario does: relays that are attackers are so many of all, those that come first. */
function conductsOf({ attackers }: Scenario, n: number): Conduct[] {
  return attackers.flatMap(({ kind, share = 0, n: many }) => {
    const conduct = HOSTILE_RELAYS[kind];
    if (conduct === undefined) return [];
    return Array.from({ length: many ?? Math.max(1, Math.round(share * n)) }, () => conduct);
  });
}

/** Opens a tab whose key is made of `seed`; links that are not given are the scenario's. */
export async function openPeer(
  world: World,
  name: string,
  seed: Uint8Array,
  links: {
    readonly uplinkKbps?: number | undefined;
    readonly downlinkKbps?: number | undefined;
    /** What a hostile tab does otherwise than others. */
    readonly as?: Partial<Pick<ReachOptions, "degree" | "named" | "host">>;
  } = {},
): Promise<Peer> {
  const { net, rng, scenario, relays, host, hostile, memory } = world;
  const keys = await Keys.fromSeed(seed);
  const [least, most] = scenario.net.rttMs;
  const self = peerIdOf(keys.publicKey);
  // Before it begins to look for others: nobody counts it among honest neighbours, nor asks whether it has some.
  if (hostile.has(name)) relays?.hostile.add(self);
  const node = net.join(self, {
    delayMs: (least + rng(`delay/${name}`).fraction() * (most - least)) / 2,
    uplinkKbps: links.uplinkKbps ?? scenario.net.uplinkKbps,
    downlinkKbps: links.downlinkKbps ?? scenario.net.downlinkKbps,
  });
  if (relays !== undefined) {
    const random = rng(`reach/${name}`);
    node.reach = openReach({ net, relays, node, host: host(), random, memory, ...links.as });
  }
  return { name, keys, self, node, mesh: counted(world, { name, mesh: net.mesh(node) }) };
}

/** The mesh of a tab, whose requests are counted unless it or whom it asks is hostile. */
function counted(
  { asked, hostile, peers }: World,
  { name, mesh }: { readonly name: string; readonly mesh: Mesh },
): Mesh {
  peers.set(mesh.self, name);
  const { request } = mesh;
  return {
    ...mesh,
    request(peer, protocol, ...rest) {
      if (!hostile.has(name) && !hostile.has(peers.get(peer) ?? ""))
        asked.set(protocol, (asked.get(protocol) ?? 0) + 1);
      return request(peer, protocol, ...rest);
    },
  };
}

/** What can happen to any tab, and how this one says goodbye. */
export class Staged implements StagedTab {
  readonly #net: Net;
  readonly node: Node;
  readonly leave: () => void;

  constructor({ net }: World, { node }: Peer, leave: () => void) {
    this.#net = net;
    this.node = node;
    this.leave = leave;
  }

  get stalled(): boolean {
    return this.node.tab.stalled;
  }

  crash(): void {
    this.#net.crash(this.node);
  }

  stall(): void {
    this.node.tab.stall();
  }

  resume(): void {
    this.node.tab.resume();
  }

  setClockOffset(ms: number): void {
    this.node.tab.offset = ms;
  }
}

/** Output pixels per second of the scenario's first stream: what a speed of 1 is. */
export function ladderPixelRate({ streams }: Scenario): number {
  const spec = streams[0] as Scenario["streams"][number];
  return pixelsOf(spec.ladder) * spec.fps;
}
