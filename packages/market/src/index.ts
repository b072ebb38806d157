/** Every number the market decides by. */

/** Which hired worker gets the next segment. */
export * as Assign from "./assign.ts";
export { type Config, FAST, LIVE } from "./config.ts";
/** Hiring for one stream. */
export * as Crew from "./crew.ts";
/** The worker's side: whether to bid, when, and which award to take. */
export * as Hire from "./hire.ts";
/** One segment's life: who encodes it, when a second copy starts, what is paid. */
export * as Job from "./job.ts";
/** What a segment costs, to the wei. */
export * as Price from "./price.ts";
/** How good a worker was. */
export * as Score from "./score.ts";
/** The draw among bids. */
export * as Select from "./select.ts";
/** What was measured of a worker. */
export * as Speed from "./speed.ts";
/** Looks at a rendition before it is published or paid. */
export * as Verify from "./verify.ts";
