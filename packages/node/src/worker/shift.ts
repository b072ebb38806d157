import { Availability } from "@tabcast/market";
import type { PeerId } from "@tabcast/mesh";
import type { Places } from "./places.ts";
import type { WorkerEvent, WorkerNode } from "./types.ts";

/** Jobs a tab takes at once. Live ones mostly wait for bytes: two streams have one each, and one before it being finished. */
export const MOST_JOBS = 4;
const NOTHING = new Uint8Array(0);

/** When this tab takes work, and how much: carries out `Availability`. */
export interface Shift extends Pick<WorkerNode, "pause" | "resume" | "set" | "sense"> {
  state(): Availability.State;
  policy(): Availability.Policy;
  paused(): boolean;
  /** Jobs that may be in hand at once. */
  slots(): number;
  /**
   * Looks again whether work is taken, and tells; to be called when a job is over or a verdict has come. Whoever hired us hears
   * when no more is taken, and is left once it has no job here and owes nothing.
   */
  look(): void;
}

export interface ShiftOptions {
  /** Undefined: always, four jobs, for anybody. */
  readonly policy: Availability.Policy | undefined;
  readonly places: Pick<Places, "all" | "jobs" | "quit" | "bye">;
  readonly on: (event: WorkerEvent) => void;
}

export function openShift({ policy: initial, places, on }: ShiftOptions): Shift {
  let policy = initial ?? Availability.ALWAYS;
  let paused = false;
  let facts: Omit<Availability.Facts, "jobs"> = { day: 0, minute: 0 };
  let shown: Availability.State | undefined;

  const slots = () => Math.min(MOST_JOBS, policy.slots);
  const state = () =>
    Availability.state(
      { ...policy, slots: slots(), paused: policy.paused || paused },
      { ...facts, jobs: places.jobs() },
    );
  const look = () => {
    const before = shown;
    shown = state();
    const { why } = shown;
    if (before?.state !== shown.state || before.why !== why) on({ type: "availability", ...shown });
    if (shown.state === "open") return;
    const tell = (broadcaster: PeerId, finishing: boolean) =>
      places.bye(broadcaster, { why, finishing, award: NOTHING });
    if (before === undefined || before.state === "open")
      for (const peer of new Set(places.all().map(({ broadcaster }) => broadcaster)))
        tell(peer, true);
    for (const place of places.all()) {
      if (place.jobs.size > 0 || place.unpaid.size > 0) continue;
      places.quit(place);
      tell(place.broadcaster, false);
    }
  };

  return {
    state,
    policy: () => policy,
    paused: () => paused,
    slots,
    look,
    pause() {
      paused = true;
      look();
    },
    resume() {
      paused = false;
      look();
    },
    set(next) {
      policy = next;
      look();
    },
    sense(next) {
      facts = next;
      look();
    },
  };
}
