import { type Config, Rhythm } from "@tabcast/market";
import type { PeerId } from "@tabcast/mesh";
import type { Clock } from "@tabcast/runtime";

/** Workers whose rhythm is remembered; who was not heard of for longest makes room. */
const MOST_RHYTHMS = 64;

/** How often each worker is heard of while it works: carries out `Rhythm`. */
export interface Pulse {
  /** Two of a worker's signs of life came so far apart, in milliseconds. */
  beat(worker: PeerId, gapMs: number): void;
  /** How long it may be silent before it is suspected, in milliseconds. */
  patience(worker: PeerId): number;
}

export function openPulse(config: Config, clock: Clock): Pulse {
  const rhythms = new Map<PeerId, Rhythm.Rhythm>();
  const of = (worker: PeerId) => rhythms.get(worker) ?? Rhythm.newRhythm;
  return {
    beat(worker, gapMs) {
      const before = of(worker);
      rhythms.delete(worker); // set again: it becomes the newest
      rhythms.set(worker, Rhythm.beat(before, gapMs, clock.now(), config));
      if (rhythms.size > MOST_RHYTHMS) rhythms.delete(rhythms.keys().next().value as PeerId);
    },
    patience: (worker) => Rhythm.patience(of(worker), config),
  };
}
