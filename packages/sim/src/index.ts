/** What must hold of a run. */
export { ALWAYS, type Assertion, type Finding, type Judgement, judge } from "./assertions.ts";
/** What runs a scenario. */
export type { Engine, Run, RunOptions } from "./engine.ts";
/** What a run leaves behind. */
export { type Report, reportOf } from "./report.ts";
/** The scenario file. */
export { parse, type Scenario, schema } from "./scenario.ts";
export { ScenarioError } from "./shape.ts";
/** The engine on virtual time. */
export { virtual } from "./virtual/engine.ts";
