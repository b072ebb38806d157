/** The engine on virtual time. */
import { seededRandom } from "@tabcast/runtime";
import type { Engine, Run, RunOptions } from "../engine.ts";
import { play } from "../play.ts";
import type { Scenario } from "../scenario.ts";
import { lend, modelCrypto } from "./crypto.ts";
import { observeMaps, openMemory } from "./memory.ts";
import { modelSignals } from "./signals.ts";
import { openStage } from "./stage.ts";

/** Runs scenarios on virtual time. One run at a time in a process: it lends the process its own WebCrypto and signals. */
export const virtual: Engine = { name: "virtual", run };

async function run(scenario: Scenario, options: RunOptions): Promise<Run> {
  const release = lend({
    crypto: modelCrypto(seededRandom(options.seed, "crypto")),
    ...modelSignals,
  });
  // Refusals are everyday here, and writing down where each came from takes a tenth of a run.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  const memory = openMemory();
  const unobserve = observeMaps(memory);
  try {
    return await play(scenario, options, openStage(scenario, options.seed, memory));
  } finally {
    unobserve();
    Error.stackTraceLimit = stackTraceLimit;
    release();
  }
}
