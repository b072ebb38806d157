/** Every number the market decides by. */

/** What a network of this size can carry. */
export * as Admission from "./admission.ts";
/** Which hired worker gets the next segment. */
export * as Assign from "./assign.ts";
/** When a worker's tab takes work. */
export * as Availability from "./availability.ts";
/** Whether workers serve what they delivered. */
export * as AvailabilityCheck from "./availability-check.ts";
/** Whose pictures are spot-checked, and what the spot checks mean. */
export * as Check from "./check.ts";
/** What viewers' complaints move. */
export { Complaints } from "./complaints.ts";
export { type Config, FAST, LIVE } from "./config.ts";
/** Hiring for one stream. */
export * as Crew from "./crew.ts";
/** How long a worker may be silent. */
export * as FailureDetector from "./failure-detector.ts";
/** The worker's side: whether to bid, when, and which award to take. */
export * as Hire from "./hire.ts";
/** One segment's life: who encodes it, when a second copy starts, what is paid. */
export * as Job from "./job.ts";
/** How much a peer may send, and why messages are dropped. */
export * as Limits from "./limits.ts";
/** What a segment costs, to the wei. */
export * as Price from "./price.ts";
/** When an idle device measures itself again. */
export * as Remeasure from "./remeasure.ts";
/** How good a worker was. */
export * as Score from "./score.ts";
/** Who may work for a stream at all. */
export * as Screen from "./screen.ts";
/** The draw among bids. */
export * as Select from "./select.ts";
/** What was measured of a worker. */
export * as Speed from "./speed.ts";
/** How a segment came to be, for people. */
export * as Trace from "./trace.ts";
/** What a worker's record says. */
export * as Trust from "./trust.ts";
/** Looks at a rendition before it is published or paid. */
export * as Verify from "./verify.ts";
