import { Availability } from "@tabcast/market";
import type { Millis } from "@tabcast/runtime";
import type { WorkerContext } from "./context.ts";
import { BYE_MS, type Engagement, type Engagements } from "./engagements.ts";
import type { WorkerNode } from "./types.ts";

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
   * Whether a new job of the engagement is taken: until it must have heard that none is, since one may be on its way. Where it has not
   * heard, it is told again.
   */
  takes(engagement: Engagement): boolean;
  /**
   * Decides again whether work is taken, and tells; to be called when a job is over or a verdict has come. Whoever hired us hears
   * when no more is taken, at all or for its stream, and is left once it has no job here and owes nothing.
   */
  refresh(): void;
}

export interface ShiftOptions {
  /** Undefined: always, four jobs, for anybody. */
  readonly policy: Availability.Policy | undefined;
  readonly engagements: Pick<Engagements, "all" | "jobs" | "quit" | "bye">;
  /** False where its crew was left, or joined after it had hired in the open. */
  readonly belongs: (engagement: Engagement) => boolean;
}

export function openShift(
  { clock, on }: Pick<WorkerContext, "clock" | "on">,
  options: ShiftOptions,
): Shift {
  const { engagements, belongs } = options;
  let policy = options.policy ?? Availability.ALWAYS;
  let paused = false;
  let facts: Omit<Availability.Facts, "jobs"> = { day: 0, minute: 0 };
  let shown: Availability.State | undefined;

  /**
   * Why, since when, and when last whoever hired us was told that no more is taken. It gives us nothing more then, so that the engagement
   * is over once nothing is in hand or owed, even if its owner has thought better of it: only then may we be hired again.
   */
  const leaving = new WeakMap<
    Engagement,
    { readonly why: string; readonly at: Millis; toldAt: Millis }
  >();

  const serves = (one: Engagement) =>
    belongs(one) && Availability.serves(policy, one.stream, one.broadcaster);
  /** Of its own award alone: others of its broadcaster may have been made since. */
  const tell = (one: Engagement, finishing: boolean) => {
    const why = leaving.get(one)?.why ?? "";
    engagements.bye(one.broadcaster, { why, finishing, award: one.award.id });
  };
  const owes = ({ unpaid }: Engagement) =>
    [...unpaid.values()].some(({ state }) => state === "owed");
  const slots = () => Math.min(MOST_JOBS, policy.slots);
  const state = () =>
    Availability.state(
      { ...policy, slots: slots(), paused: policy.paused || paused },
      { ...facts, jobs: engagements.jobs() },
    );
  const refresh = () => {
    const before = shown;
    shown = state();
    const { why, state: now } = shown;
    if (before?.state !== shown.state || before.why !== why) on({ type: "availability", ...shown });
    const open = now === "open";
    const fresh = engagements.all().filter((one) => !leaving.has(one) && !(open && serves(one)));
    const at = clock.now();
    for (const one of fresh) leaving.set(one, { why: open ? "denied" : why, at, toldAt: at });
    if (open) for (const one of fresh) tell(one, true);
    else
      for (const broadcaster of new Set(fresh.map((one) => one.broadcaster)))
        engagements.bye(broadcaster, { why, finishing: true, award: NOTHING });
    for (const one of engagements.all()) {
      if (!leaving.has(one) || one.jobs.size > 0 || owes(one)) continue;
      engagements.quit(one);
      tell(one, false);
    }
  };

  return {
    state,
    policy: () => policy,
    paused: () => paused,
    slots,
    takes(engagement) {
      const left = leaving.get(engagement);
      const now = clock.now();
      if (left === undefined || now - left.at < BYE_MS) return true;
      if (now - left.toldAt >= BYE_MS) {
        left.toldAt = now;
        tell(engagement, true);
      }
      return false;
    },
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
