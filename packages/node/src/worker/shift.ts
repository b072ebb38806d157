import { Availability } from "@tabcast/market";
import type { PeerId } from "@tabcast/mesh";
import type { Engagements } from "./engagements.ts";
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
   * Decides again whether work is taken, and tells; to be called when a job is over or a verdict has come. Whoever hired us hears
   * when no more is taken, and is left once it has no job here and owes nothing.
   */
  refresh(): void;
}

export interface ShiftOptions {
  /** Undefined: always, four jobs, for anybody. */
  readonly policy: Availability.Policy | undefined;
  readonly engagements: Pick<Engagements, "all" | "jobs" | "quit" | "bye">;
  readonly on: (event: WorkerEvent) => void;
}

export function openShift({ policy: initial, engagements, on }: ShiftOptions): Shift {
  let policy = initial ?? Availability.ALWAYS;
  let paused = false;
  let facts: Omit<Availability.Facts, "jobs"> = { day: 0, minute: 0 };
  let shown: Availability.State | undefined;

  const slots = () => Math.min(MOST_JOBS, policy.slots);
  const state = () =>
    Availability.state(
      { ...policy, slots: slots(), paused: policy.paused || paused },
      { ...facts, jobs: engagements.jobs() },
    );
  const refresh = () => {
    const before = shown;
    shown = state();
    const { why } = shown;
    if (before?.state !== shown.state || before.why !== why) on({ type: "availability", ...shown });
    if (shown.state === "open") return;
    const tell = (broadcaster: PeerId, finishing: boolean) =>
      engagements.bye(broadcaster, { why, finishing, award: NOTHING });
    if (before === undefined || before.state === "open")
      for (const peer of new Set(engagements.all().map(({ broadcaster }) => broadcaster)))
        tell(peer, true);
    for (const engagement of engagements.all()) {
      if (engagement.jobs.size > 0 || engagement.unpaid.size > 0) continue;
      engagements.quit(engagement);
      tell(engagement.broadcaster, false);
    }
  };

  return {
    state,
    policy: () => policy,
    paused: () => paused,
    slots,
    refresh,
    pause() {
      paused = true;
      refresh();
    },
    resume() {
      paused = false;
      refresh();
    },
    set(next) {
      policy = next;
      refresh();
    },
    sense(next) {
      facts = next;
      refresh();
    },
  };
}
