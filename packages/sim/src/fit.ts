/** npm run simulate -- --fit REPORT.json ...: fits encode times to reports of real runs, and says how far the fit is from those it did not see. */
import { Score } from "@tabcast/market";
import { type Random, seededRandom } from "@tabcast/runtime";
import type { Calibration, Gap } from "./calibration.ts";
import { normal } from "./codec.ts";

/** What is read of a real run's report.json. */
export interface RealRun {
  readonly segments: readonly {
    readonly seq: number;
    readonly worker: string | null;
    readonly encodeMs: number;
  }[];
}

/** A job that takes this many times its worker's median has stalled. */
const STALLED = 2;
/** Jobs without which nothing can be said. */
const LEAST_JOBS = 20;

/** Each job's time as a multiple of its worker's median, in order. */
export function factors(runs: readonly RealRun[]): number[] {
  return runs.flatMap(({ segments }) => {
    const jobs = new Map<string, { worker: string; ms: number }>();
    // A report has a line for each rung; all rungs of a segment are one job.
    for (const { seq, worker, encodeMs } of segments)
      if (worker !== null && worker !== "local" && encodeMs > 0)
        jobs.set(`${seq} ${worker}`, { worker, ms: encodeMs });
    const byWorker = Map.groupBy(jobs.values(), ({ worker }) => worker);
    return [...byWorker.values()].flatMap((mine) => {
      const median = Score.percentile(
        mine.map(({ ms }) => ms),
        0.5,
      ) as number;
      return mine.map(({ ms }) => ms / median);
    });
  });
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
  const seen = single ? factors(runs).filter(even) : factors(runs.filter(even));
  const unseen = single ? factors(runs).filter(odd) : factors(runs.filter(odd));
  if (seen.length < LEAST_JOBS || unseen.length < LEAST_JOBS)
    throw new RangeError(
      `${seen.length} and ${unseen.length} jobs, at least ${LEAST_JOBS} of each are needed`,
    );
  const usual = seen.filter((factor) => factor < STALLED).map(Math.log);
  const stalls = seen.filter((factor) => factor >= STALLED);
  const mean = usual.reduce((sum, value) => sum + value, 0) / usual.length;
  const variance = usual.reduce((sum, value) => sum + (value - mean) ** 2, 0) / usual.length;
  const short = (value: number) => Number(value.toFixed(4));
  const encode = {
    sigma: short(Math.sqrt(variance)),
    stallShare: short(stalls.length / seen.length),
    stallFactor: short(Score.percentile(stalls, 0.5) ?? 1),
  };
  const random = seededRandom(1, "fit");
  const simulated = Array.from({ length: 10_000 }, () => draw(encode, random));
  return {
    ...facts,
    fittedOn: seen.length,
    judgedOn: unseen.length,
    encode,
    gap: { encode: gapOf(simulated, unseen) },
  };
}
