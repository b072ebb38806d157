/** What a worker, or a whole stream, is rated by. */
export interface Record {
  /** Renditions asked for. */
  readonly asked: number;
  /** Renditions verified in time. */
  readonly delivered: number;
  /** From sent to verified, in milliseconds, of each segment delivered. */
  readonly roundTripsMs: readonly number[];
  /** Length of a segment, in seconds. */
  readonly segmentSeconds: number;
}

/** Share of what was asked that was delivered, 0 to 1; 0 if nothing was asked. */
export function successRate({ asked, delivered }: Pick<Record, "asked" | "delivered">): number {
  return asked === 0 ? 0 : delivered / asked;
}

/**
 * successRate x (1 - e^(-segmentSeconds / mean round trip)), 0 to 1: Livepeer's leaderboard formula, so that numbers compare.
 * 0 without a round trip.
 */
export function score(record: Record): number {
  const { roundTripsMs, segmentSeconds } = record;
  if (roundTripsMs.length === 0) return 0;
  const mean = roundTripsMs.reduce((sum, ms) => sum + ms, 0) / roundTripsMs.length / 1_000;
  return successRate(record) * (mean <= 0 ? 1 : 1 - Math.exp(-segmentSeconds / mean));
}

/** The smallest value that at least `share` (0 to 1) of the values do not exceed; undefined for none. Nearest rank. */
export function percentile(values: readonly number[], share: number): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}
