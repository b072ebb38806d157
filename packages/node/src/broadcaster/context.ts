import type { CodecName, Rung } from "@tabcast/media";
import type { CrewKeys } from "@tabcast/protocol";
import type { Context } from "../context.ts";
import type { RateLimiter } from "../rate-limiter.ts";
import type { Checks } from "./checks.ts";
import type { Hiring } from "./hiring.ts";
import type { Pace } from "./pace.ts";
import type { Records } from "./records.ts";
import type { BroadcastEvent } from "./types.ts";

/** What every part of one broadcast is given first: what was chosen once, when the stream began. */
export interface StreamContext extends Context, Pick<Pace, "config"> {
  readonly pace: Pace;
  /** The stream's public key. */
  readonly stream: Uint8Array;
  /** The ladder; empty: only the source itself is published. */
  readonly rungs: readonly Rung[];
  readonly codec: CodecName;
  /** Length of a segment as it is planned, in milliseconds. */
  readonly segmentMs: number;
  /** A private stream's keys; undefined: everybody may see it. */
  readonly secrets?: CrewKeys | undefined;
  readonly on: (event: BroadcastEvent) => void;
}

/** What every part that has to do with jobs is given first: the stream, and those who may work for it. */
export interface JobContext extends StreamContext {
  /** Undefined: nobody is hired, everything is encoded here. */
  readonly hiring: Hiring | undefined;
  readonly records: Records;
  readonly limiter: RateLimiter;
  /** Spot checks. */
  readonly checks: Checks;
}
