import { type Job, type Speed, Trust } from "@tabcast/market";
import type { PeerId } from "@tabcast/mesh";
import { describe } from "@tabcast/runtime";
import { HashError } from "../held.ts";
import type { Draw } from "./checks.ts";
import { type ClearingOptions, openClearing } from "./clearing.ts";
import type { JobContext } from "./context.ts";
import { type Captured, type Collected, type Courier, faultOf, type JobTerms } from "./delivery.ts";
import type { Answer, Slot } from "./in-flight.ts";
import { pixelsOf } from "./transcode/cost.ts";
import { structureOf } from "./transcode/structure.ts";

export interface VerificationOptions extends ClearingOptions {
  readonly courier: Courier;
  /** A worker that waits to be paid for a segment is to hear that it is not. */
  readonly unpaid: (terms: JobTerms, seq: number, why: string) => void;
}

/** Gets what a receipt promises, has it checked, and says what that makes of its worker. */
export interface Verification {
  /** Ends with "passed" or a failure of the segment's job; never throws. */
  verify(slot: Slot, worker: PeerId): Promise<void>;
}

export function openVerification(context: JobContext, options: VerificationOptions): Verification {
  const { checks, records, hiring, config, clock, signal } = context;
  const { courier, scheduler, inFlight, refused, unpaid } = options;
  const { tell, fails } = inFlight;
  const clearing = openClearing(context, options);

  function invalid(
    slot: Slot,
    { terms }: Answer,
    { why, failed }: { readonly why: string; readonly failed: readonly string[] },
  ): void {
    records.tell(terms, { type: "strike" });
    refused(terms, slot.segment.seq, failed);
    fails(slot, terms.worker, "invalid", why);
  }

  /** Checks what was pulled. Ends with "passed", or a failure where it is not what was promised. */
  async function check(
    slot: Slot,
    answer: Answer,
    source: Captured,
    renditions: readonly Collected[],
    stop: AbortSignal,
  ): Promise<void> {
    const { terms } = answer;
    const { worker } = terms;
    const { seq } = slot.segment;
    const built = structureOf(answer, source, renditions);
    if (!built.ok) {
      const why = `verification: ${built.failed.join(", ")}`;
      return invalid(slot, answer, { why, failed: built.failed });
    }
    const sample = sampleOf(slot, answer, clock.now());
    slot.renditions.set(worker, renditions);
    const whole = Trust.whole(records.of(terms), config);
    const draw: Draw = { worker, seq, receipt: answer.hash, ppm: terms.checkPpm, whole };
    if (checks.draw(draw)) {
      const seen = await clearing.clear(slot, draw, { terms, source, sample });
      if (seen === undefined) slot.note("check", worker, "goes on after publishing");
      if (stop.aborted) return;
      if (seen?.answer === "fail")
        return fails(slot, worker, "invalid", `verification: ${seen.failed.join(", ")}`);
    } else {
      scheduler.unload(worker, seq);
      records.tell(terms, { type: "good", sample });
    }
    slot.running.delete(worker);
    hiring?.tell({ type: "delivered", worker, sample, now: clock.now() });
    tell(seq, { type: "passed", worker });
    scheduler.assign();
  }

  /** What a worker's failure to give what it signed for makes of it. */
  function broken(slot: Slot, answer: Answer, error: unknown): void {
    const { terms } = answer;
    const why = describe(error);
    // The only holder gave other bytes than it signed for: the fetcher says why last.
    const forged = error instanceof Error && error.cause instanceof HashError;
    const fault: Job.Fault = forged ? "invalid" : faultOf(error);
    if (fault === "invalid") {
      invalid(slot, answer, { why, failed: ["hash"] });
      return;
    }
    fails(slot, terms.worker, fault, why);
    unpaid(terms, slot.segment.seq, fault);
  }

  return {
    async verify(slot, worker) {
      const { seq, captured } = slot.segment;
      const answer = slot.answers.get(worker);
      const stop = slot.running.get(worker)?.signal;
      // Without a complete segment there is no receipt about it.
      if (answer === undefined || stop === undefined || captured === undefined) return;
      try {
        tell(seq, { type: "pulling", worker, now: clock.now() });
        const renditions = await courier.collect(answer, answer.terms, {
          signal: AbortSignal.any([signal, stop]),
          heard: () => tell(seq, { type: "progress", worker, now: clock.now() }),
        });
        tell(seq, { type: "pulled", worker });
        await check(slot, answer, captured, renditions, stop);
      } catch (error) {
        if (stop.aborted || signal.aborted) return;
        broken(slot, answer, error);
      }
    },
  };
}

/** How quick a worker was with a segment, all of which is here `now`. */
const sampleOf = (
  { segment }: Slot,
  { terms, upload, receipt, receivedAt }: Answer,
  now: number,
): Speed.Sample => ({
  pixels: pixelsOf(segment, terms.rungs),
  upload,
  encodeMs: receipt.encodeMs,
  pullMs: now - receivedAt,
});
