/** npm run simulate -- --fit MACHINE REPORT.json ...: fits times to reports of live runs, and says how far the fit is from those it did not see. */
import { Score } from "@tabcast/market";
import { type Random, seededRandom } from "@tabcast/runtime";
import type { Calibration, Gap } from "./calibration.ts";
import { deliver, normal, PIECE_MS } from "./virtual/codec.ts";

/** What is read of a real run's report.json. */
export interface RealRun {
  readonly segmentSeconds: number;
  readonly segments: readonly {
    readonly seq: number;
    readonly worker: string | null;
    readonly encodeMs: number;
    /** From the segment's last byte until it was verified, in milliseconds. */
    readonly roundTripMs: number;
    readonly attempts: number;
  }[];
  /** How each segment came to be. */
  readonly trace: readonly { readonly seq: number; readonly lines: readonly { what: string }[] }[];
}

interface RealJob {
  readonly worker: string;
  readonly ms: number;
  readonly roundTripMs: number;
  /** What is left to encode when the last piece comes, in milliseconds. */
  readonly tailMs: number;
}

/**
 * What workers made at the first attempt and nobody spot-checked: spot checks have a time of their own. A report has a line for each
 * rung; all rungs of a segment are one job.
 */
function jobsOf({ segments, segmentSeconds, trace }: RealRun): RealJob[] {
  const checked = new Set(
    trace.filter(({ lines }) => lines.some(({ what }) => what === "check")).map(({ seq }) => seq),
  );
  const jobs = new Map<number, RealJob>();
  for (const { seq, worker, encodeMs: ms, roundTripMs, attempts } of segments) {
    if (worker === null || worker === "local" || ms <= 0 || attempts > 1 || checked.has(seq))
      continue;
    jobs.set(seq, { worker, ms, roundTripMs, tailMs: (ms * PIECE_MS) / (1_000 * segmentSeconds) });
  }
  return [...jobs.values()];
}

/** A job that takes this many times its worker's median has stalled. */
const STALLED = 2;
/** Simulated times that are held against the real ones. */
const DRAWS = 10_000;
/** Jobs without which nothing can be said. */
const LEAST_JOBS = 20;

/** Each job's time as a multiple of its worker's median, in order. */
export function factors(runs: readonly RealRun[]): number[] {
  return runs.flatMap((run) => {
    const byWorker = Map.groupBy(jobsOf(run), ({ worker }) => worker);
    return [...byWorker.values()].flatMap((mine) => {
      const median = medianOf(mine.map(({ ms }) => ms));
      return mine.map(({ ms }) => ms / median);
    });
  });
}

const medianOf = (values: readonly number[]) => Score.percentile(values, 0.5) ?? 0;

/** Median and deviation of the logarithm. */
function lognormal(values: readonly number[]): { readonly median: number; readonly sigma: number } {
  const logs = values.map(Math.log);
  const mean = logs.reduce((sum, value) => sum + value, 0) / logs.length;
  const variance = logs.reduce((sum, value) => sum + (value - mean) ** 2, 0) / logs.length;
  return { median: medianOf(values), sigma: Math.sqrt(variance) };
}

/** Simulated over real at the median and the 95th percentile, and the largest distance of the two distributions. */
export function gapOf(simulated: readonly number[], real: readonly number[]): Gap {
  const at = (share: number) =>
    (Score.percentile(simulated, share) ?? 0) / (Score.percentile(real, share) ?? 1);
  const below = (values: readonly number[], most: number) =>
    values.filter((value) => value <= most).length / values.length;
  const ks = Math.max(
    ...real.map((value) => Math.abs(below(real, value) - below(simulated, value))),
  );
  const short = (value: number) => Number(value.toFixed(3));
  return { p50: short(at(0.5)), p95: short(at(0.95)), ks: short(ks) };
}

/** One simulated factor: what `openDevice` does. */
export const draw = (encode: Calibration["encode"], random: Random): number =>
  Math.exp(encode.sigma * normal(random)) *
  (random.fraction() < encode.stallShare ? encode.stallFactor : 1);

/** Fits on every second run, or on every second job of a single one, and judges on the others. Throws RangeError for too few jobs. */
export function fit(
  runs: readonly RealRun[],
  facts: Pick<Calibration, "date" | "machine" | "transfer" | "lostAfterMs">,
): Calibration {
  const odd = <T>(_: T, i: number) => i % 2 === 1;
  const even = <T>(_: T, i: number) => i % 2 === 0;
  const single = runs.length === 1;
  const part = <T>(of: (some: readonly RealRun[]) => T[], keep: typeof odd): T[] =>
    single ? of(runs).filter(keep) : of(runs.filter(keep));
  const [seen, unseen] = [part(factors, even), part(factors, odd)];
  if (seen.length < LEAST_JOBS || unseen.length < LEAST_JOBS)
    throw new RangeError(
      `${seen.length} and ${unseen.length} jobs, at least ${LEAST_JOBS} of each are needed`,
    );
  const stalls = seen.filter((factor) => factor >= STALLED);
  const short = (value: number) => Number(value.toFixed(4));
  const encode = {
    sigma: short(lognormal(seen.filter((factor) => factor < STALLED)).sigma),
    stallShare: short(stalls.length / seen.length),
    stallFactor: short(Score.percentile(stalls, 0.5) ?? 1),
  };
  const all = (some: readonly RealRun[]) => some.flatMap(jobsOf);
  const rest = lognormal(part(all, even).map((job) => Math.max(1, job.roundTripMs - job.tailMs)));
  const transfer = {
    ...facts.transfer,
    deliverMs: short(rest.median),
    deliverSigma: short(rest.sigma),
  };
  const random = seededRandom(1, "fit");
  const simulated = Array.from({ length: DRAWS }, () => draw(encode, random));
  const others = part(all, odd);
  const trips = Array.from({ length: DRAWS }, (_, i) => {
    const { tailMs } = others[i % others.length] as RealJob;
    return tailMs + deliver(transfer, random);
  });
  return {
    ...facts,
    transfer,
    fittedOn: seen.length,
    judgedOn: unseen.length,
    encode,
    gap: {
      encode: gapOf(simulated, unseen),
      roundTrip: gapOf(
        trips,
        others.map(({ roundTripMs }) => roundTripMs),
      ),
    },
  };
}
