import fitted from "./calibration.json" with { type: "json" };

/** How far simulated times are from those of the real runs that they were not fitted on, as ratios of simulated to real. */
export interface Gap {
  readonly p50: number;
  readonly p95: number;
  /** Kolmogorov-Smirnov distance of the two distributions, 0 to 1. */
  readonly ks: number;
}

/** Times of one class of machines, fitted by `scripts/fit.ts` from reports of real runs. */
export interface Calibration {
  readonly date: string;
  readonly machine: string;
  /** Runs that were fitted on, and that were judged on. */
  readonly fittedOn: number;
  readonly judgedOn: number;
  /** Deviation of the logarithm of a job's encode time; share of jobs that stall, and how much longer they take. */
  readonly encode: {
    readonly sigma: number;
    readonly stallShare: number;
    readonly stallFactor: number;
  };
  readonly transfer: {
    /** Milliseconds of a first connection besides its round trips. */
    readonly dialMs: number;
    /** From a segment's last encoded frame until it is verified, besides what links take: median in milliseconds, deviation of the logarithm. */
    readonly deliverMs: number;
    readonly deliverSigma: number;
  };
  /** Milliseconds until a peer that went without a word is missed. Source: simulation.md part 4, measured. */
  readonly lostAfterMs: number;
  /** Null: never held against a real run. */
  readonly gap: { readonly encode: Gap; readonly roundTrip: Gap } | null;
}

/** What this build's virtual engine takes for true. */
export const calibration = fitted as Calibration;

/** Above this distance at the 95th percentile, times are marked as not calibrated. Source: simulation.md part 9. */
const MOST_GAP = 0.25;

/** True if the model was held against real runs and is near enough. */
export const calibrated = ({ gap }: Calibration): boolean =>
  gap !== null && [gap.encode, gap.roundTrip].every(({ p95 }) => Math.abs(p95 - 1) <= MOST_GAP);
