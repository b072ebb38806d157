import { FailureDetector } from "@tabcast/market";
import type { PeerId } from "@tabcast/mesh";
import { BoundedMap } from "@tabcast/runtime";
import type { StreamContext } from "./context.ts";

/** Workers whose heartbeats are remembered; the one that was not heard of for longest makes room. */
const MOST_HISTORIES = 64;

/** How often each worker is heard of while it works: carries out `FailureDetector`. */
export interface FailureDetectors {
  /** Two of a worker's heartbeats came so far apart, in milliseconds. */
  beat(worker: PeerId, gapMs: number): void;
  /** How long it may be silent before it is suspected, in milliseconds. */
  patience(worker: PeerId): number;
}

export function openFailureDetectors({
  config,
  clock,
}: Pick<StreamContext, "config" | "clock">): FailureDetectors {
  const histories = new BoundedMap<PeerId, FailureDetector.History>(MOST_HISTORIES);
  const of = (worker: PeerId) => histories.get(worker) ?? FailureDetector.noHistory;
  return {
    beat(worker, gapMs) {
      histories.set(worker, FailureDetector.beat(of(worker), gapMs, clock.now(), config));
    },
    patience: (worker) => FailureDetector.patience(of(worker), config),
  };
}
