/** What a scenario is: who comes when, what befalls whom, and what is written down. Where it happens is a `Stage`. */
import type { PeerId } from "@tabcast/mesh";
import type { BroadcastEvent } from "@tabcast/node/types";
import { Amount, type Random, seededRandom } from "@tabcast/runtime";
import { drawOf, type Stay, staysOf } from "./churn.ts";
import type { ListerRow, Run, RunOptions, SegmentRow, ViewerRow } from "./engine.ts";
import { type Recorder, recorder } from "./recorder.ts";
import { droppedBy, pixelsOf, type Stream, segmentRow, type Worker, workerRow } from "./rows.ts";
import type { Fault, Scenario, Who } from "./scenario.ts";
import type { Stage, StagedLister, StagedTab, StreamTab } from "./stage.ts";
import { targets } from "./targets.ts";

/** Wei per gigapixel that are a gwei per megapixel. */
const PER_GIGAPIXEL = 1_000_000_000_000;
/** A tab that stands still for this long before it is closed has been given up by everybody, in milliseconds. */
const STANDSTILL_MS = 9_000;
/** Time of the run that the end of all streams may take after the last segment, in milliseconds. */
const PATIENCE_MS = 120_000;
/** Time of the run that a viewer may take after the end, in milliseconds. */
const LINGER_MS = 20_000;

/** Tabs of a scenario that keep to the rules, or at least are not counted as attackers. */
export const honestPeers = ({ workers, streams, viewers }: Scenario): number =>
  [...workers, ...streams].reduce((sum, { n }) => sum + n, viewers.n);

/** How many hostile peers beside `honest` others are `share` of all; one at least, none for a share of 0. */
export const hostileOf = (share: number, honest: number): number =>
  share === 0 ? 0 : Math.max(1, Math.round((honest * share) / (1 - share)));

/** Plays a scenario on a stage, and tells what happened. Rejects with what a part of it failed with. */
export function play(scenario: Scenario, options: RunOptions, stage: Stage): Promise<Run> {
  return new Play(scenario, options, stage).run();
}

class Play {
  readonly #scenario: Scenario;
  readonly #seed: number;
  readonly #stage: Stage;
  readonly #recorder: Recorder;
  readonly #hiring: { name: string; startedMs: number; hiredMs: number | undefined }[] = [];
  readonly #segments: SegmentRow[] = [];
  readonly #workers: Worker[] = [];
  readonly #byPeer = new Map<PeerId, Worker>();
  readonly #streams: Stream[] = [];
  readonly #viewers: ViewerRow[] = [];
  readonly #listers: { readonly name: string; readonly tab: StagedLister }[] = [];
  readonly #listed: ListerRow[] = [];
  readonly #watching: Promise<unknown>[] = [];
  readonly #warmMs: number;
  readonly #endMs: number;
  readonly #fraud = { paid: 0, unseen: 0 };
  readonly #work = { all: 0, published: 0 };
  #captured = 0;
  #failure: unknown;

  constructor(scenario: Scenario, { seed, keepEvents }: RunOptions, stage: Stage) {
    this.#scenario = scenario;
    this.#seed = seed;
    this.#stage = stage;
    this.#recorder = recorder(() => stage.now(), keepEvents);
    this.#warmMs = scenario.warmupS * 1_000;
    this.#endMs = this.#warmMs + scenario.durationS * 1_000;
  }

  async run(): Promise<Run> {
    const { promise: ended, resolve, reject } = Promise.withResolvers<void>();
    this.#stage.after(0, () => void this.#begin().catch(reject));
    this.#stage.after(this.#endMs, () => {
      const open = this.#streams.flatMap(({ gone, tab }) =>
        gone || tab === undefined ? [] : [tab],
      );
      this.#look(open);
      for (const tab of open) tab.leave();
      Promise.all(open.map(({ finished }) => finished))
        .then(() => Promise.all(this.#watching))
        .then(() => resolve(), reject);
    });
    await this.#stage.run(ended, this.#endMs + PATIENCE_MS);
    if (this.#failure !== undefined) throw this.#failure;
    return this.#summary();
  }

  async #begin(): Promise<void> {
    const { workers, streams, viewers, faults, attackers } = this.#scenario;
    for (const spec of workers)
      for (let i = 0; i < spec.n; i++) await this.#castWorker(spec, `${spec.id}/${i}`);
    let number = 0;
    for (const spec of streams)
      for (let i = 0; i < spec.n; i++) await this.#castStream(spec, number++);
    for (let i = 0; i < viewers.n; i++) this.#plan(() => this.#watch(i), this.#arrival(i));
    for (let i = 0; i < viewers.lists; i++) this.#plan(() => this.#list(i), this.#warmMs);
    for (const attacker of attackers) this.#castAttackers(attacker);
    for (const fault of faults)
      this.#plan(() => this.#strike(fault), this.#warmMs + fault.t * 1_000);
  }

  #castAttackers({ kind, share, n, fromS }: Scenario["attackers"][number]): void {
    const hostile = n ?? hostileOf(share, honestPeers(this.#scenario));
    const at = fromS === undefined ? 0 : Math.max(0, this.#warmMs + fromS * 1_000);
    this.#plan(async () => {
      this.#record("attack", kind, { n: hostile });
      await this.#stage.attack({ kind, n: hostile });
    }, at);
  }

  #rng(name: string): Random {
    return seededRandom(this.#seed, name);
  }

  #record(node: string, kind: string, fields: object = {}): void {
    this.#recorder.record(node, kind, fields);
  }

  /** Does something at a time of the run; what it throws ends the run. */
  #plan(task: () => Promise<void> | void, at: number): void {
    this.#stage.after(at - this.#stage.now(), () => {
      void (async () => task())().catch((error: unknown) => {
        this.#failure ??= error;
      });
    });
  }

  async #castWorker(spec: Worker["spec"], name: string): Promise<void> {
    const random = this.#rng(`worker/${name}`);
    const seed = random.bytes(32);
    const [low, high] = spec.price;
    const price = Amount.of(Math.round((low + random.fraction() * (high - low)) * PER_GIGAPIXEL));
    const speed = drawOf(spec.speed, random);
    const cheats = new Set<string>();
    const staged = await this.#stage.worker({
      name,
      spec,
      seed,
      price,
      speed,
      // Which pot pays says nothing of how a stream went.
      on: ({ type, ...fields }) =>
        this.#record(
          name,
          type,
          "role" in fields ? { stream: fields.stream, role: fields.role } : fields,
        ),
      cheated: (segment) => cheats.add(segment),
      worked: (ms, pixels) => {
        this.#work.all += pixels;
        worker.busyMs += ms;
      },
    });
    const worker: Worker = {
      name,
      spec,
      staged,
      price,
      speed,
      cheats,
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
    this.#byPeer.set(staged.peer, worker);
    const coming = this.#rng(`churn/${name}`);
    const stays = staysOf(this.#scenario.churn, coming, 0.25 * this.#warmMs, this.#endMs);
    const comesAt = spec.fromS === undefined ? 0 : this.#warmMs + spec.fromS * 1_000;
    for (const stay of stays) if (stay.to > comesAt) this.#planStay(worker, stay, comesAt);
  }

  #planStay(worker: Worker, { from, to, exit }: Stay, comesAt: number): void {
    if (from >= this.#endMs) return;
    this.#plan(() => this.#join(worker), Math.max(from, comesAt));
    if (to >= this.#endMs) return;
    if (exit === "stall") {
      this.#plan(() => this.#stall(worker), to - STANDSTILL_MS);
      this.#plan(() => this.#crash(worker, "stall"), to);
    } else
      this.#plan(() => (exit === "clean" ? this.#leave(worker) : this.#crash(worker, "crash")), to);
  }

  async #join(worker: Worker): Promise<void> {
    if (worker.here !== undefined) return;
    const tab = await worker.staged.join();
    worker.here = { since: this.#stage.now(), tab };
    this.#record(worker.name, "joined");
  }

  #gone(worker: Worker, how: string): void {
    if (worker.here === undefined) return;
    worker.presentMs += this.#stage.now() - worker.here.since;
    worker.here = undefined;
    this.#record(worker.name, "gone", { how });
  }

  #crash(worker: Worker, how: string): void {
    worker.here?.tab.crash();
    this.#gone(worker, how);
  }

  #leave(worker: Worker): void {
    worker.here?.tab.leave();
    this.#gone(worker, "clean");
  }

  #stall(worker: Worker): void {
    worker.here?.tab.stall();
    this.#record(worker.name, "stalled");
  }

  async #castStream(spec: Stream["spec"], number: number): Promise<void> {
    const name = `stream/${number}`;
    const random = this.#rng(name);
    const [streamSeed, tabSeed] = [random.bytes(32), random.bytes(32)];
    const stream: Stream = {
      number,
      name,
      spec,
      crew: new Map(),
      closedAt: new Map(),
      sentTo: new Map(),
      tab: undefined,
      gone: false,
    };
    const on = (event: BroadcastEvent) => {
      if (event.type !== "source") this.#heard(stream, event); // that one comes before there is a stream
    };
    const staged = await this.#stage.stream({ number, name, spec, streamSeed, tabSeed, on });
    const at = (0.3 + 0.4 * random.fraction()) * this.#warmMs;
    const hiring = { name, startedMs: at, hiredMs: undefined };
    this.#hiring.push(hiring);
    this.#plan(async () => {
      stream.tab = await staged.start();
      stream.tab.finished.catch((error: unknown) => {
        if (!stream.gone) this.#failure ??= error;
      });
      this.#streams.push(stream);
      this.#record(name, "on-air");
    }, at);
  }

  #heard(stream: Stream, event: BroadcastEvent): void {
    const { type, ...fields } = event;
    if (event.type === "settling") return;
    if (event.type === "segment") {
      this.#published(stream, event);
      return;
    }
    const worker = "worker" in event ? this.#byPeer.get(event.worker) : undefined;
    const who = "worker" in event ? { worker: worker?.name ?? event.worker } : {};
    this.#record(stream.name, type, { ...fields, ...who });
    switch (event.type) {
      case "captured":
        stream.closedAt.set(event.seq, this.#stage.now());
        this.#captured += event.bytes * this.#scenario.scale;
        return;
      case "hired":
        stream.crew.set(event.worker, event.role);
        this.#hired(stream);
        return;
      case "promoted":
        stream.crew.set(event.worker, "crew");
        return;
      case "dropped":
        stream.crew.delete(event.worker);
        if (worker !== undefined) droppedBy(worker, event.why);
        return;
      case "sent":
        stream.sentTo.set(event.seq, [...(stream.sentTo.get(event.seq) ?? []), event.worker]);
        return;
      case "failed":
        if (/verification|hash/i.test(event.why))
          worker?.caught.add(`${stream.number}/${event.seq}`);
        return;
    }
  }

  #hired({ name }: Stream): void {
    const row = this.#hiring.find((one) => one.name === name);
    if (row !== undefined) row.hiredMs ??= this.#stage.now();
  }

  #published(stream: Stream, event: Extract<BroadcastEvent, { type: "segment" }>): void {
    const { row, maker } = segmentRow({
      stream,
      event,
      now: this.#stage.now(),
      workerOf: (peer) => this.#byPeer.get(peer),
      counts: (closedMs) => closedMs >= this.#warmMs && closedMs <= this.#endMs,
    });
    stream.closedAt.delete(row.seq);
    stream.sentTo.delete(row.seq);
    this.#segments.push(row);
    if (maker !== undefined) {
      maker.delivered++;
      maker.earned += row.paid;
      for (const { rung, frames } of event.lines.filter(({ asked }) => asked))
        this.#work.published += pixelsOf([rung]) * frames;
      const key = `${row.stream}/${row.seq}`;
      if (row.paid > 0n && maker.caught.has(key)) this.#fraud.paid++;
      else if (row.paid > 0n && maker.cheats.has(key)) this.#fraud.unseen++;
    }
    const { stream: _, rungs: __, ...told } = row;
    this.#record(stream.name, "segment", told);
  }

  async #list(i: number): Promise<void> {
    const name = `lister/${i}`;
    const seed = this.#rng(name).bytes(32);
    this.#listers.push({ name, tab: await this.#stage.lister({ name, seed }) });
  }

  /** Notes what of the streams on the air the listers list now. */
  #look(open: readonly StreamTab[]): void {
    for (const { name, tab } of this.#listers) {
      const listed = tab.listed();
      const unlisted = open.filter(({ stream }) => !listed.has(stream)).length;
      this.#listed.push({ name, onAir: open.length, unlisted });
      this.#record(name, "listed", { all: listed.size, unlisted });
    }
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
    if (this.#stage.now() >= this.#endMs) return;
    const stream = this.#streams[random.below(this.#streams.length)];
    if (stream?.tab === undefined) return;
    const { finished } = await this.#stage.viewer({
      name,
      seed: random.bytes(32),
      stream: stream.tab.stream,
      rungs: [...new Set([this.#scenario.viewers.rung, ...stream.spec.ladder, "source"])],
      segmentMs: stream.spec.segS * 1_000,
      untilMs: this.#endMs + LINGER_MS,
      on: ({ type, ...fields }) => {
        if (type !== "announced") this.#record(name, type, fields);
      },
    });
    const row = { name, stream: stream.number };
    this.#watching.push(finished.then((seen) => void this.#viewers.push({ ...row, ...seen })));
  }

  #targets(who: Who) {
    const here = this.#workers.flatMap((worker) =>
      worker.here === undefined
        ? []
        : [
            {
              ...worker.here,
              worker,
              name: worker.name,
              speed: worker.speed,
              peer: worker.staged.peer,
            },
          ],
    );
    const share = () => this.#rng(`share/${this.#stage.now()}`);
    return targets(who, here, this.#streams, share);
  }

  #strike(fault: Fault): void {
    if (fault.do === "partition") {
      const groups = fault.groups.map((group) => group.flatMap((who) => this.#tabsOf(who)));
      this.#record("fault", "partition", { sizes: groups.map(({ length }) => length) });
      this.#stage.partition(groups, fault.forS * 1_000);
      return;
    }
    const { workers, streams } = this.#targets(fault.who);
    this.#record("fault", fault.do, { who: [...workers, ...streams].map(({ name }) => name) });
    const later = (task: () => void, seconds: number) =>
      this.#plan(task, this.#stage.now() + seconds * 1_000);
    const tabs = [...workers, ...streams].flatMap(({ tab }) => (tab === undefined ? [] : [tab]));
    switch (fault.do) {
      case "crash":
        for (const { worker } of workers) this.#crash(worker, "crash");
        for (const stream of streams) {
          stream.gone = true;
          stream.tab?.crash();
        }
        return;
      case "leave":
        for (const { worker } of workers) this.#leave(worker);
        for (const { tab } of streams) tab?.leave();
        return;
      case "stall":
        for (const tab of tabs) tab.stall();
        later(() => {
          for (const tab of tabs) tab.resume();
        }, fault.forS);
        return;
      case "slow":
        for (const { tab } of workers) tab.slow(fault.factor);
        later(() => {
          for (const { tab } of workers) tab.slow(1);
        }, fault.forS);
        return;
      case "clock":
        for (const tab of tabs) tab.setClockOffset(fault.offsetS * 1_000);
        return;
    }
  }

  #tabsOf(who: Who): readonly StagedTab[] {
    const { workers, streams } = this.#targets(who);
    return [...workers, ...streams].flatMap(({ tab }) => (tab === undefined ? [] : [tab]));
  }

  #summary(): Run {
    const workers = this.#workers.map((worker) => workerRow(worker, this.#scenario, this.#endMs));
    const vouched = this.#workers.reduce((sum, { staged }) => sum + staged.books().vouched, 0n);
    const virtualMs = this.#stage.now();
    const { money, bytes, ...totals } = this.#stage.totals();
    this.#stage.close();
    return {
      engine: this.#stage.engine,
      scenario: this.#scenario,
      seed: this.#seed,
      hash: this.#recorder.hash(),
      events: this.#recorder.events,
      segments: this.#segments,
      workers,
      viewers: this.#viewers,
      streams: this.#hiring,
      listers: this.#listed,
      segmentSeconds: this.#streams.map(({ spec }) => spec.segS),
      money: {
        ...money,
        vouched,
        fraudPaidSegments: this.#fraud.paid,
        fraudUnseenSegments: this.#fraud.unseen,
      },
      bytes: { ...bytes, captured: this.#captured },
      workPixels: this.#work,
      virtualMs,
      ...totals,
    };
  }
}
