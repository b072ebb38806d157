import type { Assign } from "@tabcast/market";
import type { PeerId } from "@tabcast/mesh";

/** What each worker has in hand. */
export interface Loads {
  all(): ReadonlyMap<PeerId, readonly Assign.Load[]>;
  add(worker: PeerId, load: Assign.Load): void;
  /** A worker has one segment less in hand. */
  unload(worker: PeerId, seq: number): void;
  /** A worker delivered a segment, which counts among its jobs until it is unloaded, but takes none of its time. */
  made(worker: PeerId, seq: number): void;
  /** Whether a delivered segment still counts among its worker's jobs. */
  holds(worker: PeerId, seq: number): boolean;
  /** A worker is gone with all it had. */
  lost(worker: PeerId): void;
}

export function openLoads(): Loads {
  const loads = new Map<PeerId, readonly Assign.Load[]>();
  const of = (worker: PeerId) => loads.get(worker) ?? [];

  return {
    all: () => loads,
    add: (worker, load) => void loads.set(worker, [...of(worker), load]),
    unload(worker, seq) {
      const left = of(worker).filter((load) => load.seq !== seq);
      if (left.length > 0) loads.set(worker, left);
      else loads.delete(worker);
    },
    made(worker, seq) {
      const made = (load: Assign.Load): Assign.Load =>
        load.seq === seq ? { ...load, made: true } : load;
      loads.set(worker, of(worker).map(made));
    },
    holds: (worker, seq) => of(worker).some((load) => load.seq === seq && load.made === true),
    lost: (worker) => void loads.delete(worker),
  };
}
