import { type Config, type Crew, Job, Price, type Trace } from "@tabcast/market";
import type { CodecName, inspect, Rung, Transcoder } from "@tabcast/media";
import type { Mesh, PeerId } from "@tabcast/mesh";
import { Cancel, PROTOCOLS } from "@tabcast/protocol";
import { type Clock, describe, toHex, type Wei } from "@tabcast/runtime";
import { ask } from "../exchange.ts";
import type { Gate } from "../gate.ts";
import { openBell } from "../queue.ts";
import type { BroadcastEvent } from "../types.ts";
import type { Checks } from "./checks.ts";
import {
  type Captured,
  type Collected,
  faultOf,
  type JobTerms,
  openCourier,
  type Segment,
  whyOf,
} from "./delivery.ts";
import { openDesk } from "./desk.ts";
import type { Hiring } from "./hiring.ts";
import { openOwn } from "./own.ts";
import { openProofs } from "./proofs.ts";
import { openPulse } from "./pulse.ts";
import { type Records, whoseOf } from "./records.ts";
import { framesOf, openSlot, type Slot, uselessAt } from "./slot.ts";
import { openTraces } from "./traces.ts";
import { openUplink } from "./uplink.ts";
import { openVerification } from "./verification.ts";

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
  /** The stream's public key. */
  readonly stream: Uint8Array;
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

/** Gets each segment encoded by somebody: carries out what `Job` decides. */
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

/** Planned lengths that a live segment may take to be made on a busy machine, before its job's deadline begins to run. */
const SLOW_SOURCE = 4;

export function openDispatch(options: DispatchOptions): Dispatch {
  const { mesh, hiring, asked, codec, config, clock, slackMs, on, done, signal } = options;
  const courier = openCourier(mesh, options);
  const uplink = openUplink(courier, clock);
  const own = openOwn(options);
  const pulse = openPulse(config, clock);
  const traces = openTraces(clock);
  const proofs = openProofs(mesh, (error) => {
    on({ type: "warning", message: `a proof could not be sent: ${describe(error)}` });
  });
  /** Rung when something that is waited for may have changed. */
  const bell = openBell();
  const slots = new Map<number, Slot>();
  const desk = openDesk({
    ...options,
    uplink,
    bell,
    slots,
    tell,
    alone() {
      on({ type: "warning", message: "no worker has come: this tab encodes the ladder alone" });
    },
  });
  const verification = openVerification({
    ...options,
    courier,
    desk,
    live: slackMs !== undefined,
    behind,
    bell,
    slots,
    tell,
    fails,
    unpaid: tellCancelled,
  });
  let ended = false;
  const tally = { opened: 0, copies: 0, local: 0 };

  const limitsOf = (closedAt: number): Job.Limits | undefined =>
    slackMs === undefined
      ? undefined
      : {
          localAt: closedAt + Math.max(0, slackMs - config.margin * own.usualMs()),
          deadline: closedAt + slackMs,
        };

  function tell(seq: number, event: Job.Event): void {
    const slot = slots.get(seq);
    if (slot === undefined) return;
    const [next, effects] = Job.step(slot.job, event, config);
    slot.job = next;
    for (const effect of effects) act(slot, effect);
    if (slot.job.state !== "done" && slot.job.state !== "missed") return;
    slots.delete(seq);
    desk.drop(seq);
  }

  function act(slot: Slot, effect: Job.Effect): void {
    const { seq } = slot.job;
    switch (effect.do) {
      case "pick":
        slot.note("pick", undefined, effect.why);
        desk.want({ seq, why: effect.why, without: effect.without });
        return;
      case "send":
        void send(slot, effect.worker, effect.epoch, effect.attempt);
        return;
      case "cancel":
        cancel(slot, effect);
        return;
      case "verify":
        void verification.verify(slot, effect.worker);
        return;
      case "publish":
        publish(slot, effect.by);
        return;
      case "pay":
        return; // `publish` says whom and how much
      case "blame": {
        desk.unload(effect.worker, seq);
        slot.note("blamed", effect.worker, effect.fault);
        if (slot.spent && Job.vanished(slot.job, effect.worker)) {
          slot.spent = false;
          desk.refund();
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
    slot.note(made.by === undefined ? "gap" : "published", made.by, local || undefined);
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

  async function send(slot: Slot, worker: PeerId, epoch: number, attempt: number): Promise<void> {
    const { segment } = slot;
    const { seq } = segment;
    const member = hiring?.member(worker);
    if (member === undefined || member.epoch !== epoch)
      return tell(seq, { type: "failed", worker, fault: "left" });
    const stop = new AbortController();
    slot.running.set(worker, stop);
    const terms = termsFor(slot, member, attempt);
    let heardAt: number | undefined;
    try {
      const { delivery, upload } = await uplink.send(segment, terms, {
        signal: AbortSignal.any([signal, stop.signal]),
        begin() {
          slot.sentAt ??= clock.now();
          if (attempt > 1) tally.copies++;
          slot.note("sent", worker, `attempt ${attempt}`);
          on({ type: "sent", seq, worker, attempt });
        },
        heard() {
          const now = clock.now();
          if (heardAt !== undefined) pulse.beat(worker, now - heardAt);
          heardAt = now;
          const quietMs = slot.calm ? pulse.patience(worker) : config.suspectMs;
          tell(seq, { type: "progress", worker, now, quietMs });
        },
        part: () => options.gate.pass("receipt", worker), // a flood of parts ends the request
      });
      if (proofs.conflicts(worker, delivery)) options.records.tell(terms, { type: "proof" });
      slot.answers.set(worker, { ...delivery, terms, upload, receivedAt: clock.now() });
      slot.note("receipt", worker, `${delivery.receipt.encodeMs} ms of work`);
      tell(seq, { type: "receipt", worker, epoch });
    } catch (error) {
      if (stop.signal.aborted || signal.aborted) return; // cancelled: the job knows
      options.gate.refused("receipt", worker, error);
      // A worker that gave up waiting for our source is not to blame.
      const waited = segment.captured === undefined && whyOf(error) === "JOB_INPUT";
      fails(slot, worker, waited ? "busy" : faultOf(error), describe(error));
    }
  }

  function termsFor(slot: Slot, member: Crew.Member, attempt: number): JobTerms {
    const { worker, award, epoch, price, lane } = member;
    const whose = whoseOf(member);
    const plannedMs = slot.segment.planned.duration / 1_000;
    const deadline =
      slot.job.limits?.deadline ??
      slot.closesAt + (SLOW_SOURCE - 1) * plannedMs + (slackMs ?? 600_000);
    return {
      ...whose,
      addrs: hiring?.addrs(worker) ?? [],
      award,
      epoch,
      attempt,
      checkPpm: options.checks.ppm(options.records.of(whose)),
      rungs: asked(),
      codec,
      deadlineMs: Math.max(1, deadline - clock.now()),
      price,
      whole: slackMs === undefined,
      payee: `0x${toHex(member.payee)}`,
      lane,
    };
  }

  /** A worker's try is over, and somebody else may have a place for it. */
  function fails(slot: Slot, worker: PeerId, fault: Job.Fault, why: string): void {
    const { seq } = slot.job;
    desk.unload(worker, seq);
    slot.running.delete(worker);
    slot.note("failed", worker, `${fault}: ${why}`);
    on({ type: "failed", seq, worker, why });
    tell(seq, { type: "failed", worker, fault });
    desk.assign();
  }

  function cancel(slot: Slot, { worker, epoch, why }: Extract<Job.Effect, { do: "cancel" }>): void {
    const { seq } = slot.job;
    slot.note("cancel", worker, why);
    const award = slot.answers.get(worker)?.terms.award ?? hiring?.member(worker)?.award;
    slot.running.get(worker)?.abort(new Error(`cancelled: ${why}`));
    slot.running.delete(worker);
    desk.unload(worker, seq);
    if (award !== undefined) tellCancelled({ worker, award, epoch }, seq, why);
  }

  type Place = Pick<JobTerms, "worker" | "award" | "epoch">;

  function tellCancelled({ worker, award, epoch }: Place, seq: number, why: string): void {
    const head = Cancel.encode({ award, epoch, seq, why });
    const wait = AbortSignal.any([signal, clock.timeout(5_000)]);
    ask(mesh, worker, PROTOCOLS.cancel, head, { signal: wait }).catch(() => {}); // it is gone, or its stream was reset
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

  function publish(slot: Slot, by: string): void {
    const { segment } = slot;
    const got = slot.answers.get(by);
    const renditions = slot.renditions.get(by);
    if (renditions === undefined) throw new RangeError(`${by} delivered nothing to publish`);
    finish(slot, {
      by,
      addrs: got?.terms.addrs ?? [],
      renditions,
      encodeMs: got?.receipt.encodeMs ?? slot.ownMs,
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
    const { seq } = segment;
    const stop = AbortSignal.any([signal, slot.local.signal]);
    const now = clock.now();
    slot.sentAt ??= now;
    // The lowest rungs first: a small picture in time is worth more than a large one too late. Beside a worker that may still be in
    // time only the lowest: two that make everything on busy devices make both late. Not beside one that is likely to be late.
    const deadline = uselessAt(slot, slackMs);
    const left = deadline && (deadline - now) / config.margin;
    const beside = [...slot.running.keys()].some((worker) => !hiring?.doubtful(worker));
    const timeMs = left && beside ? 0 : left;
    try {
      const { renditions, encodeMs } = await own.encode(segment, {
        timeMs,
        chosen: (rungs) => slot.note("local", "local", rungs.map(({ name }) => name).join(", ")),
        signal: stop,
      });
      slot.ownMs = encodeMs;
      slot.renditions.set("local", renditions);
      tell(seq, { type: "localDone" });
    } catch (error) {
      if (stop.aborted) return;
      on({ type: "failed", seq, worker: "local", why: describe(error) });
      tell(seq, { type: "localFailed" });
    }
  }

  return {
    add(segment) {
      const now = clock.now();
      const { seq, captured, planned } = segment;
      desk.earn();
      tally.opened++;
      const [job, effects] = Job.open({ seq, limits: captured && limitsOf(now) });
      const closesAt = captured === undefined ? now + planned.duration / 1_000 : now;
      const slot = openSlot(segment, job, { closesAt, note: traces.open(seq) });
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
      desk.lost(worker);
    },
    tick() {
      const now = clock.now();
      for (const [seq, { job }] of [...slots]) {
        const at = Job.wakeAt(job, config);
        if (at !== undefined && at <= now) tell(seq, { type: "late", now, hedge: desk.mayHedge() });
      }
      const seq = ended && slackMs === undefined ? desk.tail() : undefined;
      if (seq !== undefined && slots.get(seq)?.job.hedged === false)
        tell(seq, { type: "tail", now, hedge: desk.mayHedge() });
      desk.assign();
      bell.wake();
    },
    wakeAt() {
      const times = [...slots.values()].flatMap(({ job }) => Job.wakeAt(job, config) ?? []);
      return times.length === 0 ? undefined : Math.min(...times);
    },
    ending() {
      ended = true;
    },
    traces: () => traces.all(),
    counts: () => ({ ...tally }),
  };
}
