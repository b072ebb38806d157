/** Every number the market decides by. */
export { type Config, FAST, LIVE } from "./config.ts";
/** The worker's side: whether to bid, when, and which award to take. */
export * as Hire from "./hire.ts";
/** What a segment costs, to the wei. */
export * as Price from "./price.ts";
/** How good a worker was. */
export * as Score from "./score.ts";
