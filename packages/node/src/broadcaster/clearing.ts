import type { Speed } from "@tabcast/market";
import type { PeerId } from "@tabcast/mesh";
import type { Condition } from "../queue.ts";
import type { Draw, Result } from "./checks.ts";
import type { JobContext } from "./context.ts";
import type { Captured, JobTerms } from "./delivery.ts";
import type { Flight, InFlight } from "./in-flight.ts";
import type { Scheduler } from "./scheduler.ts";
import { openSpotChecks } from "./spot-checks.ts";

export interface ClearingOptions {
  readonly scheduler: Scheduler;
  readonly inFlight: InFlight;
  /** Woken when the tab may be behind no more, or a worker may be needed for another segment. */
  readonly condition: Condition;
  /** A worker's renditions failed by these measures. */
  readonly refused: (terms: JobTerms, seq: number, failed: readonly string[]) => void;
}

/** What was delivered, on which terms, and what it says of its worker's speed. */
export interface Delivered {
  readonly terms: JobTerms;
  readonly source: Captured;
  readonly sample: Speed.Sample;
}

/** Has the pictures that chance chose spot-checked, and says what may be paid and when. */
export interface Clearing {
  /**
   * Begins a spot check: payment waits for it as long as it can. Resolves with what it says, or undefined where publishing the segment
   * cannot wait for that.
   */
  clear(flight: Flight, draw: Draw, delivered: Delivered): Promise<Result | undefined>;
}

export function openClearing(context: JobContext, options: ClearingOptions): Clearing {
  const { config, clock, hiring, records, on, signal } = context;
  const { scheduler, inFlight, condition, refused } = options;
  const spotChecks = openSpotChecks(context, {
    behind: inFlight.behind,
    condition,
    skipped(seq, why) {
      on({ type: "warning", message: `segment ${seq} is not checked: ${why}` });
    },
  });

  /** Has a worker's pictures spot-checked, and writes down what came of it. */
  async function check(flight: Flight, draw: Draw, of: Delivered): Promise<Result> {
    const { worker, seq } = draw;
    const { terms, source, sample } = of;
    flight.note("check", worker, `chance ${(draw.ppm / 1e4).toFixed(1)} %`);
    const result = await spotChecks.check(draw, source, flight.renditions.get(worker) ?? []);
    if (result === undefined) return { answer: "doubt", failed: [] }; // what passed by structure is paid
    flight.note("checked", worker, [result.answer, ...result.failed].join(" "));
    if (result.answer === "pass") records.tell(terms, { type: "good", sample });
    if (result.answer !== "fail") return result;
    records.tell(terms, { type: "strike" });
    refused(terms, seq, result.failed);
    // Where it was published already, nobody else says so.
    if (!inFlight.flights.has(seq))
      hiring?.tell({ type: "lost", worker, fault: "invalid", now: clock.now() });
    return result;
  }

  /**
   * Whether what a worker made may be paid: false once its pictures are bad. A file's payment waits for the spot check however long that
   * takes, a live one's until its worker is needed. The spot check is our work, but until it is over the segment counts in the worker's
   * unpaid window.
   */
  function cleared(flight: Flight, worker: PeerId, checking: Promise<Result>): Promise<boolean> {
    const { seq, limits } = flight.job;
    scheduler.made(worker, seq);
    const honest = checking.then(({ answer }) => answer !== "fail");
    return Promise.race([honest, ...(limits ? [workerNeeded(worker, seq)] : [])]).then((good) => {
      scheduler.unload(worker, seq);
      scheduler.assign();
      return good;
    });
  }

  /** Resolves with true when a spot check has kept its worker waiting for too long, or the worker is needed. */
  async function workerNeeded(worker: PeerId, seq: number): Promise<true> {
    const longest = clock.now() + config.check.payMs;
    const ready = () =>
      !scheduler.holds(worker, seq) || clock.now() >= longest ? (true as const) : undefined;
    return await condition.until(ready, { signal }).catch(() => true as const);
  }

  /** What a spot check says, if it says so while publishing the segment can wait for it. */
  async function inTime(flight: Flight, checking: Promise<Result>): Promise<Result | undefined> {
    const { limits } = flight.job;
    if (limits === undefined) return checking;
    // Where segments are late the spot check does not begin: there is nothing to wait for.
    const longest = Math.min(limits.localAt - clock.now(), config.check.waitMs);
    const patience = inFlight.behind() ? 0 : longest;
    const enough = new AbortController();
    const nothing = () => undefined;
    const waited = clock
      .sleep(Math.max(0, patience), { signal: enough.signal })
      .then(nothing, nothing);
    const seen = await Promise.race([checking, waited]);
    enough.abort();
    return seen;
  }

  return {
    clear(flight, draw, delivered) {
      const checking = check(flight, draw, delivered);
      flight.cleared.set(draw.worker, cleared(flight, draw.worker, checking));
      return inTime(flight, checking);
    },
  };
}
