import { Assign, type Config, Job, Price } from "@tabcast/market";
import type { Rung } from "@tabcast/media";
import type { PeerId } from "@tabcast/mesh";
import type { Clock, Wei } from "@tabcast/runtime";
import type { Bell } from "../queue.ts";
import type { Hiring } from "./hiring.ts";
import { bytesOf, framesOf, pixelsOf, type Slot, uselessAt } from "./in-flight.ts";
import type { Pace } from "./pace.ts";
import type { Uplink } from "./uplink.ts";

export interface DeskOptions {
  /** Undefined: nobody is hired, everything is encoded here. */
  readonly hiring: Hiring | undefined;
  readonly uplink: Uplink;
  readonly rungs: readonly Rung[];
  /** Those of them that workers are asked for now. */
  readonly asked: () => readonly Rung[];
  readonly config: Config;
  readonly clock: Clock;
  /** True while a worker may still be paid for `amount` more. */
  readonly affordable: (amount: Wei) => boolean;
  readonly pace: Pace;
  readonly segmentMs: number;
  /** By sequence. */
  readonly slots: ReadonlyMap<number, Slot>;
  /** What became of a segment's wish for a worker: "assigned" or "noWorker". */
  readonly tell: (seq: number, event: Job.Event) => void;
  /** Nobody has ever come: this tab is alone. */
  readonly alone: () => void;
  /** Rung when a worker's place is free. */
  readonly bell: Bell;
  readonly signal: AbortSignal;
}

/** Finds workers for segments and knows what each has in hand: carries out `Assign`, and keeps the budget for second copies. */
export interface Desk {
  /** A segment wants a worker. */
  want(wish: Omit<Wish, "since">): void;
  /** It wants none any more. */
  drop(seq: number): void;
  /** Looks again who can be given what. */
  assign(): void;
  /** A worker has one segment less in hand. */
  unload(worker: PeerId, seq: number): void;
  /** A worker delivered a segment, which takes a place until it is unloaded, but no time. */
  made(worker: PeerId, seq: number): void;
  /** Whether a delivered segment still takes its worker's place. */
  holds(worker: PeerId, seq: number): boolean;
  /** A worker is gone with all it had. */
  lost(worker: PeerId): void;
  /** One segment more: the budget for copies grows. */
  earn(): void;
  /** A copy was no copy after all. */
  refund(): void;
  /** True if a token for a second copy is there. */
  mayHedge(): boolean;
  /** The segment that idle workers should copy at a file's end: the one that is predicted to take longest. */
  tail(): number | undefined;
}

interface Wish {
  readonly seq: number;
  readonly why: "first" | "again" | "hedge";
  readonly without: readonly string[];
  readonly since: number;
}

export function openDesk(options: DeskOptions): Desk {
  const { hiring, uplink, rungs, asked, config, clock, affordable, pace } = options;
  const { segmentMs, slots, tell, alone, bell, signal } = options;
  const loads = new Map<PeerId, Assign.Load[]>();
  let wishes: Wish[] = [];
  let budget = Job.newBudget;
  let everHired = false;
  let toldAlone = false;
  const startedAt = clock.now();

  function unload(worker: PeerId, seq: number): void {
    const left = (loads.get(worker) ?? []).filter((load) => load.seq !== seq);
    if (left.length > 0) loads.set(worker, left);
    else loads.delete(worker);
    bell.wake();
  }

  /** What a segment can cost at most, with what is in hand already. */
  function dearest(slot: Slot): Wei {
    const price = hiring?.crew().need.maxPrice ?? 0n;
    const cost = ({ segment }: Slot) => Price.ofSegment(price, rungs, framesOf(segment));
    const inHand = [...slots.values()].reduce(
      (sum, other) => sum + cost(other) * BigInt(other.running.size),
      0n,
    );
    return (cost(slot) + inHand) as Wei;
  }

  function assign(): void {
    if (signal.aborted) return;
    if (wishes.length === 0 && everHired) return; // as most ticks find it
    const everybody = hiring?.hands() ?? [];
    const silent = new Set([...slots.values()].flatMap(({ job }) => Job.suspects(job)));
    const heard = everybody.filter(({ worker }) => !silent.has(worker));
    const hands = heard.length > 0 ? heard : everybody;
    if (hands.length > 0) everHired = true;
    for (const wish of [...wishes]) {
      const slot = slots.get(wish.seq);
      if (slot !== undefined && wishes.includes(wish)) place(wish, slot, hands);
    }
  }

  /** Finds a worker for a segment that wants one, or says that there is nobody, or lets it wait. */
  function place(wish: Wish, slot: Slot, hands: readonly Assign.Hand[]): void {
    const now = clock.now();
    const { seq, why } = wish;
    const { segment } = slot;
    const fulfil = () => {
      wishes = wishes.filter((other) => other !== wish);
    };
    const nobody = () => {
      fulfil();
      tell(seq, { type: "noWorker" });
    };
    if (!Job.wants(slot.job, config)) {
      fulfil(); // the answer came while we were looking
      return;
    }
    if (hiring === undefined || !affordable(dearest(slot))) {
      nobody();
      return;
    }
    const task: Assign.Task = {
      pixels: pixelsOf(segment, asked()),
      bytes: bytesOf(segment),
      closesAt: segment.captured === undefined ? slot.closesAt : undefined,
      ...wish,
    };
    if (!Assign.anybody(hands, task)) {
      const patience = everHired ? config.patience.laterMs : config.patience.firstMs;
      const since = everHired ? wish.since : Math.min(wish.since, startedAt);
      if (now - since < patience) return;
      if (!toldAlone && !everHired) alone();
      toldAlone = true;
      nobody();
      return;
    }
    const at = { now, uplinkFreeAt: uplink.freeAt() };
    const choice = Assign.choose(hands, loads, task, at, config);
    if (choice === undefined) {
      // All are busy; looked at again when one is free.
      const spare = !pace.hurried || why === "hedge";
      const oldest = spare ? undefined : Assign.oldestMade(hands, loads, task, config);
      if (oldest !== undefined) unload(oldest.worker, oldest.seq);
      return;
    }
    fulfil();
    if (why === "hedge") {
      if (!Job.mayHedge(budget)) return;
      budget = Job.spend(budget);
      slot.spent = true;
    }
    entrust(slot, task, choice, hands);
  }

  /** Gives a segment to the worker that was chosen, with the time when a copy of it is thought of. */
  function entrust(
    slot: Slot,
    task: Assign.Task,
    choice: Assign.Choice,
    hands: readonly Assign.Hand[],
  ): void {
    const now = clock.now();
    const { seq } = task;
    const { worker, epoch, readyAt, doneAt } = choice;
    loads.set(worker, [...(loads.get(worker) ?? []), { seq, readyAt }]);
    const uploadedAt = task.closesAt === undefined ? choice.uploadedAt : undefined;
    if (uploadedAt !== undefined) uplink.reserve(uploadedAt);
    const ms = Math.round(doneAt - now);
    slot.note("assigned", worker, `${task.why}: done in ${ms} ms, the best of ${hands.length}`);
    const base = task.closesAt ?? now;
    // A copy starts with a segment that is complete, or nearly: all of it has to travel again.
    const bytes = Math.max(task.bytes, hiring?.crew().need.bytes ?? 0);
    const without = [...task.without, worker];
    const again = { ...task, bytes, closesAt: undefined, without, why: "again" as const };
    const backup = Assign.choose(hands, loads, again, { now: base, uplinkFreeAt: base }, config);
    slot.calm = !Assign.saturated(hands, task.pixels, segmentMs);
    const first = { sentAt: now, doneAt };
    const hedgeAt = slot.calm
      ? Assign.hedgeAt(first, uselessAt(slot, pace), backup && backup.doneAt - base)
      : undefined;
    tell(seq, { type: "assigned", worker, epoch, now, hedgeAt, uploadedAt });
  }

  return {
    want(wish) {
      wishes.push({ ...wish, since: clock.now() });
      wishes.sort((a, b) => a.seq - b.seq); // the earliest deadline first
      queueMicrotask(assign);
    },
    drop(seq) {
      wishes = wishes.filter((wish) => wish.seq !== seq);
    },
    assign,
    unload,
    made(worker, seq) {
      const load = loads.get(worker) ?? [];
      loads.set(
        worker,
        load.map((one) => (one.seq === seq ? { ...one, made: true } : one)),
      );
    },
    holds: (worker, seq) =>
      loads.get(worker)?.some((load) => load.seq === seq && load.made === true) ?? false,
    lost: (worker) => void loads.delete(worker),
    earn() {
      budget = Job.earn(budget, config);
    },
    refund() {
      budget = Job.refund(budget, config);
    },
    mayHedge: () => Job.mayHedge(budget),
    tail() {
      const any = slots.values().next().value?.segment;
      if (any === undefined) return undefined;
      const hands = hiring?.hands() ?? [];
      const task = {
        waiting: wishes.length,
        pixels: pixelsOf(any, asked()),
        bytes: bytesOf(any),
      };
      const seq = Assign.tail(hands, loads, task, clock.now(), config);
      return wishes.some((wish) => wish.seq === seq) ? undefined : seq;
    },
  };
}
