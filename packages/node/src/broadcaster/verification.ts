import { type Job, type Speed, Trust } from "@tabcast/market";
import type { PeerId } from "@tabcast/mesh";
import { describe } from "@tabcast/runtime";
import { HashError } from "../blob-store.ts";
import { openHolding } from "../holding.ts";
import type { Draw } from "./checks.ts";
import { type ClearingOptions, openClearing } from "./clearing.ts";
import type { JobContext } from "./context.ts";
import { type Captured, type Collected, type Courier, faultOf, type JobTerms } from "./delivery.ts";
import type { Answer, Flight } from "./in-flight.ts";
import { pixelsOf } from "./transcode/cost.ts";
import { structureOf } from "./transcode/structure.ts";

export interface VerificationOptions extends ClearingOptions {
  readonly courier: Courier;
  /** A worker that waits to be paid for a segment is to hear that it is not. */
  readonly unpaid: (terms: JobTerms, seq: number, why: string) => void;
}

/** Gets what a receipt promises, verifies it, and says what that makes of its worker. */
export interface Verification {
  /** Ends with "passed" or a failure of the segment's job; never throws. */
  verify(flight: Flight, worker: PeerId): Promise<void>;
}

export function openVerification(context: JobContext, options: VerificationOptions): Verification {
  const { checks, records, hiring, config, clock, signal } = context;
  const { courier, scheduler, inFlight, refused, unpaid } = options;
  const { tell, fails } = inFlight;
  const clearing = openClearing(context, options);

  function invalid(
    flight: Flight,
    { terms }: Answer,
    { why, failed }: { readonly why: string; readonly failed: readonly string[] },
  ): void {
    records.tell(terms, { type: "strike" });
    refused(terms, flight.segment.seq, failed);
    fails(flight, terms.worker, "invalid", why);
  }

  /** Verifies what was pulled. Ends with "passed", or a failure where it is not what was promised. */
  async function verifyPulled(
    flight: Flight,
    answer: Answer,
    source: Captured,
    renditions: readonly Collected[],
    stop: AbortSignal,
  ): Promise<void> {
    const { terms } = answer;
    const { worker } = terms;
    const { seq } = flight.segment;
    const built = structureOf(answer, source, renditions, openHolding(context.secrets));
    if (!built.ok) {
      const why = `verification: ${built.failed.join(", ")}`;
      return invalid(flight, answer, { why, failed: built.failed });
    }
    const sample = sampleOf(flight, answer, clock.now());
    flight.renditions.set(worker, renditions);
    const whole = Trust.whole(records.of(terms), config);
    const draw: Draw = { worker, seq, receipt: answer.hash, ppm: terms.checkPpm, whole };
    if (checks.draw(draw)) {
      const seen = await clearing.clear(flight, draw, { terms, source, sample });
      if (seen === undefined) flight.note("check", worker, "goes on after publishing");
      if (stop.aborted) return;
      if (seen?.answer === "fail")
        return fails(flight, worker, "invalid", `verification: ${seen.failed.join(", ")}`);
    } else {
      scheduler.unload(worker, seq);
      records.tell(terms, { type: "good", sample });
    }
    flight.running.delete(worker);
    hiring?.tell({ type: "delivered", worker, sample, now: clock.now() });
    tell(seq, { type: "passed", worker });
    scheduler.assign();
  }

  /** What a worker's failure to give what it signed for makes of it. */
  function broken(flight: Flight, answer: Answer, error: unknown): void {
    const { terms } = answer;
    const why = describe(error);
    // The only holder gave other bytes than it signed for: the fetcher says why last.
    const forged = error instanceof Error && error.cause instanceof HashError;
    const fault: Job.Fault = forged ? "invalid" : faultOf(error);
    if (fault === "invalid") {
      invalid(flight, answer, { why, failed: ["hash"] });
      return;
    }
    fails(flight, terms.worker, fault, why);
    unpaid(terms, flight.segment.seq, fault);
  }

  return {
    async verify(flight, worker) {
      const { seq, captured } = flight.segment;
      const answer = flight.answers.get(worker);
      const stop = flight.running.get(worker)?.signal;
      // Without a complete segment there is no receipt about it.
      if (answer === undefined || stop === undefined || captured === undefined) return;
      try {
        tell(seq, { type: "pulling", worker, now: clock.now() });
        const renditions = await courier.collect(answer, answer.terms, {
          signal: AbortSignal.any([signal, stop]),
          heard: () => tell(seq, { type: "progress", worker, now: clock.now() }),
        });
        tell(seq, { type: "pulled", worker });
        await verifyPulled(flight, answer, captured, renditions, stop);
      } catch (error) {
        if (stop.aborted || signal.aborted) return;
        broken(flight, answer, error);
      }
    },
  };
}

/** How quick a worker was with a segment, all of which is here `now`. */
const sampleOf = (
  { segment }: Flight,
  { terms, upload, receipt, receivedAt }: Answer,
  now: number,
): Speed.Sample => ({
  pixels: pixelsOf(segment, terms.rungs),
  upload,
  encodeMs: receipt.encodeMs,
  pullMs: now - receivedAt,
});
