import { type Config, type Job, type Speed, Trust, Verify } from "@tabcast/market";
import type { PeerId } from "@tabcast/mesh";
import { type Clock, describe } from "@tabcast/runtime";
import { HashError } from "../held.ts";
import type { Bell } from "../queue.ts";
import type { Checks, Draw, Result } from "./checks.ts";
import { type Captured, type Collected, type Courier, faultOf, type JobTerms } from "./delivery.ts";
import type { Hiring } from "./hiring.ts";
import type { Answer, Slot } from "./in-flight.ts";
import { openLooks } from "./looks.ts";
import type { Pace } from "./pace.ts";
import type { Records } from "./records.ts";
import type { Scheduler } from "./scheduler.ts";
import { pixelsOf } from "./transcode/cost.ts";
import type { BroadcastEvent } from "./types.ts";

export interface VerificationOptions {
  readonly courier: Courier;
  readonly desk: Scheduler;
  readonly hiring: Hiring | undefined;
  readonly checks: Checks;
  readonly records: Records;
  readonly config: Config;
  readonly clock: Clock;
  readonly pace: Pace;
  /** Live segments are late: what can wait has to. */
  readonly behind: () => boolean;
  /** Rung when that, or who has a place free, may have changed. */
  readonly bell: Bell;
  /** By sequence. */
  readonly slots: ReadonlyMap<number, Slot>;
  readonly tell: (seq: number, event: Job.Event) => void;
  /** A worker's renditions failed these checks. */
  readonly refused: (terms: JobTerms, seq: number, failed: readonly string[]) => void;
  /** A worker's try is over without a result. */
  readonly fails: (slot: Slot, worker: PeerId, fault: Job.Fault, why: string) => void;
  /** A worker that waits to be paid for a segment is to hear that it is not. */
  readonly unpaid: (terms: JobTerms, seq: number, why: string) => void;
  readonly on: (event: BroadcastEvent) => void;
  readonly signal: AbortSignal;
}

/** Gets what a receipt promises, has it checked, and says what that makes of its worker. */
export interface Verification {
  /** Ends with "passed" or a failure of the segment's job; never throws. */
  verify(slot: Slot, worker: PeerId): Promise<void>;
}

export function openVerification(options: VerificationOptions): Verification {
  const { courier, desk, hiring, checks, records, config, clock } = options;
  const { behind, bell, slots, tell, refused, fails, unpaid, on, signal } = options;
  const looks = openLooks({
    ...options,
    skipped(seq, why) {
      on({ type: "warning", message: `segment ${seq} is not looked at: ${why}` });
    },
  });

  async function verify(slot: Slot, worker: PeerId): Promise<void> {
    const { seq, captured } = slot.segment;
    const answer = slot.answers.get(worker);
    const stop = slot.running.get(worker)?.signal;
    // Without a complete segment there is no receipt about it.
    if (answer === undefined || stop === undefined || captured === undefined) return;
    const { terms } = answer;
    const invalid = (why: string, failed: readonly string[]) => {
      records.tell(terms, { type: "strike" });
      refused(terms, seq, failed);
      fails(slot, worker, "invalid", why);
    };
    try {
      tell(seq, { type: "pulling", worker, now: clock.now() });
      const renditions = await courier.collect(answer, terms, {
        signal: AbortSignal.any([signal, stop]),
        heard: () => tell(seq, { type: "progress", worker, now: clock.now() }),
      });
      tell(seq, { type: "pulled", worker });
      const outcome = structureOf(answer, captured, renditions);
      if (!outcome.ok) return invalid(`verification: ${outcome.failed.join(", ")}`, outcome.failed);
      const sample: Speed.Sample = {
        pixels: pixelsOf(slot.segment, terms.rungs),
        upload: answer.upload,
        encodeMs: answer.receipt.encodeMs,
        pullMs: clock.now() - answer.receivedAt,
      };
      slot.renditions.set(worker, renditions);
      const draw: Draw = {
        worker,
        seq,
        receipt: answer.hash,
        ppm: terms.checkPpm,
        whole: Trust.whole(records.of(terms), config),
      };
      if (checks.draw(draw)) {
        const looking = look(slot, draw, captured, terms, sample);
        slot.cleared.set(worker, cleared(slot, worker, looking));
        const seen = await inTime(slot, looking);
        if (seen === undefined) slot.note("check", worker, "goes on after publishing");
        if (stop.aborted) return;
        if (seen?.answer === "fail")
          return fails(slot, worker, "invalid", `verification: ${seen.failed.join(", ")}`);
      } else {
        desk.unload(worker, seq);
        records.tell(terms, { type: "good", sample });
      }
      slot.running.delete(worker);
      hiring?.tell({ type: "delivered", worker, sample, now: clock.now() });
      tell(seq, { type: "passed", worker });
      desk.assign();
    } catch (error) {
      if (stop.aborted || signal.aborted) return;
      // The only holder gave other bytes than it signed for: the fetcher says why last.
      const forged = error instanceof Error && error.cause instanceof HashError;
      const fault = forged ? "invalid" : faultOf(error);
      if (fault === "invalid") return invalid(describe(error), ["hash"]);
      fails(slot, worker, fault, describe(error));
      unpaid(terms, seq, fault);
    }
  }

  /** Has a worker's pictures looked at, and writes down what came of it. */
  async function look(
    slot: Slot,
    draw: Draw,
    source: Captured,
    terms: JobTerms,
    sample: Speed.Sample,
  ): Promise<Result> {
    const { worker, seq } = draw;
    slot.note("check", worker, `chance ${(draw.ppm / 1e4).toFixed(1)} %`);
    const result = await looks.look(draw, source, slot.renditions.get(worker) ?? []);
    if (result === undefined) return { answer: "doubt", failed: [] }; // what passed by structure is paid
    slot.note("checked", worker, [result.answer, ...result.failed].join(" "));
    if (result.answer === "pass") records.tell(terms, { type: "good", sample });
    if (result.answer !== "fail") return result;
    records.tell(terms, { type: "strike" });
    refused(terms, seq, result.failed);
    // Where it was published already, nobody else says so.
    if (!slots.has(seq)) hiring?.tell({ type: "lost", worker, fault: "invalid", now: clock.now() });
    return result;
  }

  /**
   * Whether what a worker made may be paid: false once its pictures are bad. A file's payment waits for the look however long that
   * takes, a live one's until its worker's place is needed. Looking is our work, but what is not paid counts in its window until then.
   */
  function cleared(slot: Slot, worker: PeerId, looking: Promise<Result>): Promise<boolean> {
    const { seq, limits } = slot.job;
    desk.made(worker, seq);
    const judged = looking.then(({ answer }) => answer !== "fail");
    return Promise.race([judged, ...(limits ? [placeNeeded(worker, seq)] : [])]).then((good) => {
      desk.unload(worker, seq);
      desk.assign();
      return good;
    });
  }

  /** Resolves with true when a look has kept a worker's place for too long, or the place is needed. */
  async function placeNeeded(worker: PeerId, seq: number): Promise<true> {
    const longest = clock.now() + config.check.payMs;
    const ready = () =>
      !desk.holds(worker, seq) || clock.now() >= longest ? (true as const) : undefined;
    return await bell.until(ready, { signal }).catch(() => true as const);
  }

  /** What a look says, if it says so while publishing the segment can wait for it. */
  async function inTime(slot: Slot, looking: Promise<Result>): Promise<Result | undefined> {
    const { limits } = slot.job;
    if (limits === undefined) return looking;
    // Where segments are late the look does not begin: there is nothing to wait for.
    const patience = behind() ? 0 : Math.min(limits.localAt - clock.now(), config.check.waitMs);
    const enough = new AbortController();
    const nothing = () => undefined;
    const waited = clock
      .sleep(Math.max(0, patience), { signal: enough.signal })
      .then(nothing, nothing);
    const seen = await Promise.race([looking, waited]);
    enough.abort();
    return seen;
  }

  return { verify };
}

/** Tier 0: whether the renditions are built as their rungs and the source ask. */
function structureOf(
  { receipt, terms }: Answer,
  { structure: source }: Captured,
  renditions: readonly Collected[],
): Verify.Outcome {
  return Verify.all(
    terms.rungs.map((rung) => {
      const rendition = renditions.find((one) => one.rung === rung.name)?.structure;
      const claimed = receipt.renditions.find((one) => one.rung === rung.name);
      if (rendition === undefined || claimed === undefined) return { ok: false, failed: ["rungs"] };
      // Hashes match, or `collect` would have thrown.
      return Verify.check({ rung, source, rendition, claimed, hashesMatch: true });
    }),
  );
}
