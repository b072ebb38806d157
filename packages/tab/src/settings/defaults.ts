import { Amount } from "@tabcast/runtime";
import type { WorkerSettings } from "./worker.ts";

/** Most jobs at once. Source: `MOST_JOBS` of node's worker. */
export const MOST_JOBS = 4;

/** A millionth of the chain's coin per output gigapixel, four jobs, for anybody, at any time. */
export const workerDefaults: WorkerSettings = {
  price: Amount.of(1_000_000_000_000),
  limits: { jobs: MOST_JOBS, onlyWhenCharging: false },
  hours: [],
  tags: [],
  allow: [],
  deny: [],
  crews: [],
  state: "working",
};
