import { Admission } from "@tabcast/market";
import type { Rung } from "@tabcast/media";
import { describe } from "@tabcast/runtime";
import type { JobContext } from "./context.ts";
import type { Captured } from "./delivery.ts";
import { type Beside, type Flight, type InFlight, uselessAt } from "./in-flight.ts";
import { type LocalEncoder, type Made, NOTHING } from "./local-encoder.ts";

export type LocalWorkContext = Pick<
  JobContext,
  "rungs" | "config" | "pace" | "segmentMs" | "clock" | "on" | "signal"
> & { readonly hiring: Pick<NonNullable<JobContext["hiring"]>, "doubtful"> | undefined };

export interface LocalWorkOptions {
  readonly encoder: Pick<LocalEncoder, "encode">;
  readonly inFlight: Pick<InFlight, "tell" | "behind">;
}

/** What this tab encodes of a stream's segments: drives the local encoder. */
export interface LocalWork extends BesideWorkers {
  /** Encodes a segment that no worker makes in time. Ends with "localDone" or "localFailed" of its job; never throws. */
  alone(flight: Flight): Promise<void>;
}

/** What this tab makes beside the workers. */
interface BesideWorkers {
  /** Makes what this tab can spare time for of the rungs that no worker is asked for, while a worker makes those that are `asked`. */
  beside(flight: Flight, asked: readonly Rung[]): void;
  /** Begins what waited because segments were late. To be called as time passes. */
  tick(): void;
  /** What came of those rungs: waits for them until they are of no use any more. */
  unasked(flight: Flight): Promise<Made>;
  /** A segment is complete that was begun when its flight was opened. To be told before its flight expects it at another time. */
  captured(flight: Pick<Flight, "segment" | "closesAt">, whole: Captured): void;
}

export const openLocalWork = (context: LocalWorkContext, options: LocalWorkOptions): LocalWork => ({
  ...openBesideWorkers(context, options),
  alone: (flight) => makeAlone(context, options, flight),
});

/** Makes a segment that no worker makes in time: the lowest rungs first, for a small picture in time is worth more than a large one too late. */
async function makeAlone(
  context: LocalWorkContext,
  { encoder, inFlight }: LocalWorkOptions,
  flight: Flight,
): Promise<void> {
  const { rungs, hiring, clock, on, signal } = context;
  const { seq } = flight.segment;
  const stop = AbortSignal.any([signal, flight.local.signal]);
  const now = clock.now();
  flight.sentAt ??= now;
  // Beside a worker that may still be in time only the lowest: two that make everything on busy devices make both late. Not beside one
  // that is likely to be late.
  const left = leftMs(context, flight, now);
  const inTime = [...flight.running.keys()].some((worker) => !hiring?.doubtful(worker));
  try {
    const { renditions, encodeMs } = await encoder.encode(flight.segment, {
      rungs: rungs.filter((rung) => flight.beside?.rungs.includes(rung) !== true),
      timeMs: left && inTime ? 0 : left,
      beside: false,
      chosen: (mine) => flight.note("local", "local", namesOf(mine)),
      signal: stop,
    });
    flight.ownMs = encodeMs;
    flight.renditions.set("local", renditions);
    inFlight.tell(seq, { type: "localDone" });
  } catch (error) {
    if (stop.aborted) return;
    on({ type: "failed", seq, worker: "local", why: describe(error) });
    inFlight.tell(seq, { type: "localFailed" });
  }
}

function openBesideWorkers(context: LocalWorkContext, options: LocalWorkOptions): BesideWorkers {
  const { rungs, pace, segmentMs, clock } = context;
  const { inFlight } = options;
  /** Flights whose unasked rungs wait for this tab to have time, or are being made. */
  const open = new Set<Flight>();
  let lagMs = 0;

  /** Unasked rungs of a segment that was complete a while ago are still being made. */
  const slow = (now: number): boolean =>
    [...open].some(
      ({ beside, segment, closesAt }) =>
        beside?.begun === true && segment.captured !== undefined && pace.late(closesAt, now),
    );

  /** Those that waited are made one after the other: together they would take more than there is to spare. */
  const waits = ({ segment }: Flight): boolean =>
    segment.captured !== undefined &&
    [...open].some((other) => other.beside?.begun === true && other.segment.captured !== undefined);

  function settle(flight: Flight, made: Made): void {
    open.delete(flight);
    flight.beside?.made.resolve(made);
  }

  function tick(): void {
    const now = clock.now();
    for (const flight of [...open]) {
      const { beside } = flight;
      if (beside === undefined || beside.begun) continue;
      const left = leftMs(context, flight, now);
      if (left !== undefined && left <= 0) settle(flight, NOTHING);
      else if (!inFlight.behind() && !slow(now) && !waits(flight)) {
        const timeMs = Admission.spareMs({ segmentMs, lagMs, leftMs: left });
        void makeBeside(context, options, { flight, beside, timeMs }).then((made) => {
          settle(flight, made);
          tick();
        });
      }
    }
  }

  return {
    beside(flight, asked) {
      const unasked = rungs.filter(({ name }) => !asked.some((one) => one.name === name));
      if (unasked.length === 0 || flight.beside !== undefined) return;
      const made = Promise.withResolvers<Made>();
      flight.beside = { rungs: unasked, begun: false, stop: new AbortController(), made };
      open.add(flight);
      tick();
    },
    tick,
    async unasked(flight) {
      const { beside } = flight;
      if (beside === undefined) return NOTHING;
      const deadline = uselessAt(flight, pace);
      if (open.has(flight) && deadline !== undefined) {
        const tooLate = () => {
          beside.stop.abort(new Error("too late beside a worker"));
          settle(flight, NOTHING);
        };
        const late = clock.timeout(Math.max(0, deadline - clock.now()));
        late.addEventListener("abort", tooLate, { once: true });
      }
      return beside.made.promise;
    },
    captured({ segment: { planned }, closesAt }, { closedAt, duration }) {
      lagMs = closedAt - (closesAt - planned.duration / 1_000) - duration / 1_000;
    },
  };
}

/** Makes the rungs of a segment that fit into `timeMs`. Never throws. */
async function makeBeside(
  { on, signal }: LocalWorkContext,
  { encoder }: LocalWorkOptions,
  { flight, beside, timeMs }: { flight: Flight; beside: Beside; timeMs: number },
): Promise<Made> {
  beside.begun = true;
  const { segment } = flight;
  try {
    const made = await encoder.encode(segment, {
      rungs: beside.rungs,
      timeMs,
      beside: true,
      chosen(rungs) {
        beside.rungs = rungs;
        flight.note("local", "local", `beside a worker: ${namesOf(rungs)}`);
      },
      signal: AbortSignal.any([signal, beside.stop.signal]),
    });
    if (made.renditions.length === 0) beside.rungs = [];
    return made;
  } catch (error) {
    beside.rungs = []; // should the worker fail too, they are tried once more
    if (!signal.aborted && !beside.stop.signal.aborted)
      on({ type: "failed", seq: segment.seq, worker: "local", why: describe(error) });
    return NOTHING;
  }
}

/** What is left to make a segment in, in milliseconds, with the usual margin; undefined: time does not matter. */
function leftMs(
  { config, pace }: LocalWorkContext,
  flight: Flight,
  now: number,
): number | undefined {
  const deadline = uselessAt(flight, pace);
  return deadline && (deadline - now) / config.margin;
}

const namesOf = (rungs: readonly Rung[]): string => rungs.map(({ name }) => name).join(", ");
