import { SerialQueue } from "@tabcast/runtime";
import type { Condition } from "../queue.ts";
import type { Draw, Result } from "./checks.ts";
import type { JobContext } from "./context.ts";
import type { Captured, Collected } from "./delivery.ts";
import type { Pace } from "./pace.ts";

/** How long a spot check waits at most for live segments that are late, in milliseconds. */
const LONGEST_WAIT_MS = 30_000;
/** Spot checks that may wait for their turn, for each keeps a segment and its renditions in memory. A live stream leaves out the others. */
const MOST_WAITING = 16;

interface SpotChecksContext extends Pick<JobContext, "checks" | "clock" | "signal"> {
  readonly pace: Pick<Pace, "hurried">;
}

export interface SpotChecksOptions {
  /** Live segments are late: what can wait has to. */
  readonly behind: () => boolean;
  /** Woken when that may have changed. */
  readonly condition: Condition;
  /** Told of a segment whose spot check is left out, and why. */
  readonly skipped: (seq: number, why: string) => void;
}

/** Gives spot checks their turn: one at a time, and not while live segments are late. */
export interface SpotChecks {
  /** Undefined where it was left out: too many wait, or the stream is over. */
  check(draw: Draw, source: Captured, made: readonly Collected[]): Promise<Result | undefined>;
}

export function openSpotChecks(
  { checks, clock, pace, signal }: SpotChecksContext,
  { behind, condition, skipped }: SpotChecksOptions,
): SpotChecks {
  const queue = new SerialQueue();
  let waiting = 0;

  return {
    async check(draw, source, made) {
      if (pace.hurried && waiting >= MOST_WAITING) {
        skipped(draw.seq, `${waiting} others wait`);
        return undefined;
      }
      waiting++;
      try {
        return await queue.run(async () => {
          const longest = clock.now() + LONGEST_WAIT_MS;
          await condition.until(() => (!behind() || clock.now() >= longest ? true : undefined), {
            signal,
          });
          return await checks.check(draw, source, made, { signal });
        });
      } catch {
        return undefined; // `signal` fired
      } finally {
        waiting--;
      }
    },
  };
}
