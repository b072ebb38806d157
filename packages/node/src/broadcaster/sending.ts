import type { Crew, Job } from "@tabcast/market";
import type { Rung } from "@tabcast/media";
import type { PeerId } from "@tabcast/mesh";
import { Cancel, PROTOCOLS } from "@tabcast/protocol";
import { describe, toHex } from "@tabcast/runtime";
import { ask } from "../exchange.ts";
import type { JobContext } from "./context.ts";
import { faultOf, type JobTerms, whyOf } from "./delivery.ts";
import { openFailureDetectors } from "./failure-detector.ts";
import type { Flight, InFlight } from "./in-flight.ts";
import { openProofs } from "./proofs.ts";
import { whoseOf } from "./records.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Uplink } from "./uplink.ts";

/** Planned lengths that a live segment may take to be made on a busy machine, before its job's deadline begins to run. */
const SLOW_SOURCE = 4;
/** How long a worker may take to hear that a job is called back, in milliseconds. */
const CANCEL_MS = 5_000;

export interface SendingOptions {
  readonly uplink: Uplink;
  readonly scheduler: Scheduler;
  readonly inFlight: InFlight;
  /** Rungs that workers are asked for now. */
  readonly asked: () => readonly Rung[];
  /** Another copy of a segment leaves, beyond the first. */
  readonly copied: () => void;
}

/** Gives segments to workers, waits for their receipts, and calls them back. */
export interface Sending {
  /** Ends with "receipt" or "failed" of the segment's job; never throws. */
  send(flight: Flight, to: Extract<Job.Effect, { do: "send" }>): Promise<void>;
  cancel(flight: Flight, effect: Extract<Job.Effect, { do: "cancel" }>): void;
  /** A worker hears that a segment of its award is not wanted any more, and why. */
  tellCancelled(of: Pick<JobTerms, "worker" | "award" | "epoch">, seq: number, why: string): void;
}

export function openSending(context: JobContext, options: SendingOptions): Sending {
  const { mesh, hiring, records, limiter, config, clock, on, signal } = context;
  const { uplink, scheduler, inFlight, asked, copied } = options;
  const { tell, fails } = inFlight;
  const detectors = openFailureDetectors(context);
  const proofs = openProofs(mesh, (error) => {
    on({ type: "warning", message: `a proof could not be sent: ${describe(error)}` });
  });

  /** Signs of life of one worker that works at one segment. */
  function listen(flight: Flight, worker: PeerId): () => void {
    let heardAt: number | undefined;
    return () => {
      const now = clock.now();
      if (heardAt !== undefined) detectors.beat(worker, now - heardAt);
      heardAt = now;
      const quietMs = flight.calm ? detectors.patience(worker) : config.suspectMs;
      tell(flight.segment.seq, { type: "progress", worker, now, quietMs });
    };
  }

  const tellCancelled: Sending["tellCancelled"] = ({ worker, award, epoch }, seq, why) => {
    const head = Cancel.encode({ award, epoch, seq, why });
    const wait = AbortSignal.any([signal, clock.timeout(CANCEL_MS)]);
    ask(mesh, worker, PROTOCOLS.cancel, head, { signal: wait }).catch(() => {}); // it is gone, or its stream was reset
  };

  return {
    async send(flight, { worker, epoch, attempt }) {
      const { segment } = flight;
      const { seq } = segment;
      const member = hiring?.member(worker);
      if (member === undefined || member.epoch !== epoch)
        return tell(seq, { type: "failed", worker, fault: "left" });
      const stop = new AbortController();
      flight.running.set(worker, stop);
      const terms = termsFor(context, flight, member, { attempt, rungs: asked() });
      try {
        const { delivery, upload } = await uplink.send(segment, terms, {
          signal: AbortSignal.any([signal, stop.signal]),
          begin() {
            flight.sentAt ??= clock.now();
            if (attempt > 1) copied();
            flight.note("sent", worker, `attempt ${attempt}`);
            on({ type: "sent", seq, worker, attempt });
          },
          heard: listen(flight, worker),
          part: () => limiter.pass("receipt", worker), // a flood of parts ends the request
        });
        if (proofs.conflicts(worker, delivery)) {
          records.tell(terms, { type: "proof" });
          return fails(flight, worker, "invalid", `two receipts for segment ${seq}`);
        }
        flight.answers.set(worker, { ...delivery, terms, upload, receivedAt: clock.now() });
        flight.note("receipt", worker, `${delivery.receipt.encodeMs} ms of work`);
        tell(seq, { type: "receipt", worker, epoch });
      } catch (error) {
        if (stop.signal.aborted || signal.aborted) return; // cancelled: the job knows
        limiter.refused("receipt", worker, error);
        // A worker that gave up waiting for our source is not to blame.
        const waited = segment.captured === undefined && whyOf(error) === "JOB_INPUT";
        fails(flight, worker, waited ? "busy" : faultOf(error), describe(error));
      }
    },
    cancel(flight, { worker, epoch, why }) {
      const { seq } = flight.job;
      flight.note("cancel", worker, why);
      const award = flight.answers.get(worker)?.terms.award ?? hiring?.member(worker)?.award;
      flight.running.get(worker)?.abort(new Error(`cancelled: ${why}`));
      flight.running.delete(worker);
      scheduler.unload(worker, seq);
      if (award !== undefined) tellCancelled({ worker, award, epoch }, seq, why);
    },
    tellCancelled,
  };
}

/** What a worker is to make of a segment, by when, and for how much. */
function termsFor(
  { hiring, checks, records, codec, pace, clock }: JobContext,
  { segment, job, closesAt }: Flight,
  member: Crew.Member,
  { attempt, rungs }: Pick<JobTerms, "attempt" | "rungs">,
): JobTerms {
  const { worker, award, epoch, price, lane } = member;
  const whose = whoseOf(member);
  const plannedMs = segment.planned.duration / 1_000;
  const latest = closesAt + (SLOW_SOURCE - 1) * plannedMs + pace.jobMs;
  const deadline = job.limits?.deadline ?? latest;
  return {
    ...whose,
    addrs: hiring?.addrs(worker) ?? [],
    award,
    epoch,
    attempt,
    checkPpm: checks.ppm(records.of(whose)),
    rungs,
    codec,
    deadlineMs: Math.max(1, deadline - clock.now()),
    price,
    whole: pace.whole,
    payee: `0x${toHex(member.payee)}`,
    lane,
  };
}
