import { type Bell, openLine } from "../queue.ts";
import type { Draw, Result } from "./checks.ts";
import type { JobContext } from "./context.ts";
import type { Captured, Collected } from "./delivery.ts";
import type { Pace } from "./pace.ts";

/** How long a look at pictures waits at most for live segments that are late, in milliseconds. */
const LOOK_MS = 30_000;
/** Looks that may wait for their turn: each holds a segment and its renditions. Beyond it a live stream's are left out. */
const MOST_LOOKS = 16;

interface LooksContext extends Pick<JobContext, "checks" | "clock" | "signal"> {
  readonly pace: Pick<Pace, "hurried">;
}

export interface LooksOptions {
  /** Live segments are late: what can wait has to. */
  readonly behind: () => boolean;
  /** Rung when that may have changed. */
  readonly bell: Bell;
  /** Told of a segment that is not looked at, and why. */
  readonly skipped: (seq: number, why: string) => void;
}

/** Gives looks at pictures their turn: one at a time, and not while live segments are late. */
export interface Looks {
  /** Undefined where there was no look: too many wait, or the stream is over. */
  look(draw: Draw, source: Captured, made: readonly Collected[]): Promise<Result | undefined>;
}

export function openLooks(
  { checks, clock, pace, signal }: LooksContext,
  { behind, bell, skipped }: LooksOptions,
): Looks {
  const line = openLine();
  let waiting = 0;

  return {
    async look(draw, source, made) {
      if (pace.hurried && waiting >= MOST_LOOKS) {
        skipped(draw.seq, `${waiting} others wait`);
        return undefined;
      }
      waiting++;
      try {
        return await line.run(async () => {
          const longest = clock.now() + LOOK_MS;
          await bell.until(() => (!behind() || clock.now() >= longest ? true : undefined), {
            signal,
          });
          return await checks.look(draw, source, made, { signal });
        });
      } catch {
        return undefined; // `signal` fired
      } finally {
        waiting--;
      }
    },
  };
}
