/**
 * One segment's life at the broadcaster.
 *
 *   open ──assigned──▶ sent ──receipt──▶ verifying ──passed──▶ done
 *    ▲                  │ failed, dead       │ failed            ▲
 *    └──────again───────┴────────────────────┘                   │ localDone, or a worker's copy that passed
 *    └─ no worker, third failure, or time runs out ─▶ local ─────┤
 *                                                                ▼ localFailed, deadline, cancelled
 *                                                              missed
 *
 * What this tab made while a worker is still at it waits until the deadline: the worker's ladder is whole, ours may be its lowest rung.
 * The first valid answer wins: what comes after `done` or `missed` changes nothing and is not paid. Never falls: the number
 * of attempts. An attempt's receipt counts only under the epoch it was sent with.
 */
import type { Config } from "./config.ts";

export type State = "open" | "sent" | "verifying" | "local" | "done" | "missed";

/**
 * What went wrong with a worker: it said so, was full, sent something invalid, was superseded by another copy or by the
 * deadline, fell silent for good, or left.
 */
export type Fault = "failed" | "busy" | "invalid" | "late" | "dead" | "left";

/** One worker's try. */
export interface Attempt {
  readonly worker: string;
  readonly epoch: number;
  /** From 1. */
  readonly number: number;
  readonly stage: "running" | "answered" | "verifying" | "over";
  readonly sentAt: number;
  /** Last sign of life, in milliseconds; before there was one, when it is expected at the latest. */
  readonly heardAt: number;
  /** All its bytes are with it, or go as they are made. */
  readonly uploaded: boolean;
  /** Its renditions are on their way to us: silence counts, as it does while it works. */
  readonly pulling: boolean;
  /** Fell silent, and the backup was thought of. */
  readonly suspected: boolean;
  /** When a second copy is thought of although it is heard of; undefined: not, or no more. */
  readonly hedgeAt: number | undefined;
  /** That time came while it was at work. */
  readonly overdue: boolean;
  /** When it is given up although it is heard of; undefined: its job's deadline sees to that. */
  readonly giveUpAt: number | undefined;
  /** Silence at work that is suspicious, in milliseconds: `suspectMs` until it was heard of for the first time. */
  readonly quietMs: number;
}

/** When results stop being of use; milliseconds of the broadcaster's clock, counted from the segment's end. */
export interface Limits {
  /** Encoding here starts now, so that it is ready in time. */
  readonly localAt: number;
  /** Nothing is of use after this. */
  readonly deadline: number;
}

export interface Job {
  readonly seq: number;
  readonly state: State;
  /** Undefined for files at full speed, and until a live segment is closed: nothing is given up for being late. */
  readonly limits: Limits | undefined;
  readonly attempts: readonly Attempt[];
  /** A second copy was started while the first could still answer. */
  readonly hedged: boolean;
  /** This tab has begun to encode it, once. "ready": what it made waits for a worker that may still be in time. */
  readonly local: "no" | "running" | "ready" | "over";
}

export type Event =
  /** A worker was picked for it, as an earlier `pick` asked. Answered with `send`, or with `cancel` if it comes too late. */
  | {
      readonly type: "assigned";
      readonly worker: string;
      readonly epoch: number;
      readonly now: number;
      /** `Assign.hedgeAt`. */
      readonly hedgeAt?: number | undefined;
      /** `Assign.giveUpAt`, where no deadline ends what never comes to an end. */
      readonly giveUpAt?: number | undefined;
      /** When a complete segment is with it, as predicted; undefined for one that goes as it is made. */
      readonly uploadedAt?: number | undefined;
    }
  /** A file is at its end, and somebody is idle: copy this one. */
  | { readonly type: "tail"; readonly now: number; readonly hedge: boolean }
  /** The segment was still being made when its job was opened; now it is complete. */
  | { readonly type: "closed"; readonly limits: Limits }
  /** There is nobody to wait for. Not for a crew that is merely busy. */
  | { readonly type: "noWorker" }
  /** A sign of life: all its bytes are with the worker. `quietMs`: the silence that is suspicious from now on, as `FailureDetector.patience` says. */
  | {
      readonly type: "progress";
      readonly worker: string;
      readonly now: number;
      readonly quietMs?: number | undefined;
    }
  | { readonly type: "receipt"; readonly worker: string; readonly epoch: number }
  /** Its renditions are asked for. */
  | { readonly type: "pulling"; readonly worker: string; readonly now: number }
  /** All of them are here. */
  | { readonly type: "pulled"; readonly worker: string }
  | { readonly type: "passed"; readonly worker: string }
  | { readonly type: "failed"; readonly worker: string; readonly fault: Fault }
  /** Time has passed: `wakeAt`. `hedge` is true if the budget allows a second copy. */
  | { readonly type: "late"; readonly now: number; readonly hedge: boolean }
  | { readonly type: "localDone" }
  | { readonly type: "localFailed" }
  /** The stream has ended badly: nobody wants it any more. */
  | { readonly type: "cancelled" };

export type Effect =
  /** Choose a worker, but none of these; answer with `assigned`, now or when one is free, or with `noWorker`. */
  | {
      readonly do: "pick";
      readonly why: "first" | "again" | "hedge";
      readonly without: readonly string[];
    }
  | {
      readonly do: "send";
      readonly worker: string;
      readonly epoch: number;
      readonly attempt: number;
    }
  | {
      readonly do: "cancel";
      readonly worker: string;
      readonly epoch: number;
      readonly why: "won" | "dead" | "late" | "stopped";
    }
  | { readonly do: "verify"; readonly worker: string; readonly epoch: number }
  /** Sign the manifest entry with the renditions of `by`, a worker or "local". */
  | { readonly do: "publish"; readonly by: string }
  | { readonly do: "pay"; readonly worker: string; readonly epoch: number }
  /** Tell the crew. */
  | { readonly do: "blame"; readonly worker: string; readonly fault: Fault }
  /** Encode in this tab; `stopLocal` if a worker was quicker. */
  | { readonly do: "encode" }
  | { readonly do: "stopLocal" }
  /** Mark the segment's rungs as missing in the manifest. */
  | { readonly do: "gap" };

export type Step = readonly [Job, readonly Effect[]];

/** A new segment, complete or only begun, and the search for its first worker. */
export function open(segment: { seq: number; limits?: Limits | undefined }): Step {
  const job: Job = {
    seq: segment.seq,
    state: "open",
    limits: segment.limits,
    attempts: [],
    hedged: false,
    local: "no",
  };
  return [job, [{ do: "pick", why: "first", without: [] }]];
}

const live = (attempt: Attempt) => attempt.stage !== "over";
/** We wait for something of it. */
const awaited = ({ stage, pulling }: Attempt) => stage === "running" || pulling;
const over = (job: Job) => job.state === "done" || job.state === "missed";

/** Workers that have fallen silent over it: nobody hands them more until they are heard of again. */
export function suspects(job: Job): string[] {
  return job.attempts
    .filter((attempt) => attempt.suspected && awaited(attempt))
    .map(({ worker }) => worker);
}

/** True while a worker that is found for it would be sent a copy. */
export function wants(job: Job, config: Config): boolean {
  return (job.state === "open" || mayCopy(job)) && job.attempts.length < config.mostAttempts;
}

/** What is being verified has fallen silent on its way to us. */
const doubtful = (job: Job) =>
  job.state === "verifying" && job.attempts.some(({ pulling, suspected }) => pulling && suspected);

/** A copy may still make it: also where this tab makes the lowest rung beside a worker, which is no ladder. */
const mayCopy = (job: Job) =>
  job.state === "sent" || doubtful(job) || (job.state === "local" && job.attempts.some(live));

function change(job: Job, worker: string, values: Partial<Attempt>): Job {
  const attempts = job.attempts.map((attempt) =>
    live(attempt) && attempt.worker === worker ? { ...attempt, ...values } : attempt,
  );
  return { ...job, attempts };
}

const find = (job: Job, worker: string, stage: Attempt["stage"]) =>
  job.attempts.find((attempt) => attempt.worker === worker && attempt.stage === stage);

/** Cancels of every attempt that still runs or waits. */
function cancels(job: Job, why: "won" | "late" | "stopped"): Effect[] {
  return job.attempts
    .filter(live)
    .map(({ worker, epoch }) => ({ do: "cancel", worker, epoch, why }) as const);
}

/**
 * Who was superseded. Without this a worker that vanished would be given segment after segment, each saved by its second
 * copy before the first was given up; one that never comes to an end, and says so all the time, too. `timeIsUp`: the first worker had
 * all the time there was.
 */
function superseded(job: Job, timeIsUp: boolean): Effect[] {
  return job.attempts
    .filter((attempt) => {
      const { stage, suspected, number, overdue } = attempt;
      // What we pull slowly is not its maker's fault.
      const slow = stage === "running" && (timeIsUp || overdue) && number === 1;
      return slow || (suspected && awaited(attempt));
    })
    .map(({ worker }) => ({ do: "blame", worker, fault: "late" }) as const);
}

function end(job: Job, state: "done" | "missed"): Job {
  const attempts = job.attempts.map((attempt) => ({
    ...attempt,
    stage: "over" as const,
    pulling: false,
  }));
  return { ...job, state, attempts, local: job.local === "no" ? "no" : "over" };
}

/** What this tab made is published; workers that were still at it were late. */
function ours(job: Job, why: "won" | "late"): Step {
  const late = [...cancels(job, why), ...superseded(job, job.limits !== undefined)];
  return [end(job, "done"), [{ do: "publish", by: "local" }, ...late]];
}

function encode(job: Job): Step {
  return [{ ...job, state: "local", local: "running" }, [{ do: "encode" }]];
}

/** What to do once an attempt is over or a receipt has come: verify, wait, try again, encode here, or give up. */
function settle(job: Job, config: Config): Step {
  // One that has fallen silent on its way does not hold up another.
  const checking = job.attempts.some(
    ({ stage, pulling, suspected }) => stage === "verifying" && !(pulling && suspected),
  );
  const answered = job.attempts.find(({ stage }) => stage === "answered");
  if (!checking && answered !== undefined) {
    const { worker, epoch } = answered;
    const next = change(job, worker, { stage: "verifying" });
    const state = job.local === "running" || job.local === "ready" ? "local" : "verifying";
    return [{ ...next, state }, [{ do: "verify", worker, epoch }]];
  }
  if (job.local === "running") return [{ ...job, state: "local" }, []];
  if (job.local === "ready")
    return job.attempts.some(live) ? [{ ...job, state: "local" }, []] : ours(job, "won");
  if (job.attempts.some(({ stage }) => stage === "verifying"))
    return [{ ...job, state: "verifying" }, []];
  if (job.attempts.some(live)) return [{ ...job, state: "sent" }, []];
  if (job.local === "over") return [end(job, "missed"), [{ do: "gap" }]];
  if (job.attempts.length >= config.mostAttempts) return encode(job);
  const without = job.attempts.map(({ worker }) => worker);
  return [{ ...job, state: "open" }, [{ do: "pick", why: "again", without }]];
}

function lose(job: Job, worker: string, fault: Fault, config: Config): Step {
  const [next, effects] = settle(change(job, worker, { stage: "over", pulling: false }), config);
  return [next, [{ do: "blame", worker, fault }, ...effects]];
}

/** It says that it works, and does not come to an end. */
const endless = ({ stage, giveUpAt }: Attempt, now: number): boolean =>
  stage === "running" && giveUpAt !== undefined && now >= giveUpAt;

/** Silence: undefined while an attempt is well. */
function silence(attempt: Attempt, now: number, config: Config): "suspect" | "dead" | undefined {
  if (!awaited(attempt)) return undefined;
  const quiet = now - attempt.heardAt;
  if (quiet >= (attempt.uploaded ? config.deadMs : config.uploadMs)) return "dead";
  return now >= suspectAt(attempt, config) ? "suspect" : undefined;
}

/** When an attempt falls under suspicion if nothing more is heard of it: only a worker at work has heartbeats to go by. */
function suspectAt({ heardAt, quietMs, stage }: Attempt, { suspectMs }: Config): number {
  return heardAt + (stage === "running" ? quietMs : suspectMs);
}

function late(before: Job, now: number, hedge: boolean, config: Config): Step {
  let job = before;
  let effects: Effect[] = [];
  const { limits } = job;
  if (limits !== undefined && now >= limits.deadline) {
    if (job.local === "ready") return ours(job, "late");
    const stop: Effect[] = job.local === "running" ? [{ do: "stopLocal" }] : [];
    const ends = [...cancels(job, "late"), ...superseded(job, true), ...stop];
    return [end(job, "missed"), [...ends, { do: "gap" }]];
  }
  for (const attempt of job.attempts) {
    const { worker, epoch } = attempt;
    const fault = silence(attempt, now, config) === "dead" ? "dead" : "late";
    if (fault === "late" && !endless(attempt, now)) continue;
    const [next, more] = lose(job, worker, fault, config);
    effects.push({ do: "cancel", worker, epoch, why: fault }, ...more);
    job = next;
  }
  if (limits !== undefined && now >= limits.localAt && job.local === "no" && !over(job)) {
    const [next, more] = encode(job);
    // Whoever was being picked may still come; nobody new is asked for.
    job = next;
    effects = [...effects.filter((effect) => effect.do !== "pick"), ...more];
  }
  for (const attempt of job.attempts) {
    if (attempt.suspected || silence(attempt, now, config) !== "suspect") continue;
    job = change(job, attempt.worker, { suspected: true });
    if (sound(job).length === 0) effects.push(...copy(job, hedge, config));
  }
  for (const { worker, hedgeAt, stage } of job.attempts) {
    if (stage !== "running" || hedgeAt === undefined || now < hedgeAt) continue;
    job = change(job, worker, { hedgeAt: undefined, overdue: true });
    if (effects.some((effect) => effect.do === "pick")) continue;
    const [only, ...others] = sound(job);
    if (only?.worker === worker && others.length === 0) effects.push(...copy(job, hedge, config));
  }
  return [job, effects];
}

/** Tries that may still come to something. */
const sound = (job: Job) => job.attempts.filter((attempt) => live(attempt) && !attempt.suspected);

/** The search for another copy, if one may start. */
function copy(job: Job, hedge: boolean, config: Config): Effect[] {
  if (!hedge || !mayCopy(job) || job.attempts.length >= config.mostAttempts) return [];
  return [{ do: "pick", why: "hedge", without: job.attempts.map(({ worker }) => worker) }];
}

/** What an event makes of a job, and what is to be done about it. An event that does not apply changes nothing. */
export function step(job: Job, event: Event, config: Config): Step {
  if (over(job)) return [job, []];
  switch (event.type) {
    case "assigned": {
      const { worker, epoch, now, uploadedAt } = event;
      const tried = job.attempts.filter((attempt) => attempt.worker === worker);
      if (tried.some(live)) return [job, []];
      // A worker that kept itself free for it must hear that it is not needed.
      if (tried.length > 0 || !wants(job, config))
        return [job, [{ do: "cancel", worker, epoch, why: "late" }]];
      const number = job.attempts.length + 1;
      const attempt: Attempt = {
        worker,
        epoch,
        number,
        stage: "running",
        sentAt: now,
        heardAt: Math.max(now, uploadedAt ?? now),
        uploaded: uploadedAt === undefined,
        pulling: false,
        suspected: false,
        hedgeAt: event.hedgeAt,
        overdue: false,
        giveUpAt: event.giveUpAt,
        quietMs: config.suspectMs,
      };
      const next: Job = {
        ...job,
        state: job.state === "verifying" || job.state === "local" ? job.state : "sent",
        attempts: [...job.attempts, attempt],
        hedged: job.hedged || job.attempts.some(live),
      };
      return [next, [{ do: "send", worker, epoch, attempt: number }]];
    }
    case "closed":
      return [{ ...job, limits: event.limits }, []];
    case "noWorker":
      return job.state === "open" ? encode(job) : [job, []];
    case "progress": {
      const { worker, now, quietMs } = event;
      if (!job.attempts.some((one) => one.worker === worker && awaited(one))) return [job, []];
      const heard = { heardAt: now, uploaded: true, suspected: false };
      return [change(job, worker, quietMs === undefined ? heard : { ...heard, quietMs }), []];
    }
    case "pulling": {
      const { worker, now } = event;
      if (find(job, worker, "verifying") === undefined) return [job, []];
      return [change(job, worker, { pulling: true, heardAt: now, suspected: false }), []];
    }
    case "pulled":
      return [change(job, event.worker, { pulling: false, suspected: false }), []];
    case "receipt": {
      const attempt = find(job, event.worker, "running");
      if (attempt === undefined || attempt.epoch !== event.epoch) return [job, []];
      return settle(change(job, event.worker, { stage: "answered" }), config);
    }
    case "passed": {
      const winner = find(job, event.worker, "verifying");
      if (winner === undefined) return [job, []];
      const { worker, epoch } = winner;
      const rest = change(job, worker, { stage: "over", pulling: false });
      const stop: Effect[] = job.local === "running" ? [{ do: "stopLocal" }] : [];
      return [
        end(rest, "done"),
        [
          { do: "publish", by: worker },
          { do: "pay", worker, epoch },
          ...cancels(rest, "won"),
          ...superseded(rest, false),
          ...stop,
        ],
      ];
    }
    case "failed": {
      if (!job.attempts.some((attempt) => live(attempt) && attempt.worker === event.worker))
        return [job, []];
      return lose(job, event.worker, event.fault, config);
    }
    case "tail":
      return job.hedged || sound(job).length > 1
        ? [job, []]
        : [job, copy(job, event.hedge, config)];
    case "late":
      return late(job, event.now, event.hedge, config);
    case "localDone": {
      if (job.local !== "running") return [job, []];
      const may = job.limits !== undefined && job.attempts.some(live);
      return may ? [{ ...job, local: "ready" }, []] : ours(job, "won");
    }
    case "localFailed":
      return job.local === "running" ? settle({ ...job, local: "over" }, config) : [job, []];
    case "cancelled": {
      const stop: Effect[] = job.local === "running" ? [{ do: "stopLocal" }] : [];
      return [end(job, "missed"), [...cancels(job, "stopped"), ...stop]];
    }
  }
}

/** When `late` should come next, in milliseconds of the same clock; undefined while nothing is waited for. */
export function wakeAt(job: Job, config: Config): number | undefined {
  if (over(job)) return undefined;
  const times = job.attempts.filter(awaited).map((attempt) => {
    const { heardAt, uploaded, suspected } = attempt;
    const deadAt = heardAt + (uploaded ? config.deadMs : config.uploadMs);
    return suspected ? deadAt : Math.min(suspectAt(attempt, config), deadAt);
  });
  for (const { stage, hedgeAt, giveUpAt } of job.attempts) {
    if (stage !== "running") continue;
    if (hedgeAt !== undefined) times.push(hedgeAt);
    if (giveUpAt !== undefined) times.push(giveUpAt);
  }
  if (job.limits !== undefined)
    times.push(job.local === "no" ? job.limits.localAt : job.limits.deadline);
  return times.length === 0 ? undefined : Math.min(...times);
}

/** What is left for second copies: a token bucket, one token a copy. */
export interface Budget {
  readonly tokens: number;
}

/** Two tokens to begin with: a worker that vanishes early in a stream has two jobs in hand. */
export const newBudget: Budget = { tokens: 2 };

/** A segment was opened: a tenth of a token more. */
export function earn(budget: Budget, { hedge }: Config): Budget {
  return { tokens: Math.min(hedge.most, budget.tokens + hedge.perSegment) };
}

/** True if a second copy may be started. */
export const mayHedge = (budget: Budget): boolean => budget.tokens >= 1;

/** A second copy was sent. Throws RangeError if there was no token. */
export function spend(budget: Budget): Budget {
  if (!mayHedge(budget)) throw new RangeError(`a hedge needs one token, ${budget.tokens} are left`);
  return { tokens: budget.tokens - 1 };
}

/** A copy replaced a worker that was not heard of again: its token comes back. */
export function refund(budget: Budget, { hedge }: Config): Budget {
  return { tokens: Math.min(hedge.most, budget.tokens + 1) };
}

/** True if a worker fell silent over this segment and was not heard of since, whatever is said of it. */
export const vanished = (job: Job, worker: string): boolean =>
  job.attempts.some((attempt) => attempt.worker === worker && attempt.suspected);
