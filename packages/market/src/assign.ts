import type { Config } from "./config.ts";

/** A hired worker, as far as handing out segments needs to know it. */
export interface AvailableWorker {
  readonly worker: string;
  readonly epoch: number;
  readonly role: "crew" | "backup";
  /** Not proven yet: `Trust.newcomer`. */
  readonly newcomer: boolean;
  /** Believed: output pixels per second, bits per second towards it, milliseconds for receipt and pull. */
  readonly pixelsPerS: number;
  readonly uplink: number;
  readonly pullMs: number;
}

/** A segment that a worker was given and that is not paid yet. */
export interface Load {
  readonly seq: number;
  /** When its transcoding was predicted to be over, in milliseconds. */
  readonly readyAt: number;
  /** Delivered and being spot-checked: it counts among the worker's jobs until it is paid, but takes none of its time. */
  readonly made?: true;
}

export interface Task {
  readonly seq: number;
  /** Output pixels of all rungs and frames. */
  readonly pixels: number;
  /** Source bytes. */
  readonly bytes: number;
  /** When its last byte is expected, in milliseconds, while it is still being made; undefined once it is complete. */
  readonly closesAt?: number | undefined;
  /** Workers that are not to be asked. */
  readonly without: readonly string[];
  /** "first" keeps the backup free for what fails. */
  readonly why: "first" | "again" | "hedge";
}

export interface Choice {
  readonly worker: string;
  readonly epoch: number;
  /** When the uplink is free again, the transcoding over, and the renditions here, in milliseconds. */
  readonly uploadedAt: number;
  readonly readyAt: number;
  readonly doneAt: number;
}

/**
 * The worker that is predicted to finish first, among those with room for one job more (`mostJobs`); successive
 * segments take turns among those that are about as quick (1.3 x), so that the whole crew stays warm and measured. A second try
 * goes to the quickest. Undefined if there is none now: `anybody` says whether to wait. Uplink first: a segment leaves after
 * those before it, one at a time; but one that is still being made leaves as it comes, and is transcoded meanwhile.
 */
export function choose(
  available: readonly AvailableWorker[],
  loads: ReadonlyMap<string, readonly Load[]>,
  task: Task,
  at: { readonly now: number; readonly uplinkFreeAt: number },
  config: Config,
): Choice | undefined {
  const { closesAt } = task;
  const start = Math.max(at.now, at.uplinkFreeAt);
  const choices: Choice[] = [];
  const able = eligible(available, task);
  for (const candidate of able) {
    const load = loads.get(candidate.worker) ?? [];
    const working = load.filter(({ made }) => made !== true);
    if (load.length >= config.perWorker) continue;
    if (working.length >= mostJobs(candidate, able, task, config)) continue;
    const uploadedAt =
      closesAt === undefined
        ? start + (task.bytes * 8_000) / candidate.uplink
        : Math.max(at.now, closesAt);
    const takes = (task.pixels * 1_000) / candidate.pixelsPerS;
    // A job past its time says that the prediction was wrong, not that the worker is free: half of one more is reckoned with.
    const overAt = working.map(({ readyAt }) => (readyAt > at.now ? readyAt : at.now + takes / 2));
    const begins = Math.max(closesAt === undefined ? uploadedAt : at.now, ...overAt);
    const readyAt = Math.max(uploadedAt, begins + takes);
    const doneAt = readyAt + candidate.pullMs;
    choices.push({ worker: candidate.worker, epoch: candidate.epoch, uploadedAt, readyAt, doneAt });
  }
  choices.sort((a, b) => a.doneAt - b.doneAt);
  const [best] = choices;
  if (best === undefined || task.why !== "first") return best;
  const about = config.margin * (best.doneAt - at.now);
  const equals = choices
    .filter(({ doneAt }) => doneAt - at.now <= about)
    .sort((a, b) => (a.worker < b.worker ? -1 : 1));
  return equals[task.seq % equals.length];
}

/**
 * The delivered segment that has waited longest for its spot check, of a worker that could take the task: where nobody has room left,
 * it is paid before its spot check is over. Undefined if no room is won by that.
 */
export function oldestMade(
  available: readonly AvailableWorker[],
  loads: ReadonlyMap<string, readonly Load[]>,
  task: Pick<Task, "without" | "why">,
  config: Config,
): { readonly worker: string; readonly seq: number } | undefined {
  const able = eligible(available, task);
  return able
    .flatMap((candidate) => {
      const { worker } = candidate;
      const load = loads.get(worker) ?? [];
      const made = load.filter((one) => one.made === true);
      // Nothing is won where it is full without them.
      if (load.length - made.length >= mostJobs(candidate, able, task, config)) return [];
      return made.map(({ seq }) => ({ worker, seq }));
    })
    .sort((a, b) => a.seq - b.seq)[0];
}

/** True if somebody hired could take the task, now or later. */
export function anybody(
  available: readonly AvailableWorker[],
  task: Pick<Task, "without" | "why">,
): boolean {
  return eligible(available, task).length > 0;
}

/**
 * When a second copy starts although the first is still heard of: when the first has taken 1.6 x what was predicted, half a second more
 * at least, or as late as the backup could still make it (1.3 x its ETA before the deadline) if that is sooner, but not before 1.15 x
 * the prediction. Counted from when it was sent. Undefined without a deadline or a backup. Milliseconds. Source: facts of the market,
 * section 5; the half second is ours: pages that code a small segment in 0.1 s vary by more than that.
 */
export function hedgeAt(
  first: { readonly sentAt: number; readonly doneAt: number },
  deadline: number | undefined,
  backupMs: number | undefined,
): number | undefined {
  if (deadline === undefined || backupMs === undefined) return undefined;
  const own = Math.max(0, first.doneAt - first.sentAt);
  const latest = deadline - MARGIN * Math.max(0, backupMs);
  const late = Math.max(LATE * own, own + LEAST_LATE_MS);
  return first.sentAt + Math.max(OVERDUE * own, Math.min(late, latest - first.sentAt));
}
const OVERDUE = 1.15;
const LATE = 1.6;
const LEAST_LATE_MS = 500;
const MARGIN = 1.3;

/**
 * When a segment without a deadline is given to another although its worker is heard of: signs of life cost nothing, and a file must not wait
 * for ever for one that never comes to an end. Ten times what was predicted, a minute at least: a busy tab may be that slow, and no
 * slower. Milliseconds.
 */
export const giveUpAt = ({ sentAt, doneAt }: { sentAt: number; doneAt: number }): number =>
  sentAt + Math.max(LEAST_ENDLESS_MS, ENDLESS * (doneAt - sentAt));
const ENDLESS = 10;
const LEAST_ENDLESS_MS = 60_000;

/**
 * Whether a copy of a segment that is merely slow would make all others late: the crew has more than 0.7 of its time to spend on the
 * stream, as far as is known. Pixels of one segment, milliseconds. Source: facts of the market, section 5.
 */
export function saturated(
  available: readonly AvailableWorker[],
  pixels: number,
  segmentMs: number,
): boolean {
  const has = available.reduce((sum, { pixelsPerS }) => sum + pixelsPerS, 0);
  return pixels > (SATURATED * has * segmentMs) / 1_000;
}
const SATURATED = 0.7;

/**
 * At the end of a file, when fewer segments are left than workers: the one in work that is predicted to take longest, to be copied
 * by somebody idle who would be done first by far (1.3 x). One past its time counts once it is late by twice a segment's time
 * and half of `suspectMs`. `waiting`: segments that nobody has. Undefined while there is other work, or no copy would help.
 */
export function tail(
  available: readonly AvailableWorker[],
  loads: ReadonlyMap<string, readonly Load[]>,
  task: { readonly waiting: number; readonly pixels: number; readonly bytes: number },
  now: number,
  config: Config,
): number | undefined {
  if (task.waiting > 0) return undefined;
  const takes = ({ uplink, pixelsPerS }: AvailableWorker) =>
    (task.bytes * 8_000) / uplink + (task.pixels * 1_000) / pixelsPerS;
  const idle = available.filter(({ worker }) => (loads.get(worker) ?? []).length === 0).map(takes);
  if (idle.length === 0) return undefined;
  const copy = config.margin * Math.min(...idle);
  // Predictions of a busy device are off by a factor: only what is late by far is a straggler.
  const straggles = (candidate: AvailableWorker, readyAt: number) =>
    now - readyAt > Math.max(config.suspectMs / 2, 2 * takes(candidate));
  const left = available.flatMap((candidate) =>
    (loads.get(candidate.worker) ?? [])
      .filter(({ made }) => made !== true)
      .map(({ seq, readyAt }) => ({
        seq,
        ms:
          readyAt > now
            ? readyAt - now
            : straggles(candidate, readyAt)
              ? Number.POSITIVE_INFINITY
              : 0,
      })),
  );
  const [worst] = left.sort((a, b) => b.ms - a.ms);
  return worst !== undefined && worst.ms > copy ? worst.seq : undefined;
}

/**
 * Jobs that a worker may have in work: one running and one fetched ahead, a newcomer one alone. What failed or is late has no time for
 * that, and neither has a crew in which nobody is proven.
 */
function mostJobs(
  { newcomer }: AvailableWorker,
  able: readonly AvailableWorker[],
  { why }: Pick<Task, "why">,
  { perWorker, perNewcomer }: Config,
): number {
  const capped = newcomer && why === "first" && able.some((other) => !other.newcomer);
  return capped ? perNewcomer : perWorker;
}

function eligible(
  available: readonly AvailableWorker[],
  task: Pick<Task, "without" | "why">,
): readonly AvailableWorker[] {
  const allowed = available.filter(({ worker }) => !task.without.includes(worker));
  if (task.why !== "first") return allowed;
  const crew = allowed.filter(({ role }) => role === "crew");
  return crew.length > 0 ? crew : allowed;
}
