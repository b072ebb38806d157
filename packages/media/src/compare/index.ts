/** What honest sizes are, for checks that decode nothing. */
export { emptyBytes, fullness, mostBytes } from "./bytes.ts";
/** Which frames of a segment to check. */
export { pickFrames } from "./pick.ts";
export type { CompareRequest, Comparison, Reference, ReferenceRequest } from "./types.ts";
/** What a comparison means. */
export { judge, type Measure, type Verdict } from "./verdict.ts";
/** Measures renditions against their source, in a dedicated worker. */
export { createVerifier, type Verifier } from "./verifier.ts";
