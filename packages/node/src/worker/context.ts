import type { Context } from "../context.ts";
import type { WorkerEvent } from "./types.ts";

/** What every part of a worker is given first. */
export interface WorkerContext extends Context {
  readonly on: (event: WorkerEvent) => void;
}
