import { type Config, Job, type Trace } from "@tabcast/market";
import type { inspect, Rung, Transcoder } from "@tabcast/media";
import type { PeerId } from "@tabcast/mesh";
import type { Amount } from "@tabcast/runtime";
import { openCondition } from "../queue.ts";
import type { JobContext } from "./context.ts";
import { type JobTerms, openCourier, type Segment } from "./delivery.ts";
import { type Flight, type InFlight, isBehind, openFlight } from "./in-flight.ts";
import { type LocalEncoder, openLocalEncoder } from "./local-encoder.ts";
import { type LocalWork, openLocalWork } from "./local-work.ts";
import { courseOf, GAP, type Made, madeBy, type Outcome } from "./outcome.ts";
import { openScheduler, type Scheduler } from "./scheduler.ts";
import { openSending, type Sending } from "./sending.ts";
import { openTraces } from "./traces.ts";
import { openUplink } from "./uplink.ts";
import { openVerification, type Verification } from "./verification.ts";

export interface DispatchOptions {
  /** Rungs that workers are asked for now. */
  readonly asked: () => readonly Rung[];
  readonly transcoder: () => Transcoder;
  readonly inspect: typeof inspect;
  /** True while a worker may still be paid for `amount` more. */
  readonly affordable: (amount: Amount) => boolean;
  readonly done: (outcome: Outcome) => void;
  /** A worker's renditions failed these checks. */
  readonly refused: (terms: JobTerms, seq: number, failed: readonly string[]) => void;
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

export function openDispatch(context: JobContext, options: DispatchOptions): Dispatch {
  const { config, pace, clock } = context;
  const traces = openTraces(context);
  /** Woken when something that is waited for may have changed. */
  const condition = openCondition();
  const tally = { opened: 0, copies: 0, local: 0 };
  const flights = new Map<number, Flight>();
  let ended = false;

  function tell(seq: number, event: Job.Event): void {
    const flight = flights.get(seq);
    if (flight === undefined) return;
    const [next, effects] = Job.step(flight.job, event, config);
    flight.job = next;
    for (const effect of effects) carryOut(flight, effect);
    if (flight.job.state !== "done" && flight.job.state !== "missed") return;
    flights.delete(seq);
    scheduler.drop(seq);
  }

  const inFlight: InFlight = {
    flights,
    tell,
    fails(flight, worker, fault, why) {
      const { seq } = flight.job;
      scheduler.unload(worker, seq);
      flight.running.delete(worker);
      flight.note("failed", worker, `${fault}: ${why}`);
      context.on({ type: "failed", seq, worker, why });
      tell(seq, { type: "failed", worker, fault });
      scheduler.assign();
    },
    behind: () => isBehind(flights.values(), pace, clock.now()),
  };
  const parts = openParts(context, {
    ...options,
    inFlight,
    condition,
    copied: () => tally.copies++,
    made(flight, made) {
      if (made.by === "local") tally.local++;
      finish(flight, made, { now: clock.now(), done: options.done, local });
    },
  });
  const { scheduler, encoder, local } = parts;
  const carryOut = (flight: Flight, effect: Job.Effect) => act(context, parts, flight, effect);

  return {
    add(segment) {
      const now = clock.now();
      const { seq, captured, planned } = segment;
      const limitsOf = (closedAt: number) => pace.limits(closedAt, encoder.usualMs());
      scheduler.earn();
      tally.opened++;
      const [job, effects] = Job.open({ seq, limits: captured && limitsOf(now) });
      const closesAt = captured === undefined ? now + planned.duration / 1_000 : now;
      const flight = openFlight(segment, job, { closesAt, note: traces.open(seq) });
      flights.set(seq, flight);
      for (const effect of effects) carryOut(flight, effect);
      if (captured !== undefined) return;
      segment.closed.then(
        (whole) => {
          local.captured(flight, whole);
          flight.closesAt = whole.closedAt;
          const limits = limitsOf(whole.closedAt);
          if (limits !== undefined) tell(seq, { type: "closed", limits });
        },
        () => tell(seq, { type: "cancelled" }),
      );
    },
    lost(worker) {
      for (const [seq, flight] of [...flights]) {
        flight.running.get(worker)?.abort(new Error("the worker left"));
        if (flight.running.delete(worker)) tell(seq, { type: "failed", worker, fault: "left" });
      }
      scheduler.lost(worker);
    },
    tick() {
      const now = clock.now();
      for (const [seq, { job }] of [...flights]) {
        const at = Job.wakeAt(job, config);
        if (at !== undefined && at <= now)
          tell(seq, { type: "late", now, hedge: scheduler.mayHedge() });
      }
      const seq = ended && pace.copiesTail ? scheduler.tail() : undefined;
      if (seq !== undefined && flights.get(seq)?.job.hedged === false)
        tell(seq, { type: "tail", now, hedge: scheduler.mayHedge() });
      scheduler.assign();
      local.tick();
      condition.wake();
    },
    wakeAt: () => earliest(flights.values(), config),
    ending() {
      ended = true;
    },
    traces: () => traces.all(),
    counts: () => ({ ...tally }),
  };
}

/** When the first of these jobs needs to be looked at. */
function earliest(flights: Iterable<Flight>, config: Config): number | undefined {
  const times = [...flights].flatMap(({ job }) => Job.wakeAt(job, config) ?? []);
  return times.length === 0 ? undefined : Math.min(...times);
}

/** Those that carry a job's effects out. */
interface Parts {
  readonly scheduler: Scheduler;
  readonly sending: Sending;
  readonly verification: Verification;
  readonly encoder: LocalEncoder;
  readonly local: LocalWork;
  /** Rungs that workers are asked for now. */
  readonly asked: () => readonly Rung[];
  /** A segment is done, or given up. */
  readonly made: (flight: Flight, made: Made) => void;
}

interface PartsOptions extends DispatchOptions, Pick<Parts, "made"> {
  readonly inFlight: InFlight;
  readonly condition: ReturnType<typeof openCondition>;
  readonly copied: () => void;
}

function openParts(context: JobContext, options: PartsOptions): Parts {
  const { on } = context;
  const { asked, inFlight, made } = options;
  const courier = openCourier(context, options);
  const uplink = openUplink(context, courier);
  const encoder = openLocalEncoder(context, options);
  const local = openLocalWork(context, { encoder, inFlight });
  const scheduler = openScheduler(context, {
    ...options,
    hiring: context.hiring,
    uplink,
    alone() {
      on({ type: "warning", message: "no worker has come: this tab encodes the ladder alone" });
    },
  });
  const sending = openSending(context, { ...options, uplink, scheduler });
  const verification = openVerification(context, {
    ...options,
    courier,
    scheduler,
    unpaid: sending.tellCancelled,
  });
  return { scheduler, sending, verification, encoder, local, asked, made };
}

/** Carries out what a segment's job has decided. */
function act(context: JobContext, parts: Parts, flight: Flight, effect: Job.Effect): void {
  const { scheduler, sending, verification, local, asked, made } = parts;
  switch (effect.do) {
    case "pick":
      flight.note("pick", undefined, effect.why);
      scheduler.want({ seq: flight.job.seq, why: effect.why, without: effect.without });
      return;
    case "send":
      local.beside(flight, asked());
      void sending.send(flight, effect);
      return;
    case "cancel":
      sending.cancel(flight, effect);
      return;
    case "verify":
      void verification.verify(flight, effect.worker);
      return;
    case "publish":
      made(flight, madeBy(flight, effect.by));
      return;
    case "pay":
      return; // `publish` says whom and how much
    case "blame":
      blame(context, scheduler, flight, effect);
      return;
    case "encode":
      void local.alone(flight);
      return;
    case "stopLocal":
      flight.local.abort(new Error("a worker was quicker"));
      return;
    case "gap":
      made(flight, GAP);
      return;
  }
}

/** A worker has failed a segment: its record and the crew hear of it. */
function blame(
  { records, hiring, clock }: JobContext,
  scheduler: Scheduler,
  flight: Flight,
  { worker, fault }: Extract<Job.Effect, { do: "blame" }>,
): void {
  scheduler.unload(worker, flight.job.seq);
  flight.note("blamed", worker, fault);
  if (flight.spent && Job.vanished(flight.job, worker)) {
    flight.spent = false;
    scheduler.refund();
  }
  if (fault === "late" || fault === "dead") records.tell({ worker }, { type: "silent" });
  hiring?.tell({ type: "lost", worker, fault, now: clock.now() });
}

/** Hands over what became of a segment. One that is never completed has no outcome. */
function finish(
  flight: Flight,
  made: Made,
  { now, done, local }: Pick<DispatchOptions, "done"> & Pick<Parts, "local"> & { now: number },
): void {
  const { by, renditions } = made;
  const names = by === "local" ? ` of ${renditions.map(({ rung }) => rung).join(", ")}` : undefined;
  flight.note(by === undefined ? "gap" : "published", by, names);
  const course = courseOf(flight, now);
  const unasked = local.unasked(flight);
  flight.segment.closed.then(
    (segment) => done({ ...course, segment, ...made, unasked }),
    () => {},
  );
}
