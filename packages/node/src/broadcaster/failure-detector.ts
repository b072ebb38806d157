import { type Config, Rhythm } from "@tabcast/market";
import type { PeerId } from "@tabcast/mesh";
import { BoundedMap, type Clock } from "@tabcast/runtime";

/** Workers whose rhythm is remembered; who was not heard of for longest makes room. */
const MOST_RHYTHMS = 64;

/** How often each worker is heard of while it works: carries out `Rhythm`. */
export interface FailureDetector {
  /** Two of a worker's signs of life came so far apart, in milliseconds. */
  beat(worker: PeerId, gapMs: number): void;
  /** How long it may be silent before it is suspected, in milliseconds. */
  patience(worker: PeerId): number;
}

export function openFailureDetector(config: Config, clock: Clock): FailureDetector {
  const rhythms = new BoundedMap<PeerId, Rhythm.Rhythm>(MOST_RHYTHMS);
  const of = (worker: PeerId) => rhythms.get(worker) ?? Rhythm.newRhythm;
  return {
    beat(worker, gapMs) {
      rhythms.set(worker, Rhythm.beat(of(worker), gapMs, clock.now(), config));
    },
    patience: (worker) => Rhythm.patience(of(worker), config),
  };
}
