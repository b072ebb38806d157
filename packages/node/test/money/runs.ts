import { replay } from "../../../channel/test/replay.ts";

/** Milliseconds that one run may take; most take one or two seconds. */
const RUN_MS = 60_000;

/** How often a property is tried: `usual` times, or RUNS; and how long that may take, the search for a smaller failure included. */
export function runsOf(usual: number) {
  const numRuns = process.env.RUNS === undefined ? usual : replay.numRuns;
  const limit = RUN_MS + numRuns * 12_000;
  return {
    runs: numRuns,
    /** Milliseconds for the test. */
    limit,
    options: {
      ...replay,
      numRuns,
      timeout: RUN_MS,
      interruptAfterTimeLimit: limit - RUN_MS / 2,
      markInterruptAsFailure: true,
    },
  };
}

/**
 * A run of a story, unless another one is under way still, as after its time was over: they would share a chain, and what came of
 * the second would say nothing of it.
 */
export function alone<Story extends readonly unknown[]>(
  run: (...story: Story) => Promise<void>,
): (...story: Story) => Promise<void> {
  let running = false;
  return async (...story) => {
    if (running) return;
    running = true;
    try {
      await run(...story);
    } finally {
      running = false;
    }
  };
}
