/** The engine on virtual time: the code of market, channel and node over modelled links, codec, chain and signatures. */
import { createHash } from "node:crypto";
import { LIVE, Price } from "@tabcast/market";
import type { Mesh, PeerId } from "@tabcast/mesh";
import { broadcast } from "@tabcast/node/broadcaster";
import type {
  Broadcast,
  BroadcastEvent,
  ViewerEvent,
  WorkerEvent,
  WorkerNode,
} from "@tabcast/node/types";
import { view } from "@tabcast/node/viewer";
import { work } from "@tabcast/node/worker";
import {
  Envelope,
  Keys,
  OFFERS_TOPIC,
  Offer,
  PROTOCOLS,
  peerIdOf,
  type Signer,
} from "@tabcast/protocol";
import { type Random, seededRandom, toHex, Wei } from "@tabcast/runtime";
import { calibration } from "../calibration.ts";
import { drawOf, staysOf } from "../churn.ts";
import type {
  Engine,
  Run,
  RunOptions,
  SegmentRow,
  SimEvent,
  ViewerRow,
  WorkerRow,
} from "../engine.ts";
import { Ladder } from "../ladder.ts";
import type { Fault, Scenario, Who } from "../scenario.ts";
import { BOAST, meshOf, touchOf } from "./behaviour.ts";
import { CODEC, type Device, inspect, openDevice, openSource, openVerifier } from "./codec.ts";
import { lend, modelCrypto } from "./crypto.ts";
import { Net, type Node } from "./mesh.ts";
import { Ledger, openPot, openPurse, type SimPurse } from "./money.ts";
import { modelSignals } from "./signals.ts";
import { EPOCH, Timeline } from "./timeline.ts";

const GWEI = 1_000_000_000;
/** A tab that stands still for this long before it is closed has been given up by everybody, in milliseconds. */
const STANDSTILL_MS = 9_000;
/** Network time that the end of all streams may take after the last segment, in milliseconds. */
const PATIENCE_MS = 120_000;
/** Segments a player has before it starts. */
const START_SEGMENTS = 2;
/** Pixels of one frame at all these rungs. */
const pixelsOf = (rungs: readonly string[]) =>
  Ladder.of(rungs, 1).reduce((sum, { width, height }) => sum + width * height, 0);

/** Attacks on deadlines, and the words with which a stream sends them away. */
const SLOW: ReadonlySet<string> = new Set(["late", "stall", "lies-speed"]);
const TOO_LATE: ReadonlySet<string> = new Set(["late", "too slow", "dead"]);

interface Peer {
  readonly name: string;
  readonly keys: Signer;
  readonly self: PeerId;
  readonly node: Node;
  readonly mesh: Mesh;
}

interface Worker {
  readonly name: string;
  readonly group: string;
  readonly spec: Scenario["workers"][number];
  readonly random: Random;
  readonly keys: Signer;
  readonly self: PeerId;
  readonly purse: SimPurse;
  readonly price: Wei;
  readonly speed: number;
  readonly cheats: Set<string>;
  readonly caught: Set<string>;
  cheatsUntilDropped: number | undefined;
  droppedInvalid: number;
  delivered: number;
  earned: bigint;
  presentMs: number;
  busyMs: number;
  /** While it is there. */
  here:
    | {
        readonly since: number;
        readonly peer: Peer;
        readonly node: WorkerNode;
        readonly device: Device;
      }
    | undefined;
}

interface Stream {
  readonly number: number;
  readonly name: string;
  readonly spec: Scenario["streams"][number];
  readonly peer: Peer;
  readonly air: Broadcast;
  readonly crew: Map<PeerId, "crew" | "backup">;
  readonly closedAt: Map<number, number>;
  readonly sentTo: Map<number, PeerId[]>;
  readonly finished: Promise<unknown>;
  paidOnChain: bigint;
  gone: boolean;
}

/** Runs scenarios on virtual time. One run at a time in a process: it lends the process its own WebCrypto and signals. */
export const virtual: Engine = { name: "virtual", run };

async function run(scenario: Scenario, options: RunOptions): Promise<Run> {
  const release = lend({
    crypto: modelCrypto(seededRandom(options.seed, "crypto")),
    ...modelSignals,
  });
  // Refusals are everyday here, and writing down where each came from takes a tenth of a run.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return await new World(scenario, options).run();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    release();
  }
}

class World {
  readonly #scenario: Scenario;
  readonly #seed: number;
  readonly #timeline = new Timeline();
  readonly #net: Net;
  readonly #ledger = new Ledger();
  readonly #hash = createHash("sha256");
  readonly #keep: boolean;
  readonly #events: SimEvent[] = [];
  readonly #segments: SegmentRow[] = [];
  readonly #workers: Worker[] = [];
  readonly #byPeer = new Map<PeerId, Worker>();
  readonly #streams: Stream[] = [];
  readonly #viewers: ViewerRow[] = [];
  readonly #watching: Promise<unknown>[] = [];
  readonly #offers = new Set<string>();
  readonly #over = new AbortController();
  readonly #warmMs: number;
  readonly #endMs: number;
  readonly #fraud = { paid: 0, unseen: 0 };
  readonly #work = { all: 0, published: 0 };
  #captured = 0;
  #failure: unknown;

  constructor(scenario: Scenario, { seed, keepEvents }: RunOptions) {
    this.#scenario = scenario;
    this.#seed = seed;
    this.#keep = keepEvents;
    this.#warmMs = scenario.warmupS * 1_000;
    this.#endMs = this.#warmMs + scenario.durationS * 1_000;
    this.#net = new Net({
      timeline: this.#timeline,
      random: this.#rng("net"),
      scale: scenario.scale,
      loss: scenario.net.lossPct / 100,
      lostAfterMs: calibration.lostAfterMs,
      dialMs: calibration.transfer.dialMs,
    });
  }

  #rng(name: string): Random {
    return seededRandom(this.#seed, name);
  }

  #record(node: string, kind: string, fields: object = {}): void {
    const event: SimEvent = {
      t: Math.round(this.#timeline.now * 1_000) / 1_000,
      node,
      kind,
      ...fields,
    };
    const line = JSON.stringify(event, (_, value) =>
      typeof value === "bigint" ? `${value}` : value,
    );
    this.#hash.update(`${line}\n`);
    if (this.#keep) this.#events.push(JSON.parse(line));
  }

  async #peer(
    name: string,
    keys: Signer,
    links: { uplinkKbps?: number; downlinkKbps?: number },
  ): Promise<Peer> {
    const { net } = this.#scenario;
    const [least, most] = net.rttMs;
    const self = peerIdOf(keys.publicKey);
    const node = this.#net.join(self, {
      delayMs: (least + this.#rng(`delay/${name}`).fraction() * (most - least)) / 2,
      uplinkKbps: links.uplinkKbps ?? net.uplinkKbps,
      downlinkKbps: links.downlinkKbps ?? net.downlinkKbps,
    });
    return { name, keys, self, node, mesh: this.#net.mesh(node) };
  }

  async run(): Promise<Run> {
    const { workers, streams, viewers, faults } = this.#scenario;
    const { promise: ended, resolve, reject } = Promise.withResolvers<void>();
    const begin = async () => {
      for (const spec of workers)
        for (let i = 0; i < spec.n; i++) await this.#hireable(spec, `${spec.id}/${i}`);
      let number = 0;
      for (const spec of streams)
        for (let i = 0; i < spec.n; i++) await this.#onAir(spec, number++);
      for (let i = 0; i < viewers.n; i++) this.#plan(() => this.#watch(i), this.#arrival(i));
      for (const fault of faults)
        this.#plan(() => this.#strike(fault), this.#warmMs + fault.t * 1_000);
    };
    this.#timeline.after(0, () => void begin().catch(reject));
    this.#timeline.after(this.#endMs, () => {
      for (const stream of this.#streams) if (!stream.gone) stream.air.stop();
      const open = this.#streams.filter(({ gone }) => !gone).map(({ finished }) => finished);
      Promise.all(open)
        .then(() => Promise.all(this.#watching))
        .then(() => resolve(), reject);
    });
    await this.#timeline.run(ended, this.#endMs + PATIENCE_MS);
    if (this.#failure !== undefined) throw this.#failure;
    return this.#summary();
  }

  /** Does something at a time of the run; what it throws ends the run. */
  #plan(task: () => Promise<void> | void, at: number): void {
    this.#timeline.after(at - this.#timeline.now, () => {
      void (async () => task())().catch((error: unknown) => {
        this.#failure ??= error;
      });
    });
  }

  async #hireable(spec: Worker["spec"], name: string): Promise<void> {
    const random = this.#rng(`worker/${name}`);
    const keys = await Keys.fromSeed(random.bytes(32));
    const [low, high] = spec.price;
    const worker: Worker = {
      name,
      group: spec.id,
      spec,
      random,
      keys,
      self: peerIdOf(keys.publicKey),
      purse: openPurse({
        ledger: this.#ledger,
        random: this.#rng(`purse/${name}`),
        now: () => Math.floor((EPOCH + this.#timeline.now) / 1_000),
      }),
      price: Wei.of(Math.round((low + random.fraction() * (high - low)) * GWEI)),
      speed: drawOf(spec.speed, random),
      cheats: new Set(),
      caught: new Set(),
      cheatsUntilDropped: undefined,
      droppedInvalid: 0,
      delivered: 0,
      earned: 0n,
      presentMs: 0,
      busyMs: 0,
      here: undefined,
    };
    this.#workers.push(worker);
    this.#byPeer.set(worker.self, worker);
    const stays = staysOf(
      this.#scenario.churn,
      this.#rng(`churn/${name}`),
      0.25 * this.#warmMs,
      this.#endMs,
    );
    const comesAt = spec.fromS === undefined ? 0 : this.#warmMs + spec.fromS * 1_000;
    for (const { from, to, exit } of stays) {
      if (from >= this.#endMs) break;
      if (to <= comesAt) continue;
      this.#plan(() => this.#join(worker), Math.max(from, comesAt));
      if (to >= this.#endMs) continue;
      if (exit === "stall") {
        this.#plan(() => this.#stall(worker), to - STANDSTILL_MS);
        this.#plan(() => this.#crash(worker, "stall"), to);
      } else
        this.#plan(
          () => (exit === "clean" ? this.#leave(worker) : this.#crash(worker, "crash")),
          to,
        );
    }
  }

  async #join(worker: Worker): Promise<void> {
    if (worker.here !== undefined) return;
    const { name, spec, keys } = worker;
    const { uplinkKbps, downlinkKbps, behaviour } = spec;
    const peer = await this.#peer(name, keys, {
      ...(uplinkKbps !== undefined && { uplinkKbps }),
      ...(downlinkKbps !== undefined && { downlinkKbps }),
    });
    const { clock } = peer.node.tab;
    const cheating = this.#rng(`cheat/${name}`);
    const touch =
      behaviour &&
      touchOf(behaviour, cheating, ({ source, seq }) => worker.cheats.add(`${source}/${seq}`));
    const pixelsPerSecond = worker.speed * this.#ladderPixels();
    const device = openDevice({
      clock,
      random: this.#rng(`device/${name}/${this.#timeline.now}`),
      pixelsPerSecond,
      sigma: calibration.encode.sigma,
      stall: { share: calibration.encode.stallShare, factor: calibration.encode.stallFactor },
      deliver: calibration.transfer,
      ...(touch && { touch }),
      worked: (ms, pixels) => {
        this.#work.all += pixels;
        worker.busyMs += ms;
      },
    });
    let served = 0;
    const mesh = behaviour
      ? meshOf(behaviour, peer.mesh, cheating, () => worker.cheats.add(`served/${served++}`))
      : peer.mesh;
    const node = work({
      mesh,
      keys,
      purse: worker.purse,
      transcoder: device,
      capabilities: [
        {
          codec: CODEC,
          pixelsPerSecond: pixelsPerSecond * (behaviour?.kind === "lies-speed" ? BOAST : 1),
          hardware: "sw",
        },
      ],
      price: worker.price,
      clock,
      on: (event) => this.#heardOfWorker(worker, event),
      signal: this.#over.signal,
    });
    worker.here = { since: this.#timeline.now, peer, node, device };
    this.#record(name, "joined");
  }

  #gone(worker: Worker, how: string): void {
    if (worker.here === undefined) return;
    worker.presentMs += this.#timeline.now - worker.here.since;
    worker.here = undefined;
    this.#record(worker.name, "gone", { how });
  }

  #crash(worker: Worker, how: string): void {
    if (worker.here === undefined) return;
    this.#net.crash(worker.here.peer.node);
    this.#gone(worker, how);
  }

  #leave(worker: Worker): void {
    const { here } = worker;
    if (here === undefined) return;
    void here.node.close().then(() => here.peer.mesh.close());
    this.#gone(worker, "clean");
  }

  #stall(worker: Worker): void {
    worker.here?.peer.node.tab.stall();
    this.#record(worker.name, "stalled");
  }

  #ladderPixels(): number {
    const spec = this.#scenario.streams[0] as Stream["spec"];
    return pixelsOf(spec.ladder) * spec.fps;
  }

  async #onAir(spec: Stream["spec"], number: number): Promise<void> {
    const name = `stream/${number}`;
    const random = this.#rng(name);
    const keys = await Keys.fromSeed(random.bytes(32));
    const tabKeys = await Keys.fromSeed(random.bytes(32));
    const peer = await this.#peer(name, tabKeys, {});
    this.#countOffers(peer);
    const at = (0.3 + 0.4 * random.fraction()) * this.#warmMs;
    this.#plan(() => this.#start(spec, number, peer, keys), at);
  }

  /** Counts distinct offers: they are sent again under the same id. */
  #countOffers({ mesh }: Peer): void {
    const { publish } = mesh;
    mesh.publish = async (topic, body) => {
      if (topic === OFFERS_TOPIC)
        await Envelope.open(body, "offer").then(
          ({ payload }) => this.#offers.add(toHex(Offer.decode(payload).id)),
          () => {}, // the end of one
        );
      return publish(topic, body);
    };
  }

  async #start(spec: Stream["spec"], number: number, peer: Peer, keys: Signer): Promise<void> {
    const { scale } = this.#scenario;
    const { clock } = peer.node.tab;
    const name = peer.name;
    const rungs = Ladder.of(spec.ladder, scale);
    const source = openSource({
      clock,
      random: this.#rng(`source/${number}`),
      number,
      segmentMs: spec.segS * 1_000,
      frameRate: spec.fps,
      width: Math.round((spec.height * 16) / 18) * 2,
      height: spec.height,
      bitrate: Number.parseInt(spec.source, 10) * 1_000,
      scale,
    });
    const crew: Stream["crew"] = new Map();
    const closedAt = new Map<number, number>();
    const sentTo = new Map<number, PeerId[]>();
    const air = await broadcast({
      mesh: peer.mesh,
      source,
      rungs,
      codec: CODEC,
      title: name,
      openPot: () =>
        openPot({
          ledger: this.#ledger,
          clock,
          random: this.#rng(`pot/${number}`),
          deposit: Wei.of(Math.round(spec.deposit * GWEI)),
          pays: spec.behaviour === undefined,
        }),
      maxPrice: Wei.of(Math.round(spec.maxPrice * GWEI)),
      wanted: spec.wanted,
      pace: "live",
      transcoder: () =>
        openDevice({
          clock,
          random: this.#rng(`own/${number}`),
          pixelsPerSecond: spec.ownSpeed * this.#ladderPixels(),
          sigma: calibration.encode.sigma,
          stall: { share: 0, factor: 1 },
          deliver: { deliverMs: 0, deliverSigma: 0 },
          worked: () => {},
        }),
      inspect,
      verifier: () =>
        openVerifier({
          clock,
          random: this.#rng(`looks/${number}`),
          ...this.#scenario.check,
          scale,
        }),
      keys,
      clock,
      random: this.#rng(`choices/${number}`),
      // Sizes are scaled, so what is assumed of a link before it is measured must be too.
      config: { ...LIVE, assumedUplink: LIVE.assumedUplink / scale },
      on: (event) => {
        if (event.type !== "source") this.#heardOfStream(stream, event); // that one comes before there is a stream
      },
      signal: this.#over.signal,
    });
    const finished = air.finished.then(
      (report) => {
        stream.paidOnChain = report.settlement?.paidWei ?? 0n;
      },
      (error: unknown) => {
        if (!stream.gone) this.#failure ??= error;
      },
    );
    const stream: Stream = {
      number,
      name,
      spec,
      peer,
      air,
      crew,
      closedAt,
      sentTo,
      finished,
      paidOnChain: 0n,
      gone: false,
    };
    this.#streams.push(stream);
    this.#record(name, "on-air");
  }

  #nameOf(peer: PeerId): string {
    return this.#byPeer.get(peer)?.name ?? peer;
  }

  #heardOfWorker(worker: Worker, event: WorkerEvent): void {
    const { type, ...fields } = event;
    // A stream's id says nothing that its number does not.
    this.#record(worker.name, type, fields);
  }

  #heardOfStream(stream: Stream, event: BroadcastEvent): void {
    const { name, number, crew, closedAt, sentTo } = stream;
    const { type, ...fields } = event;
    if (type === "settling") return;
    const who = "worker" in event ? { worker: this.#nameOf(event.worker) } : {};
    if (event.type === "segment") {
      this.#published(stream, event);
      return;
    }
    this.#record(name, type, { ...fields, ...who });
    switch (event.type) {
      case "captured":
        closedAt.set(event.seq, this.#timeline.now);
        this.#captured += event.bytes * this.#scenario.scale;
        return;
      case "hired":
        crew.set(event.worker, event.role);
        return;
      case "promoted":
        crew.set(event.worker, "crew");
        return;
      case "dropped": {
        crew.delete(event.worker);
        const worker = this.#byPeer.get(event.worker);
        if (worker === undefined) return;
        const caught = event.why === "invalid" || event.why === "unserved";
        if (caught) worker.droppedInvalid++;
        const slow = SLOW.has(worker.spec.behaviour?.kind ?? "") && TOO_LATE.has(event.why);
        if (caught || slow) worker.cheatsUntilDropped ??= this.#cheated(worker);
        return;
      }
      case "sent":
        sentTo.set(event.seq, [...(sentTo.get(event.seq) ?? []), event.worker]);
        return;
      case "failed":
        if (/verification|hash/i.test(event.why))
          this.#byPeer.get(event.worker)?.caught.add(`${number}/${event.seq}`);
        return;
    }
  }

  /** Segments that a worker spoilt; of one that lies about its speed all that it made. */
  #cheated({ spec, cheats, delivered }: Worker): number {
    return spec.behaviour?.kind === "lies-speed" ? delivered : cheats.size;
  }

  #published(
    stream: Stream,
    { seq, lines, gaps }: Extract<BroadcastEvent, { type: "segment" }>,
  ): void {
    const { number, name, closedAt, sentTo, spec } = stream;
    const now = this.#timeline.now;
    const closedMs = closedAt.get(seq) ?? now;
    const [line] = lines;
    const worker = line?.worker === undefined ? undefined : this.#byPeer.get(line.worker);
    const paidWei = lines.reduce((sum, { paidWei: wei }) => sum + BigInt(wei), 0n);
    const tried = sentTo.get(seq) ?? [];
    const row: SegmentRow = {
      stream: number,
      seq,
      closedMs,
      publishedMs: now,
      roundTripMs: line?.roundTripMs ?? 0,
      encodeMs: line?.encodeMs ?? 0,
      by: worker?.name ?? line?.worker ?? "",
      attempts: line?.attempts ?? 0,
      hedged: line?.hedged ?? false,
      gaps: gaps.length,
      rungs: spec.ladder.length,
      asked: lines.filter(({ asked }) => asked).length,
      paidWei,
      judged: closedMs >= this.#warmMs && closedMs <= this.#endMs,
      failedOver: tried.some((peer) => {
        const other = this.#byPeer.get(peer);
        return other !== worker && (other?.here === undefined || other.here.peer.node.tab.stalled);
      }),
    };
    closedAt.delete(seq);
    sentTo.delete(seq);
    this.#segments.push(row);
    if (worker !== undefined) {
      worker.delivered++;
      worker.earned += paidWei;
      for (const { rung, frames } of lines) this.#work.published += pixelsOf([rung]) * frames;
      const key = `${number}/${seq}`;
      if (paidWei > 0n && worker.caught.has(key)) this.#fraud.paid++;
      else if (paidWei > 0n && worker.cheats.has(key)) this.#fraud.unseen++;
    }
    const { stream: _, rungs: __, ...told } = row;
    this.#record(name, "segment", told);
  }

  #arrival(i: number): number {
    const { perMin } = this.#scenario.viewers;
    if (perMin === undefined) return this.#warmMs;
    // Gaps of a Poisson process, each from its own stream of chance.
    let at = this.#warmMs;
    for (let k = 0; k <= i; k++)
      at += (-Math.log(1 - this.#rng(`arrive/${k}`).fraction()) * 60_000) / perMin;
    return at;
  }

  async #watch(i: number): Promise<void> {
    const name = `viewer/${i}`;
    const random = this.#rng(name);
    if (this.#timeline.now >= this.#endMs) return;
    const stream = this.#streams[random.below(this.#streams.length)];
    if (stream === undefined) return;
    const peer = await this.#peer(name, await Keys.fromSeed(random.bytes(32)), {});
    const { clock } = peer.node.tab;
    const row = { name, stream: stream.number, shown: 0, missed: 0, stalls: 0, stalledMs: 0 };
    const cameAt = this.#timeline.now;
    let startUpMs: number | undefined;
    /** When the first segment's first frame was shown, less what stalls have put off. */
    let origin: number | undefined;
    let first: number | undefined;
    const segmentMs = stream.spec.segS * 1_000;
    let line: Promise<void> = Promise.resolve();
    const { promise: done, resolve } = Promise.withResolvers<void>();
    const entry = async (seq: number) => {
      const names = [this.#scenario.viewers.rung, ...stream.spec.ladder, "source"];
      let got = false;
      for (const track of new Set(names)) {
        try {
          await viewer.bytes(track, "media", seq, { signal: clock.timeout(4 * segmentMs) });
          got = true;
          break;
        } catch {
          // The next one: a rung that is a gap, or that nobody gives.
        }
      }
      const now = this.#timeline.now;
      first ??= seq;
      if (!got) row.missed++;
      else row.shown++;
      if (origin === undefined && row.shown >= START_SEGMENTS) {
        startUpMs = now - cameAt;
        origin = now - first * segmentMs;
      } else if (origin !== undefined) {
        const lateMs = now - (origin + seq * segmentMs);
        if (lateMs > 0) {
          row.stalls++;
          row.stalledMs += lateMs;
          origin += lateMs;
        }
      }
    };
    const viewer = view({
      mesh: peer.mesh,
      stream: stream.air.stream,
      clock,
      on: (event: ViewerEvent) => {
        const { type, ...fields } = event;
        if (type !== "announced") this.#record(name, type, fields);
        if (event.type === "entry") line = line.then(() => entry(event.seq));
        if (event.type === "ended") void line.then(resolve);
      },
      signal: this.#over.signal,
    });
    this.#watching.push(
      Promise.race([done, clock.sleep(Math.max(0, this.#endMs + 20_000 - cameAt))]).then(
        async () => {
          await viewer.close();
          this.#viewers.push({ ...row, startUpMs });
        },
      ),
    );
  }

  /** Who is meant, when it happens. */
  #resolve(who: Who): { readonly workers: readonly Worker[]; readonly streams: readonly Stream[] } {
    const here = this.#workers.filter((worker) => worker.here !== undefined);
    const none = { workers: [], streams: [] };
    if (typeof who === "string") {
      const [id = "", span] = who.split("/");
      const [from = 0, to = from] = (span ?? "0-9999").split("-").map(Number);
      const within = (name: string) => {
        const at = Number(name.split("/")[1]);
        return name.startsWith(`${id}/`) && at >= from && at <= to;
      };
      return {
        workers: here.filter(({ name }) => within(name)),
        streams: this.#streams.filter(({ name }) => within(name)),
      };
    }
    const stream = this.#streams.find(({ number }) => number === (who.stream ?? 0));
    if (who.pick === "broadcaster") return { workers: [], streams: stream ? [stream] : [] };
    if (who.pick === "fastest")
      return { ...none, workers: here.toSorted((a, b) => b.speed - a.speed).slice(0, 1) };
    if (who.pick === "encoding") {
      // The oldest segment that is in somebody's hands.
      const hands = [...(stream?.sentTo ?? [])].sort(([a], [b]) => a - b).flatMap(([, all]) => all);
      const first = hands.find((peer) => here.some(({ self }) => self === peer));
      return { ...none, workers: here.filter(({ self }) => self === first) };
    }
    if (who.pick !== undefined)
      return {
        ...none,
        workers: here.filter(({ self }) => stream?.crew.get(self) === who.pick).slice(0, 1),
      };
    const random = this.#rng(`share/${this.#timeline.now}`);
    return { ...none, workers: here.filter(() => random.fraction() < (who.share ?? 0)) };
  }

  #strike(fault: Fault): void {
    if (fault.do === "partition") {
      const groups = fault.groups.map((group) =>
        group.flatMap((one) => {
          const { workers, streams } = this.#resolve(one);
          return [
            ...workers.flatMap(({ here }) => (here ? [here.peer.node] : [])),
            ...streams.map(({ peer }) => peer.node),
          ];
        }),
      );
      this.#record("fault", "partition", { sizes: groups.map(({ length }) => length) });
      this.#net.partition(groups, fault.forS * 1_000);
      return;
    }
    const { workers, streams } = this.#resolve(fault.who);
    const names = [...workers, ...streams].map(({ name }) => name);
    this.#record("fault", fault.do, { who: names });
    const nodes = [
      ...workers.flatMap(({ here }) => (here ? [here.peer.node] : [])),
      ...streams.map(({ peer }) => peer.node),
    ];
    const later = (ms: number, task: () => void) => this.#plan(task, this.#timeline.now + ms);
    switch (fault.do) {
      case "crash":
        for (const worker of workers) this.#crash(worker, "crash");
        for (const stream of streams) {
          stream.gone = true;
          this.#net.crash(stream.peer.node);
        }
        return;
      case "leave":
        for (const worker of workers) this.#leave(worker);
        for (const stream of streams) stream.air.stop();
        return;
      case "stall":
        for (const { tab } of nodes) tab.stall();
        later(fault.forS * 1_000, () => {
          for (const { tab } of nodes) tab.resume();
        });
        return;
      case "slow": {
        const devices = workers.flatMap(({ here }) => (here ? [here.device] : []));
        for (const device of devices) device.slow(fault.factor);
        later(fault.forS * 1_000, () => {
          for (const device of devices) device.slow(1);
        });
        return;
      }
      case "clock":
        for (const { tab } of nodes) tab.offset = fault.offsetS * 1_000;
        return;
    }
  }

  #summary(): Run {
    const traffic = this.#sent();
    const spec = this.#scenario.streams[0] as Stream["spec"];
    const rungs = Ladder.of(spec.ladder, this.#scenario.scale);
    let vouched = 0n;
    const workers = this.#workers.map((worker): WorkerRow => {
      if (worker.here !== undefined) worker.presentMs += this.#endMs - worker.here.since;
      vouched += worker.purse.balances().vouchered;
      const debts = [...worker.purse.arrears().values()];
      return {
        name: worker.name,
        group: worker.group,
        attack: worker.spec.behaviour?.kind,
        delivered: worker.delivered,
        earnedWei: worker.earned,
        busyMs: worker.busyMs,
        presentMs: worker.presentMs,
        cheated: this.#cheated(worker),
        caught: worker.caught.size,
        cheatsUntilDropped: worker.cheatsUntilDropped,
        droppedInvalid: worker.droppedInvalid,
        arrearsWei: debts.reduce((most, debt) => (debt > most ? debt : most), 0n),
        segmentWei: Price.ofSegment(worker.price, rungs, Math.round(spec.segS * spec.fps)),
      };
    });
    this.#over.abort(new Error("the run is over"));
    return {
      engine: "virtual",
      scenario: this.#scenario,
      seed: this.#seed,
      hash: this.#hash.digest("hex"),
      events: this.#events,
      segments: this.#segments,
      workers,
      viewers: this.#viewers,
      segmentSeconds: this.#streams.map((stream) => stream.spec.segS),
      money: {
        deposited: this.#ledger.deposited,
        paid: this.#ledger.paid,
        refunded: this.#ledger.refunded,
        vouched,
        fraudPaidSegments: this.#fraud.paid,
        fraudUnseenSegments: this.#fraud.unseen,
      },
      bytes: { ...traffic, captured: this.#captured },
      offers: this.#offers.size,
      bids: this.#bids(),
      workPixels: this.#work,
      virtualMs: this.#timeline.now,
      timelineEvents: this.#timeline.ran,
      skipped: [],
    };
  }

  #bids(): number {
    return this.#net.asked(PROTOCOLS.bid).count;
  }

  #sent(): { media: number; control: number; jobs: number } {
    const { media, control } = this.#net.traffic();
    return { media, control, jobs: this.#net.asked(PROTOCOLS.job).bodies };
  }
}
