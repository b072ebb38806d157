import { Assign, type Config, Job } from "@tabcast/market";
import type { Rung } from "@tabcast/media";
import type { PeerId } from "@tabcast/mesh";
import { Amount } from "@tabcast/runtime";
import type { Condition } from "../queue.ts";
import type { StreamContext } from "./context.ts";
import type { Hiring } from "./hiring.ts";
import { type Flight, type InFlight, uselessAt } from "./in-flight.ts";
import { type Loads, openLoads } from "./loads.ts";
import { amountOf, bytesOf, pixelsOf } from "./transcode/cost.ts";
import type { Uplink } from "./uplink.ts";

export interface SchedulerOptions {
  /** Undefined: nobody is hired, everything is encoded here. */
  readonly hiring: Hiring | undefined;
  readonly uplink: Uplink;
  /** Rungs that workers are asked for now. */
  readonly asked: () => readonly Rung[];
  /** True while a worker may still be paid for `amount` more. */
  readonly affordable: (amount: Amount) => boolean;
  /** Told what became of a segment's wish for a worker: "assigned" or "noWorker". */
  readonly inFlight: Pick<InFlight, "flights" | "tell">;
  /** Nobody has ever come: this tab is alone. */
  readonly alone: () => void;
  /** Woken when a worker has room for one segment more. */
  readonly condition: Condition;
}

/** Finds workers for segments and knows what each has in hand: carries out `Assign`, and keeps the budget for second copies. */
export interface Scheduler extends Budget, Omit<Loads, "all" | "add"> {
  /** A segment wants a worker. */
  want(wish: Omit<Wish, "since">): void;
  /** It wants none any more. */
  drop(seq: number): void;
  /** Gives the segments that wait to the workers that have room. */
  assign(): void;
  /** The segment that idle workers should copy at a file's end: the one that is predicted to take longest. */
  tail(): number | undefined;
}

interface Wish {
  readonly seq: number;
  readonly why: "first" | "again" | "hedge";
  readonly without: readonly string[];
  readonly since: number;
}

/** Workers that may be chosen from. */
type Available = readonly Assign.AvailableWorker[];

export function openScheduler(context: StreamContext, options: SchedulerOptions): Scheduler {
  const { config, pace, rungs, clock, signal } = context;
  const { hiring, uplink, asked, affordable, condition } = options;
  const { flights, tell } = options.inFlight;
  const loads = openLoads();
  const budget = openBudget(config);
  const patience = openPatience(context, options.alone);
  let wishes: readonly Wish[] = [];

  function unload(worker: PeerId, seq: number): void {
    loads.unload(worker, seq);
    condition.wake();
  }

  function fulfil(wish: Wish): void {
    wishes = wishes.filter((other) => other !== wish);
  }

  function nobody(wish: Wish): void {
    fulfil(wish);
    tell(wish.seq, { type: "noWorker" });
  }

  function assign(): void {
    if (signal.aborted) return;
    if (wishes.length === 0 && patience.everHired()) return; // as most ticks find it
    const available = heardOf(hiring?.available() ?? [], flights.values());
    if (available.length > 0) patience.hired();
    for (const wish of wishes) {
      const flight = flights.get(wish.seq);
      if (flight !== undefined && wishes.includes(wish)) assignOne(wish, flight, available);
    }
  }

  /** Finds a worker for a segment that wants one, or says that there is nobody, or lets it wait. */
  function assignOne(wish: Wish, flight: Flight, available: Available): void {
    if (!Job.wants(flight.job, config)) {
      fulfil(wish); // the answer came while we were looking
      return;
    }
    const price = hiring?.crew().need.maxPrice ?? 0n;
    if (hiring === undefined || !affordable(dearest(flight, flights.values(), rungs, price))) {
      nobody(wish);
      return;
    }
    const task = taskOf(wish, flight, asked());
    if (!Assign.anybody(available, task)) {
      if (patience.over(wish.since)) nobody(wish);
      return;
    }
    const at = { now: clock.now(), uplinkFreeAt: uplink.freeAt() };
    const choice = Assign.choose(available, loads.all(), task, at, config);
    if (choice === undefined) {
      // All are busy; looked at again when one is free.
      if (pace.hurried && wish.why !== "hedge") makeRoom(available, task);
      return;
    }
    fulfil(wish);
    if (wish.why === "hedge") {
      if (!budget.mayHedge()) return;
      budget.spend();
      flight.spent = true;
    }
    const bytes = hiring.crew().need.bytes;
    give(context, flight, task, choice, { available, loads, bytes, uplink, tell });
  }

  /** A worker is needed that has delivered a segment: its payment waits no longer for the spot check. */
  function makeRoom(available: Available, task: Assign.Task): void {
    const oldest = Assign.oldestMade(available, loads.all(), task, config);
    if (oldest !== undefined) unload(oldest.worker, oldest.seq);
  }

  return {
    ...budget,
    ...loads,
    unload,
    want(wish) {
      // The earliest deadline first.
      wishes = [...wishes, { ...wish, since: clock.now() }].sort((a, b) => a.seq - b.seq);
      queueMicrotask(assign);
    },
    drop(seq) {
      wishes = wishes.filter((wish) => wish.seq !== seq);
    },
    assign,
    tail() {
      const any = flights.values().next().value?.segment;
      if (any === undefined) return undefined;
      const waiting = wishes.length;
      const task = { waiting, pixels: pixelsOf(any, asked()), bytes: bytesOf(any) };
      const seq = Assign.tail(hiring?.available() ?? [], loads.all(), task, clock.now(), config);
      return wishes.some((wish) => wish.seq === seq) ? undefined : seq;
    },
  };
}

/** Gives a segment to the worker that was chosen, with the time when a copy of it is thought of. */
function give(
  context: StreamContext,
  flight: Flight,
  task: Assign.Task,
  choice: Assign.Choice,
  from: Chosen & Pick<SchedulerOptions, "uplink"> & Pick<InFlight, "tell">,
): void {
  const now = context.clock.now();
  const { available, loads, uplink, tell } = from;
  const { worker, epoch, readyAt, doneAt } = choice;
  loads.add(worker, { seq: task.seq, readyAt });
  const uploadedAt = task.closesAt === undefined ? choice.uploadedAt : undefined;
  if (uploadedAt !== undefined) uplink.reserve(uploadedAt);
  const ms = Math.round(doneAt - now);
  flight.note("assigned", worker, `${task.why}: done in ${ms} ms, the best of ${available.length}`);
  flight.calm = !Assign.saturated(available, task.pixels, context.segmentMs);
  const hedgeAt = flight.calm ? hedgeAtOf(context, flight, task, choice, from) : undefined;
  const giveUpAt = context.pace.hurried ? undefined : Assign.giveUpAt({ sentAt: now, doneAt });
  tell(task.seq, { type: "assigned", worker, epoch, now, hedgeAt, giveUpAt, uploadedAt });
}

/** When a copy of a segment is worth its cost: depends on how soon the next best worker would have made one. */
function hedgeAtOf(
  { config, pace, clock }: StreamContext,
  flight: Flight,
  task: Assign.Task,
  { worker, doneAt }: Assign.Choice,
  { available, loads, bytes }: Chosen,
): number | undefined {
  const now = clock.now();
  const base = task.closesAt ?? now;
  const without = [...task.without, worker];
  const most = Math.max(task.bytes, bytes);
  const again = { ...task, bytes: most, closesAt: undefined, without, why: "again" as const };
  const at = { now: base, uplinkFreeAt: base };
  const backup = Assign.choose(available, loads.all(), again, at, config);
  const first = { sentAt: now, doneAt };
  return Assign.hedgeAt(first, uselessAt(flight, pace), backup && backup.doneAt - base);
}

/** What a worker was chosen from. */
interface Chosen {
  readonly available: Available;
  readonly loads: Loads;
  /** Of a whole segment as it is planned: a copy starts with one that is complete, or nearly, and all of it has to travel again. */
  readonly bytes: number;
}

/** What may be spent on second copies. */
interface Budget {
  /** One segment more: the budget for copies grows. */
  earn(): void;
  /** A copy was no copy after all. */
  refund(): void;
  /** True if the budget allows a second copy. */
  mayHedge(): boolean;
  spend(): void;
}

function openBudget(config: Config): Budget {
  let budget = Job.newBudget;
  return {
    earn() {
      budget = Job.earn(budget, config);
    },
    refund() {
      budget = Job.refund(budget, config);
    },
    mayHedge: () => Job.mayHedge(budget),
    spend() {
      budget = Job.spend(budget);
    },
  };
}

/** How long a segment waits for somebody to come: longer as long as nobody ever has. `alone` is told once if nobody does. */
function openPatience({ config, clock }: StreamContext, alone: () => void) {
  const startedAt = clock.now();
  let everHired = false;
  let toldAlone = false;
  return {
    everHired: () => everHired,
    hired() {
      everHired = true;
    },
    /** True where a segment that has waited since then waits no longer. */
    over(waiting: number): boolean {
      const patience = everHired ? config.patience.laterMs : config.patience.firstMs;
      const since = everHired ? waiting : Math.min(waiting, startedAt);
      if (clock.now() - since < patience) return false;
      if (!toldAlone && !everHired) alone();
      toldAlone = true;
      return true;
    },
  };
}

/** Those who are not suspected in any segment; all, where all are. */
export function heardOf(everybody: Available, flights: Iterable<Pick<Flight, "job">>): Available {
  const silent = new Set([...flights].flatMap(({ job }) => Job.suspects(job)));
  const heard = everybody.filter(({ worker }) => !silent.has(worker));
  return heard.length > 0 ? heard : everybody;
}

/** What a segment can cost at most, with what is in hand already. */
export function dearest(
  flight: Pick<Flight, "segment">,
  all: Iterable<Pick<Flight, "segment" | "running">>,
  rungs: readonly Rung[],
  price: bigint,
): Amount {
  const cost = ({ segment }: Pick<Flight, "segment">) => amountOf(segment, rungs, price);
  const inHand = [...all].reduce(
    (sum, other) => sum + cost(other) * BigInt(other.running.size),
    0n,
  );
  return Amount.of(cost(flight) + inHand);
}

const taskOf = (
  wish: Wish,
  { segment, closesAt }: Flight,
  asked: readonly Rung[],
): Assign.Task => ({
  pixels: pixelsOf(segment, asked),
  bytes: bytesOf(segment),
  closesAt: segment.captured === undefined ? closesAt : undefined,
  ...wish,
});
