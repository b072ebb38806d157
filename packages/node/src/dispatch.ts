import {
  Admission,
  Assign,
  type Config,
  Job,
  Price,
  Rhythm,
  type Speed,
  Trace,
  Trust,
  Verify,
} from "@tabcast/market";
import type { CodecName, inspect, Rung, Transcoder } from "@tabcast/media";
import type { Mesh, PeerId } from "@tabcast/mesh";
import { Cancel, Equivocation, PROOFS_TOPIC, PROTOCOLS } from "@tabcast/protocol";
import { type Clock, CodedError, describe, toHex, type Wei } from "@tabcast/runtime";
import type { Checks, Draw, Result } from "./checks.ts";
import {
  type Captured,
  type Collected,
  type Delivery,
  DeliveryError,
  hashes,
  type JobTerms,
  openCourier,
  type Segment,
  type Signed,
} from "./delivery.ts";
import { ask } from "./exchange.ts";
import type { Gate } from "./gate.ts";
import { HashError } from "./held.ts";
import type { Hiring } from "./hiring.ts";
import { openBell, openLine } from "./queue.ts";
import type { Records } from "./records.ts";
import type { BroadcastEvent } from "./types.ts";

/** One segment, whatever became of it. */
export interface Outcome {
  readonly segment: Captured;
  /** Peer id, "local", or undefined for a gap. */
  readonly by: PeerId | "local" | undefined;
  readonly addrs: readonly string[];
  /** Empty for a gap. */
  readonly renditions: readonly Collected[];
  readonly encodeMs: number;
  /** When it was first sent (or its local encoding began), and when it was verified; clock milliseconds. */
  readonly sentAt: number;
  readonly verifiedAt: number;
  readonly attempts: number;
  readonly hedged: boolean;
  /** Who to pay and how much, once `cleared` says that its pictures are good; undefined for local work. */
  readonly pay?: {
    readonly terms: JobTerms;
    readonly amount: Wei;
    readonly cleared: Promise<boolean>;
  };
}

export interface DispatchOptions {
  readonly mesh: Mesh;
  /** Undefined: nobody is hired, everything is encoded here. */
  readonly hiring: Hiring | undefined;
  readonly rungs: readonly Rung[];
  /** Those of them that workers are asked for now. */
  readonly asked: () => readonly Rung[];
  readonly codec: CodecName;
  readonly transcoder: () => Transcoder;
  readonly inspect: typeof inspect;
  readonly config: Config;
  readonly clock: Clock;
  /** True while a worker may still be paid for `amount` more. */
  readonly affordable: (amount: Wei) => boolean;
  /** How long after a segment's end its renditions are of use, in milliseconds; undefined: for ever. */
  readonly slackMs: number | undefined;
  readonly segmentMs: number;
  readonly on: (event: BroadcastEvent) => void;
  readonly done: (outcome: Outcome) => void;
  /** Looks at pictures. */
  readonly checks: Checks;
  readonly records: Records;
  readonly gate: Gate;
  /** A worker's renditions failed these checks. */
  readonly refused: (terms: JobTerms, seq: number, failed: readonly string[]) => void;
  readonly signal: AbortSignal;
}

/** Gets each segment encoded by somebody: carries out what `Job` and `Assign` decide. */
export interface Dispatch {
  /** Takes a segment, complete or only begun. If one that was begun is never completed, its job is cancelled. */
  add(segment: Segment): void;
  /** A worker is gone: its jobs are lost. */
  lost(worker: PeerId): void;
  /** To be called when somebody was hired, and at least ten times a second. */
  tick(): void;
  /** When `tick` is needed sooner, in milliseconds of the clock. */
  wakeAt(): number | undefined;
  /** No segment more will come: idle workers may copy what takes longest. Files only. */
  ending(): void;
  /** How the newest segments came to be. */
  traces(): readonly Trace.Trace[];
  /** Segments opened, extra copies sent, and those made here. */
  counts(): { readonly opened: number; readonly copies: number; readonly local: number };
}

/** How long one upload may keep the uplink to itself, in milliseconds. */
const UPLINK_MS = 3_000;
/** Planned lengths that a live segment may take to be made on a busy machine, before its job's deadline begins to run. */
const SLOW_SOURCE = 4;

/** How long a look at pictures waits at most for live segments that are late, in milliseconds. */
const LOOK_MS = 30_000;
/** Looks that may wait for their turn: each holds a segment and its renditions. Beyond it a live stream's are left out. */
const MOST_LOOKS = 16;

/** Workers whose rhythm is remembered. */
const MOST_RHYTHMS = 64;
/** Receipts remembered, to find two for one segment. */
const MOST_RECEIPTS = 512;

interface Slot {
  job: Job.Job;
  readonly segment: Segment;
  /** When it was or is expected to be complete. */
  closesAt: number;
  readonly running: Map<PeerId, AbortController>;
  readonly receipts: Map<
    PeerId,
    Delivery & { terms: JobTerms; upload: Speed.Sample["upload"]; receivedAt: number }
  >;
  /** Of each worker whose pictures are looked at: false once they are bad. */
  readonly cleared: Map<PeerId, Promise<boolean>>;
  trace: Trace.Trace;
  readonly collected: Map<PeerId, { renditions: readonly Collected[]; pullMs: number }>;
  readonly local: AbortController;
  sentAt: number | undefined;
  localMs: number;
  /** A token was spent on its second copy. */
  spent: boolean;
  /** The crew has time to spare: silence and lateness say something of a worker. */
  calm: boolean;
}

interface Pick {
  readonly seq: number;
  readonly why: "first" | "again" | "hedge";
  readonly without: readonly string[];
  readonly since: number;
}

export function openDispatch(options: DispatchOptions): Dispatch {
  const {
    mesh,
    hiring,
    rungs,
    asked,
    codec,
    config,
    clock,
    affordable,
    slackMs,
    on,
    done,
    signal,
  } = options;
  const courier = openCourier(mesh, options);
  const uplink = openLine();
  const looks = openLine();
  let waiting = 0;
  /** Rung when something that is waited for may have changed. */
  const bell = openBell();
  const slots = new Map<number, Slot>();
  const loads = new Map<PeerId, Assign.Load[]>();
  const rhythms = new Map<PeerId, Rhythm.Rhythm>();
  let picks: Pick[] = [];
  let budget = Job.newBudget;
  let uplinkFreeAt = 0;
  let everHired = false;
  const startedAt = clock.now();
  let transcoder: Transcoder | undefined;
  let localMs = 0.75 * options.segmentMs; // replaced by what is measured
  let warnedAlone = false;
  let ended = false;
  /** Output pixels per second of this tab; replaced by what is measured. */
  let localSpeed = Number(Price.pixels(rungs, 1)) * 30;
  const traces = new Map<number, Trace.Trace>();
  const tally = { opened: 0, copies: 0, local: 0 };
  /** Receipts by worker, award, epoch and sequence: another one for the same is a proof. */
  const receipts = new Map<string, Signed>();

  function note(slot: Slot, what: string, who?: string, why?: string): void {
    const line = {
      at: Math.round(clock.now() - startedAt),
      what,
      ...(who !== undefined && { who }),
      ...(why !== undefined && { why }),
    };
    slot.trace = Trace.add(slot.trace, line);
    traces.set(slot.trace.seq, slot.trace);
    if (traces.size > Trace.MOST_SEGMENTS) traces.delete(traces.keys().next().value as number);
  }

  const whose = ({ worker, payee }: JobTerms) => ({ worker, payee });

  /** Remembers a receipt; two different ones for one segment are told to everybody. */
  function remember(worker: PeerId, got: Signed, terms: JobTerms): void {
    const { award, epoch, seq } = got.receipt;
    const key = `${worker} ${toHex(award)} ${epoch} ${seq}`;
    const before = receipts.get(key);
    receipts.set(key, before ?? got);
    if (receipts.size > MOST_RECEIPTS) receipts.delete(receipts.keys().next().value as string);
    if (before === undefined || toHex(before.hash) === toHex(got.hash)) return;
    options.records.tell(whose(terms), { type: "proof" });
    const proof = Equivocation.encode({ first: before.sealed, second: got.sealed });
    mesh.publish(PROOFS_TOPIC, proof).catch((error: unknown) => {
      on({ type: "warning", message: `a proof could not be sent: ${describe(error)}` });
    });
  }

  const framesOf = ({ captured, planned }: Segment) => captured?.video.frames ?? planned.frames;
  const pixelsOf = (segment: Segment, made = asked()) =>
    Number(Price.pixels(made, framesOf(segment)));
  const bytesOf = ({ init, captured }: Segment) =>
    init.byteLength + (captured?.video.media.byteLength ?? 0);
  const limitsOf = (closedAt: number): Job.Limits | undefined =>
    slackMs === undefined
      ? undefined
      : {
          localAt: closedAt + Math.max(0, slackMs - config.margin * localMs),
          deadline: closedAt + slackMs,
        };

  function unload(worker: PeerId, seq: number): void {
    const left = (loads.get(worker) ?? []).filter((load) => load.seq !== seq);
    if (left.length > 0) loads.set(worker, left);
    else loads.delete(worker);
    bell.wake();
  }

  function tell(seq: number, event: Job.Event): void {
    const slot = slots.get(seq);
    if (slot === undefined) return;
    const [next, effects] = Job.step(slot.job, event, config);
    slot.job = next;
    for (const effect of effects) act(slot, effect);
    if (slot.job.state !== "done" && slot.job.state !== "missed") return;
    slots.delete(seq);
    picks = picks.filter((pick) => pick.seq !== seq);
  }

  function act(slot: Slot, effect: Job.Effect): void {
    const { seq } = slot.job;
    switch (effect.do) {
      case "pick":
        note(slot, "pick", undefined, effect.why);
        picks.push({ seq, why: effect.why, without: effect.without, since: clock.now() });
        picks.sort((a, b) => a.seq - b.seq); // the earliest deadline first
        queueMicrotask(assign);
        return;
      case "send":
        void send(slot, effect.worker, effect.epoch, effect.attempt);
        return;
      case "cancel":
        cancel(slot, effect);
        return;
      case "verify":
        void verify(slot, effect.worker);
        return;
      case "publish":
        publish(slot, effect.by);
        return;
      case "pay":
        return; // `publish` says whom and how much
      case "blame": {
        unload(effect.worker, seq);
        note(slot, "blamed", effect.worker, effect.fault);
        if (slot.spent && Job.vanished(slot.job, effect.worker)) {
          slot.spent = false;
          budget = Job.refund(budget, config);
        }
        const silent = effect.fault === "late" || effect.fault === "dead";
        if (silent) options.records.tell({ worker: effect.worker }, { type: "silent" });
        hiring?.tell({
          type: "lost",
          worker: effect.worker,
          fault: effect.fault,
          now: clock.now(),
        });
        return;
      }
      case "encode":
        void encodeHere(slot);
        return;
      case "stopLocal":
        slot.local.abort(new Error("a worker was quicker"));
        return;
      case "gap":
        finish(slot, { by: undefined, addrs: [], renditions: [], encodeMs: 0 });
        return;
    }
  }

  type Made = Omit<Outcome, "segment" | "sentAt" | "verifiedAt" | "attempts" | "hedged">;

  function finish(slot: Slot, made: Made): void {
    const { segment, job, sentAt } = slot;
    const now = clock.now();
    const local =
      made.by === "local" ? ` of ${made.renditions.map(({ rung }) => rung).join(", ")}` : "";
    note(slot, made.by === undefined ? "gap" : "published", made.by, local || undefined);
    if (made.by === "local") tally.local++;
    const summary = {
      sentAt: sentAt ?? now,
      verifiedAt: now,
      attempts: job.attempts.length + (job.local === "no" ? 0 : 1),
      hedged: job.hedged,
    };
    // A segment that is never completed has no outcome.
    segment.closed.then(
      (captured) => done({ ...summary, segment: captured, ...made }),
      () => {},
    );
  }

  function assign(): void {
    if (signal.aborted) return;
    if (picks.length === 0 && everHired) return; // as most ticks find it
    const now = clock.now();
    const everybody = hiring?.hands() ?? [];
    const silent = new Set([...slots.values()].flatMap(({ job }) => Job.suspects(job)));
    const heard = everybody.filter(({ worker }) => !silent.has(worker));
    const hands = heard.length > 0 ? heard : everybody;
    if (hands.length > 0) everHired = true;
    for (const pick of [...picks]) {
      const slot = slots.get(pick.seq);
      if (slot === undefined || !picks.includes(pick)) continue;
      if (!Job.wants(slot.job, config)) {
        picks = picks.filter((other) => other !== pick); // the answer came while we were looking
        continue;
      }
      const { segment } = slot;
      const open = segment.captured === undefined;
      const task = {
        pixels: pixelsOf(segment),
        bytes: bytesOf(segment),
        closesAt: open ? slot.closesAt : undefined,
        ...pick,
      };
      const give = () => {
        picks = picks.filter((other) => other !== pick);
      };
      const cost = dearest(segment);
      if (hiring === undefined || !affordable(cost)) {
        give();
        tell(pick.seq, { type: "noWorker" });
        continue;
      }
      if (!Assign.anybody(hands, task)) {
        const patience = everHired ? config.patience.laterMs : config.patience.firstMs;
        const since = everHired ? pick.since : Math.min(pick.since, startedAt);
        if (now - since < patience) continue;
        give();
        if (!warnedAlone && !everHired)
          on({ type: "warning", message: "no worker has come: this tab encodes the ladder alone" });
        warnedAlone = true;
        tell(pick.seq, { type: "noWorker" });
        continue;
      }
      const choice = Assign.choose(hands, loads, task, { now, uplinkFreeAt }, config);
      if (choice === undefined) {
        // All are busy; looked at again when one is free.
        const spare = slackMs === undefined || pick.why === "hedge";
        const made = spare ? undefined : Assign.oldestMade(hands, loads, task);
        if (made !== undefined) unload(made.worker, made.seq);
        continue;
      }
      give();
      if (pick.why === "hedge") {
        if (!Job.mayHedge(budget)) continue;
        budget = Job.spend(budget);
        slot.spent = true;
      }
      const load = { seq: pick.seq, readyAt: choice.readyAt };
      loads.set(choice.worker, [...(loads.get(choice.worker) ?? []), load]);
      if (!open) uplinkFreeAt = choice.uploadedAt;
      const { worker, epoch, doneAt } = choice;
      const others = hands.length - 1;
      note(
        slot,
        "assigned",
        worker,
        `${pick.why}: done in ${Math.round(doneAt - now)} ms, the best of ${others + 1}`,
      );
      const deadline = slot.job.limits?.deadline ?? closesLate(slot);
      const base = open ? slot.closesAt : now;
      // A copy starts with a segment that is complete, or nearly: all of it has to travel again.
      const bytes = Math.max(task.bytes, hiring.crew().need.bytes);
      const again = { ...task, bytes, closesAt: undefined, why: "again" as const };
      const backup = Assign.choose(
        hands,
        loads,
        { ...again, without: [...task.without, worker] },
        { now: base, uplinkFreeAt: base },
        config,
      );
      slot.calm = !Assign.saturated(hands, task.pixels, options.segmentMs);
      const backupMs = backup && backup.doneAt - base;
      const first = { sentAt: now, doneAt };
      const hedgeAt = slot.calm ? Assign.hedgeAt(first, deadline, backupMs) : undefined;
      const uploadedAt = open ? undefined : choice.uploadedAt;
      tell(pick.seq, { type: "assigned", worker, epoch, now, hedgeAt, uploadedAt });
    }
  }

  /** When a segment that is still being made will be of no use; undefined for files. */
  const closesLate = ({ closesAt }: Slot) =>
    slackMs === undefined ? undefined : closesAt + slackMs;

  /** What a segment can cost at most, with what is in hand already. */
  function dearest(segment: Segment): Wei {
    const price = hiring?.crew().need.maxPrice ?? 0n;
    const inHand = [...slots.values()].reduce(
      (sum, { running, segment: other }) =>
        sum + Price.ofSegment(price, rungs, framesOf(other)) * BigInt(running.size),
      0n,
    );
    return (Price.ofSegment(price, rungs, framesOf(segment)) + inHand) as Wei;
  }

  async function send(slot: Slot, worker: PeerId, epoch: number, attempt: number): Promise<void> {
    const { segment } = slot;
    const { seq } = segment;
    const member = hiring?.member(worker);
    if (member === undefined || member.epoch !== epoch)
      return tell(seq, { type: "failed", worker, fault: "left" });
    const stop = new AbortController();
    slot.running.set(worker, stop);
    const plannedMs = segment.planned.duration / 1_000;
    const deadline =
      slot.job.limits?.deadline ??
      slot.closesAt + (SLOW_SOURCE - 1) * plannedMs + (slackMs ?? 600_000);
    const payee: JobTerms["payee"] = `0x${toHex(member.payee)}`;
    const terms: JobTerms = {
      worker,
      addrs: hiring?.addrs(worker) ?? [],
      award: member.award,
      epoch,
      attempt,
      checkPpm: options.checks.ppm(options.records.of({ worker, payee })),
      rungs: asked(),
      codec,
      deadlineMs: Math.max(1, deadline - clock.now()),
      price: member.price,
      whole: slackMs === undefined,
      payee,
      lane: member.lane,
    };
    const waits = { signal: AbortSignal.any([signal, stop.signal]) };
    const begin = () => {
      slot.sentAt ??= clock.now();
      if (attempt > 1) tally.copies++;
      note(slot, "sent", worker, `attempt ${attempt}`);
      on({ type: "sent", seq, worker, attempt });
    };
    let heardAt: number | undefined;
    const heard = () => {
      const now = clock.now();
      if (heardAt !== undefined) learn(worker, now - heardAt);
      heardAt = now;
      const quietMs = slot.calm ? patience(worker) : config.suspectMs;
      tell(seq, { type: "progress", worker, now, quietMs });
    };
    const part = () => options.gate.pass("receipt", worker); // a flood of parts ends the request
    try {
      let upload: Speed.Sample["upload"];
      let delivery: Delivery;
      if (segment.captured === undefined) {
        // What is still being made takes no more of the uplink than it is made with.
        begin();
        const told = { heard, part, uploaded: () => {} };
        delivery = await courier.send(segment, terms, { ...waits, ...told });
      } else {
        delivery = await new Promise<Delivery>((resolve, reject) => {
          // The uplink carries one complete segment at a time: two at once make both late.
          void uplink.run(
            () =>
              new Promise<void>((free) => {
                const sentAt = clock.now();
                begin();
                const uploaded = () => {
                  if (upload !== undefined) return;
                  upload = { bytes: bytesOf(segment), ms: Math.max(1, clock.now() - sentAt) };
                  uplinkFreeAt = Math.min(uplinkFreeAt, clock.now());
                  free();
                };
                courier
                  .send(segment, terms, { ...waits, heard, part, uploaded })
                  .then(resolve, reject)
                  .finally(free);
                // A worker that takes no bytes must not hold up those behind it.
                clock.sleep(UPLINK_MS, waits).then(free, free);
              }),
          );
        });
      }
      const { receipt, sealed, hash } = delivery;
      remember(worker, { receipt, sealed, hash }, terms);
      slot.receipts.set(worker, { ...delivery, terms, upload, receivedAt: clock.now() });
      note(slot, "receipt", worker, `${receipt.encodeMs} ms of work`);
      tell(seq, { type: "receipt", worker, epoch });
    } catch (error) {
      if (stop.signal.aborted || signal.aborted) return; // cancelled: the job knows
      options.gate.refused("receipt", worker, error);
      // A worker that gave up waiting for our source is not to blame.
      const waited = segment.captured === undefined && whyOf(error) === "JOB_INPUT";
      fails(slot, worker, waited ? "busy" : faultOf(error), describe(error));
    }
  }

  const patience = (worker: PeerId) =>
    Rhythm.patience(rhythms.get(worker) ?? Rhythm.newRhythm, config);

  /** A worker's signs of life came so far apart. */
  function learn(worker: PeerId, gapMs: number): void {
    const before = rhythms.get(worker) ?? Rhythm.newRhythm;
    rhythms.delete(worker); // set again: it becomes the newest
    rhythms.set(worker, Rhythm.beat(before, gapMs, clock.now(), config));
    if (rhythms.size > MOST_RHYTHMS) rhythms.delete(rhythms.keys().next().value as PeerId);
  }

  /** A worker's try is over, and somebody else may have a place for it. */
  function fails(slot: Slot, worker: PeerId, fault: Job.Fault, why: string): void {
    const { seq } = slot.job;
    unload(worker, seq);
    slot.running.delete(worker);
    note(slot, "failed", worker, `${fault}: ${why}`);
    on({ type: "failed", seq, worker, why });
    tell(seq, { type: "failed", worker, fault });
    assign();
  }

  function cancel(slot: Slot, { worker, epoch, why }: Extract<Job.Effect, { do: "cancel" }>): void {
    const { seq } = slot.job;
    note(slot, "cancel", worker, why);
    const award = slot.receipts.get(worker)?.terms.award ?? hiring?.member(worker)?.award;
    slot.running.get(worker)?.abort(new Error(`cancelled: ${why}`));
    slot.running.delete(worker);
    unload(worker, seq);
    if (award !== undefined) tellCancelled(worker, award, epoch, seq, why);
  }

  function tellCancelled(
    worker: PeerId,
    award: Uint8Array,
    epoch: number,
    seq: number,
    why: string,
  ): void {
    const head = Cancel.encode({ award, epoch, seq, why });
    const wait = AbortSignal.any([signal, clock.timeout(5_000)]);
    ask(mesh, worker, PROTOCOLS.cancel, head, { signal: wait }).catch(() => {}); // it is gone, or its stream was reset
  }

  async function verify(slot: Slot, worker: PeerId): Promise<void> {
    const { seq, captured } = slot.segment;
    const got = slot.receipts.get(worker);
    const stop = slot.running.get(worker);
    // Without a complete segment there is no receipt about it.
    if (got === undefined || stop === undefined || captured === undefined) return;
    const { structure: source } = captured;
    const { records, checks } = options;
    const sampleOf = (pullMs: number): Speed.Sample => ({
      pixels: pixelsOf(slot.segment, got.terms.rungs),
      upload: got.upload,
      encodeMs: got.receipt.encodeMs,
      pullMs,
    });
    const invalid = (why: string, failed: readonly string[]) => {
      records.tell(whose(got.terms), { type: "strike" });
      options.refused(got.terms, seq, failed);
      fails(slot, worker, "invalid", why);
    };
    try {
      tell(seq, { type: "pulling", worker, now: clock.now() });
      const renditions = await courier.collect(got, got.terms, {
        signal: AbortSignal.any([signal, stop.signal]),
        heard: () => tell(seq, { type: "progress", worker, now: clock.now() }),
      });
      tell(seq, { type: "pulled", worker });
      const outcome = Verify.all(
        got.terms.rungs.map((rung) => {
          const rendition = renditions.find((one) => one.rung === rung.name);
          const claimed = got.receipt.renditions.find((one) => one.rung === rung.name);
          if (rendition === undefined || claimed === undefined)
            return { ok: false, failed: ["rungs"] };
          return Verify.check({
            rung,
            source,
            rendition: rendition.structure,
            claimed,
            hashesMatch: true, // `collect` throws otherwise
          });
        }),
      );
      if (!outcome.ok) return invalid(`verification: ${outcome.failed.join(", ")}`, outcome.failed);
      const pullMs = clock.now() - got.receivedAt;
      slot.collected.set(worker, { renditions, pullMs });
      const draw: Draw = {
        worker,
        seq,
        receipt: got.hash,
        ppm: got.terms.checkPpm,
        whole: Trust.whole(records.of(whose(got.terms)), config),
      };
      if (checks.draw(draw)) {
        // Looking is our work, but what is not paid yet counts in the worker's window.
        const load = loads.get(worker) ?? [];
        loads.set(
          worker,
          load.map((one) => (one.seq === seq ? { ...one, made: true } : one)),
        );
        // A file's payment waits for the look however long that takes, a live one's until its place is needed; its publication
        // only while there is time.
        const looking = look(slot, draw, captured, renditions, got.terms, sampleOf(pullMs));
        const limits = slot.job.limits;
        const judged = looking.then(({ answer }) => answer !== "fail");
        const cleared = Promise.race([judged, ...(limits ? [placeNeeded(worker, seq)] : [])]).then(
          (good) => {
            unload(worker, seq);
            assign();
            return good;
          },
        );
        slot.cleared.set(worker, cleared);
        const room = limits === undefined ? undefined : limits.localAt - clock.now();
        // Where segments are late the look does not begin: there is nothing to wait for.
        const patience = room && (behind() ? 0 : Math.min(room, config.check.waitMs));
        const enough = new AbortController();
        const seen = await Promise.race([
          looking,
          ...(patience === undefined
            ? []
            : [
                clock.sleep(Math.max(0, patience), { signal: enough.signal }).then(
                  () => undefined,
                  () => undefined,
                ),
              ]),
        ]);
        enough.abort();
        if (seen === undefined) note(slot, "check", worker, "goes on after publishing");
        else if (seen.answer === "fail") {
          if (stop.signal.aborted) return;
          return fails(slot, worker, "invalid", `verification: ${seen.failed.join(", ")}`);
        }
        if (stop.signal.aborted) return;
      } else {
        unload(worker, seq);
        records.tell(whose(got.terms), { type: "good", sample: sampleOf(pullMs) });
      }
      slot.running.delete(worker);
      hiring?.tell({
        type: "delivered",
        worker,
        sample: sampleOf(pullMs),
        now: clock.now(),
      });
      tell(seq, { type: "passed", worker });
      assign();
    } catch (error) {
      if (stop.signal.aborted || signal.aborted) return;
      // The only holder gave other bytes than it signed for: the fetcher says why last.
      const forged = error instanceof Error && error.cause instanceof HashError;
      const fault = forged ? "invalid" : faultOf(error);
      if (fault === "invalid") return invalid(describe(error), ["hash"]);
      fails(slot, worker, fault, describe(error));
      // It has delivered and waits to be paid: it hears that this one is not.
      tellCancelled(worker, got.terms.award, got.terms.epoch, seq, fault);
    }
  }

  /** Resolves with true when a look has kept a worker's place for too long, or the place is needed. */
  async function placeNeeded(worker: PeerId, seq: number): Promise<true> {
    const longest = clock.now() + config.check.payMs;
    const isMade = ({ seq: other, made }: Assign.Load) => other === seq && made === true;
    const ready = () =>
      !loads.get(worker)?.some(isMade) || clock.now() >= longest ? true : undefined;
    return await bell.until(ready, { signal }).catch(() => true);
  }

  /** Live segments are late here: what can wait has to. */
  function behind(): boolean {
    if (slackMs === undefined) return false;
    const late = clock.now() - slackMs / 4;
    return [...slots.values()].some(
      ({ job, segment, closesAt }) =>
        job.local === "running" || (segment.captured !== undefined && closesAt < late),
    );
  }

  /** Looks at a worker's pictures, one look at a time and not while others' segments are late, and writes down what came of it. */
  async function look(
    slot: Slot,
    draw: Draw,
    source: Captured,
    renditions: readonly Collected[],
    terms: JobTerms,
    sample: Speed.Sample,
  ): Promise<Result> {
    const { records, checks, refused } = options;
    const { worker, seq } = draw;
    note(slot, "check", worker, `chance ${(draw.ppm / 1e4).toFixed(1)} %`);
    if (slackMs !== undefined && waiting >= MOST_LOOKS) {
      on({ type: "warning", message: `segment ${seq} is not looked at: ${waiting} others wait` });
      return { answer: "doubt", failed: [] };
    }
    waiting++;
    try {
      const result = await looks.run(async () => {
        const longest = clock.now() + LOOK_MS;
        await bell.until(() => (!behind() || clock.now() >= longest ? true : undefined), {
          signal,
        });
        return await checks.look(draw, source, renditions, { signal });
      });
      note(slot, "checked", worker, [result.answer, ...result.failed].join(" "));
      if (result.answer === "pass") records.tell(whose(terms), { type: "good", sample });
      if (result.answer !== "fail") return result;
      records.tell(whose(terms), { type: "strike" });
      refused(terms, seq, result.failed);
      // Where it was published already, nobody else says so.
      if (!slots.has(seq))
        hiring?.tell({ type: "lost", worker, fault: "invalid", now: clock.now() });
      return result;
    } catch {
      return { answer: "doubt", failed: [] }; // the stream is over: what passed by structure is paid
    } finally {
      waiting--;
    }
  }

  function publish(slot: Slot, by: string): void {
    const { segment } = slot;
    const got = slot.receipts.get(by);
    const collected = slot.collected.get(by);
    if (collected === undefined) throw new RangeError(`${by} delivered nothing to publish`);
    finish(slot, {
      by,
      addrs: got?.terms.addrs ?? [],
      renditions: collected.renditions,
      encodeMs: got?.receipt.encodeMs ?? slot.localMs,
      ...(got !== undefined && {
        pay: {
          terms: got.terms,
          amount: Price.ofSegment(got.terms.price, got.terms.rungs, framesOf(segment)),
          cleared: slot.cleared.get(by) ?? Promise.resolve(true),
        },
      }),
    });
  }

  async function encodeHere(slot: Slot): Promise<void> {
    const { segment } = slot;
    const { init, captured, frameRate } = segment;
    const media = captured?.video.media ?? segment.media();
    slot.sentAt ??= clock.now();
    const startedAt = clock.now();
    transcoder ??= options.transcoder();
    const waits = { signal: AbortSignal.any([signal, slot.local.signal]) };
    const deadline = slot.job.limits?.deadline ?? closesLate(slot);
    // The lowest rungs first: a small picture in time is worth more than a large one too late. Beside a worker that may still be in
    // time only the lowest: two that make everything on busy devices make both late.
    const timeMs = deadline && (deadline - startedAt) / config.margin;
    const mine = Admission.alone(rungs, {
      pixelsPerS: localSpeed,
      frames: framesOf(segment),
      timeMs: timeMs && slot.running.size > 0 ? 0 : timeMs,
    });
    note(slot, "local", "local", mine.map(({ name }) => name).join(", "));
    try {
      const request = { init, media, codec, rungs: mine, frameRate, stream: "own" };
      const result = await transcoder.transcode(request, waits);
      slot.localMs = Math.round(result.encodeMs);
      // Of one that was still being made, waiting for its bytes is no part.
      const took = captured === undefined ? result.encodeMs : clock.now() - startedAt;
      const share = Number(Price.pixels(mine, 1)) / Number(Price.pixels(rungs, 1));
      localMs += config.alpha * (took / share - localMs);
      const speed = (Number(Price.pixels(mine, framesOf(segment))) * 1_000) / Math.max(1, took);
      localSpeed += config.alpha * (speed - localSpeed);
      const renditions = await Promise.all(
        result.renditions.map(async (rendition) => ({
          ...rendition,
          ...(await hashes(rendition)),
          structure: await options.inspect(rendition, waits),
        })),
      );
      slot.collected.set("local", { renditions, pullMs: 0 });
      tell(segment.seq, { type: "localDone" });
    } catch (error) {
      if (waits.signal.aborted) {
        if (captured === undefined) return;
        // Cut off before it was done: it would have taken longer still, so the next time fewer rungs are tried.
        const took = Math.max(1, clock.now() - startedAt);
        const most = (Number(Price.pixels(mine, framesOf(segment))) * 1_000) / took;
        localSpeed = Math.min(localSpeed, most);
        return;
      }
      on({ type: "failed", seq: segment.seq, worker: "local", why: describe(error) });
      tell(segment.seq, { type: "localFailed" });
    }
  }

  /** Idle workers copy what is predicted to take longest, once nothing new comes. */
  function tail(now: number): void {
    const any = slots.values().next().value;
    if (any === undefined) return;
    const { segment } = any;
    const task = { waiting: picks.length, pixels: pixelsOf(segment), bytes: bytesOf(segment) };
    const seq = Assign.tail(hiring?.hands() ?? [], loads, task, now, config);
    const slot = seq === undefined ? undefined : slots.get(seq);
    if (seq === undefined || slot === undefined || slot.job.hedged) return;
    if (picks.some((pick) => pick.seq === seq)) return;
    tell(seq, { type: "tail", now, hedge: Job.mayHedge(budget) });
  }

  signal.addEventListener("abort", () => transcoder?.close(), { once: true });

  return {
    add(segment) {
      const now = clock.now();
      const { seq, captured, planned } = segment;
      budget = Job.earn(budget, config);
      tally.opened++;
      const [job, effects] = Job.open({ seq, limits: captured && limitsOf(now) });
      const slot: Slot = {
        job,
        segment,
        closesAt: captured === undefined ? now + planned.duration / 1_000 : now,
        running: new Map(),
        receipts: new Map(),
        collected: new Map(),
        cleared: new Map(),
        trace: Trace.open(seq),
        local: new AbortController(),
        sentAt: undefined,
        localMs: 0,
        spent: false,
        calm: false,
      };
      slots.set(seq, slot);
      for (const effect of effects) act(slot, effect);
      if (captured !== undefined) return;
      segment.closed.then(
        ({ closedAt }) => {
          slot.closesAt = closedAt;
          const limits = limitsOf(closedAt);
          if (limits !== undefined) tell(seq, { type: "closed", limits });
        },
        () => tell(seq, { type: "cancelled" }),
      );
    },
    lost(worker) {
      for (const [seq, slot] of [...slots]) {
        slot.running.get(worker)?.abort(new Error("the worker left"));
        if (slot.running.delete(worker)) tell(seq, { type: "failed", worker, fault: "left" });
      }
      loads.delete(worker);
    },
    tick() {
      const now = clock.now();
      for (const [seq, { job }] of [...slots]) {
        const at = Job.wakeAt(job, config);
        if (at !== undefined && at <= now)
          tell(seq, { type: "late", now, hedge: Job.mayHedge(budget) });
      }
      if (ended && slackMs === undefined) tail(now);
      assign();
      bell.wake();
    },
    wakeAt() {
      const times = [...slots.values()].flatMap(({ job }) => Job.wakeAt(job, config) ?? []);
      return times.length === 0 ? undefined : Math.min(...times);
    },
    ending() {
      ended = true;
    },
    traces: () => [...traces.values()].sort((a, b) => a.seq - b.seq),
    counts: () => ({ ...tally }),
  };
}

/** A worker's own word for its failure, if it gave one. */
function whyOf(error: unknown): string | undefined {
  return error instanceof DeliveryError && error.reason.code === "DELIVERY_FAILED"
    ? error.reason.why
    : undefined;
}

/** What a failed request says about its worker. */
function faultOf(error: unknown): Job.Fault {
  if (error instanceof DeliveryError) {
    if (error.reason.code === "DELIVERY_RECEIPT") return "invalid";
    const why = whyOf(error);
    return why === "JOB_BUSY" || why === "JOB_UNPAID" ? "busy" : "failed";
  }
  const code = error instanceof CodedError ? error.code : "";
  if (code.startsWith("PROTOCOL_") || code.startsWith("MEDIA_")) return "invalid";
  if (code === "MESH_PEER_LOST" || code === "MESH_UNREACHABLE") return "left";
  return "failed";
}
