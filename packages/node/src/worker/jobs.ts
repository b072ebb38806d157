import { Hire, Price } from "@tabcast/market";
import type { Admit, Asker, Message, PeerId } from "@tabcast/mesh";
import {
  Cancel,
  Job,
  JobReply,
  MAX_INIT,
  MAX_JOB_MEDIA,
  MAX_PART,
  type Offer,
  PROTOCOLS,
} from "@tabcast/protocol";
import { type Bytes, CodedError, describe, toHex } from "@tabcast/runtime";
import { openOutgoing, type Pieces } from "../ahead.ts";
import { checkHash } from "../blob-store.ts";
import { answer } from "../exchange.ts";
import type { RateLimiter } from "../rate-limiter.ts";
import type { WorkerContext } from "./context.ts";
import type { Credit } from "./credit.ts";
import type { Engagement, Engagements } from "./engagements.ts";
import { openInput } from "./intake.ts";
import type { Maker, Order } from "./making.ts";
import { MOST_JOBS, type Shift } from "./shift.ts";
import type { Speeds } from "./speeds.ts";

/** What may follow an open job: its media, and room for what the mesh counts for each part and for the JobEnd. */
const MAX_FOLLOWING = (MAX_JOB_MEDIA + 2 ** 20) as Bytes;
/**
 * A part of a job's answer leaves at least this often, in milliseconds: what was made since, and a sign of life. The facts of the market
 * have 500 (section 4): a death would be noticed too late to redo the segment within a second.
 */
const HEARTBEAT_MS = 100;
const NOTHING = new Uint8Array(0);
const EMPTY: Pieces = { pieces: [], body: NOTHING };

/** A job refused, in the words of SPEC.md. */
class Refusal extends CodedError<
  /** An old epoch, an unknown award, or a receipt that is no longer kept. Do: nothing; the broadcaster awards anew. */
  | { code: "JOB_GONE" }
  /** As many jobs as this worker takes. Do: nothing; the broadcaster asks another. */
  | { code: "JOB_BUSY" }
  /** The job differs from what was awarded, or its segment came before with other bytes. Do: nothing; it is not done. */
  | { code: "JOB_CONFLICT" }
  /** The job's bytes are not what its head says. Do: nothing; it is not done. */
  | { code: "JOB_INPUT" }
> {}

export interface JobsOptions {
  readonly limiter: RateLimiter;
  readonly engagements: Engagements;
  readonly credit: Credit;
  readonly shift: Shift;
  readonly speeds: Speeds;
  readonly maker: Maker;
}

/** Does the jobs of the streams that hired us: each is answered with what was made of it, as it is made, and its receipt. */
export interface Jobs {
  /** Jobs done since we joined. */
  done(): number;
}

export function openJobs(context: WorkerContext, options: JobsOptions): Jobs {
  const { mesh, clock, signal } = context;
  const { limiter, engagements, credit, shift, speeds } = options;
  let done = 0;

  async function* serve(request: Message, asker: Asker): AsyncIterable<Message> {
    const { peer, signal: gone } = asker;
    const stop = new AbortController();
    const course = openCourse(context);
    try {
      const receipt = yield* make(context, request, asker, { options, course, stop });
      if (!receipt.again) {
        done++;
        course.told("done");
      }
      yield part({ receipt: receipt.sealed });
    } catch (error) {
      const why = describe(error);
      course.told("failed", why);
      if (gone.aborted) return;
      limiter.refused("job", peer, error);
      const { engagement } = course;
      if (engagement !== undefined && isUnexpected(error)) credit.deceived(engagement);
      yield failed(error);
    } finally {
      const calledBack = stop.signal.aborted || gone.aborted;
      stop.abort();
      const { engagement, seq } = course;
      if (engagement?.jobs.get(seq) === stop) {
        engagement.jobs.delete(seq);
        credit.ended(engagement, seq, { calledBack });
      }
      if (engagements.jobs() === 0) speeds.idle();
      shift.refresh();
    }
  }

  answer(mesh, PROTOCOLS.cancel, signal, (head, peer) => {
    const { award, seq, why } = Cancel.decode(head);
    const engagement = engagements.get(award);
    if (engagement?.broadcaster === peer) {
      engagement.jobs.get(seq)?.abort(new Error(`cancelled: ${why}`));
      credit.superseded(engagement, seq);
    }
    return NOTHING;
  });
  const due: Admit = (head, { peer, size }) => {
    try {
      const job = Job.decode(head);
      const engagement = admit(job, size, peer, options, clock.now());
      if (!engagement.receipts.has(job.seq) && !shift.takes(engagement))
        throw new Refusal({ code: "JOB_BUSY" }, "no more is taken for this award: it was said so");
      return { rank: "own", maxFollowing: (job.open ? MAX_FOLLOWING : 0) as Bytes };
    } catch (error) {
      limiter.refused("job", peer, error);
      return { refusal: failed(error) };
    }
  };
  mesh.serve(PROTOCOLS.job, serve, {
    signal,
    admit: due,
    maxBody: (MAX_INIT + MAX_JOB_MEDIA) as Bytes,
    maxFollowing: MAX_FOLLOWING,
    maxPerPeer: MOST_JOBS + 1,
  });

  return { done: () => done };
}

/** How far one job has come. */
interface Course {
  seq: number;
  engagement: Engagement | undefined;
  /** Frames done, of those planned. */
  frames: number;
  planned: number;
  told(state: "started" | "done" | "failed", why?: string): void;
}

function openCourse({ clock, on }: Pick<WorkerContext, "clock" | "on">): Course {
  const startedAt = clock.now();
  return {
    seq: -1,
    engagement: undefined,
    frames: 0,
    planned: 0,
    told(state, why) {
      const ms = Math.round(clock.now() - startedAt);
      const { seq, engagement } = this;
      const stream = engagement?.stream ?? "";
      on({ type: "job", stream, seq, state, ms, ...(why !== undefined && { why }) });
    },
  };
}

/** Tells what is made of a job's segment while it is made. Returns its receipt; `again`: it was done and signed before. */
async function* make(
  context: WorkerContext,
  request: Message,
  { peer, signal: gone, following }: Asker,
  job: {
    readonly options: JobsOptions;
    readonly course: Course;
    /** Calls the job back. */
    readonly stop: AbortController;
  },
): AsyncGenerator<Message, { readonly sealed: Uint8Array<ArrayBuffer>; readonly again: boolean }> {
  const { options, course, stop } = job;
  const { speeds } = options;
  const head = Job.decode(request.head);
  const { seq } = head;
  course.seq = seq;
  course.planned = head.frames;
  const body = request.body as Uint8Array<ArrayBuffer>;
  // Once more: while its body came another may have taken its slot, or the stream may have left.
  const engagement = admit(head, body.byteLength, peer, options, context.clock.now());
  course.engagement = engagement;
  const signal = AbortSignal.any([context.signal, gone, stop.signal]);
  const own = { ...context, signal };
  const input = openInput(own, head, body, following);
  if (engagement.receipts.has(seq)) {
    const { mediaHash } = await input.received;
    const stored = engagement.receipts.of(seq, mediaHash);
    // Others may have taken its room while the source came.
    if (stored === undefined)
      throw new Refusal({ code: "JOB_GONE" }, `segment ${seq} was signed too long ago`);
    return { sealed: stored, again: true };
  }
  engagement.jobs.set(seq, stop);
  speeds.busy();
  course.told("started");
  const init = body.slice(0, head.initLen);
  await checkHash(init, head.initHash);
  const sealed = yield* stream(own, { engagement, job: head, init, input }, options, course);
  return { sealed: sealed.slice(), again: false };
}

/** Sends what was made while more is being made, and what is left of it just before the receipt, which it returns. */
async function* stream(
  { clock, signal }: Pick<WorkerContext, "clock" | "signal">,
  order: Order,
  { credit, maker }: Pick<JobsOptions, "credit" | "maker">,
  course: Course,
): AsyncGenerator<Message, Uint8Array> {
  const { engagement, job } = order;
  const amount = Price.ofSegment(engagement.award.price, job.rungs, job.frames);
  const outgoing = openOutgoing(job.rungs.length);
  let outcome: { sealed: Uint8Array } | { error: unknown } | undefined;
  let sentAt = clock.now();
  let left = false;
  let wake = () => {};
  const finished = maker
    .make(order, {
      signal,
      progress: (count) => {
        course.frames = count;
      },
      made: (one) => {
        outgoing.add(one);
        // Not left to the timer alone: in a hidden tab it comes once a second.
        if (clock.now() - sentAt >= HEARTBEAT_MS) wake();
      },
      finish: outgoing.finish,
    })
    .then(
      (sealed) => {
        outcome = { sealed };
      },
      (error: unknown) => {
        outcome = { error };
      },
    );
  for (;;) {
    if (outcome !== undefined && "error" in outcome) throw outcome.error;
    // More frames than were said are more than it has room for.
    const leaves = course.frames <= job.frames && credit.lend(engagement, job.seq, amount);
    const { pieces, body } = (leaves && outgoing.next()) || EMPTY;
    if (outcome !== undefined && pieces.length === 0) return outcome.sealed;
    // Frames are told a little after what was made of them, so that those count too that came since something left last.
    left ||= pieces.length > 0;
    const { frames, planned } = course;
    if (left) credit.sent(engagement, job.seq, Hire.sent(amount, { frames, planned }));
    yield part({ progress: { frames: course.frames, queueMs: 0, pieces } }, body);
    sentAt = clock.now();
    if (outcome !== undefined || body.byteLength >= MAX_PART) continue;
    const beat = new AbortController();
    wake = () => beat.abort();
    void finished.finally(wake);
    await clock.sleep(HEARTBEAT_MS, { signal: beat.signal }).catch(() => {});
  }
}

/** One part of a job's answer. */
const part = (reply: JobReply, body = NOTHING): Message => ({ head: JobReply.encode(reply), body });

/** A source is not what was said of it: each job of that stream is refused, and would cost its bytes and a place. */
const isUnexpected = (error: unknown): boolean =>
  error instanceof CodedError && error.code === "MEDIA_UNEXPECTED";

const isFile = (offer: Offer) => !Hire.isLive(offer);

/** The part that ends a job's answer in what went wrong. */
function failed(error: unknown): Message {
  const code = error instanceof CodedError ? error.code : "JOB_FAILED";
  return part({ failure: { code: code.slice(0, 64), message: describe(error).slice(0, 200) } });
}

/** The engagement a job belongs to, with `size` bytes after its head; throws a Refusal where it may not start. */
function admit(
  job: Job,
  size: number,
  peer: PeerId,
  { engagements, limiter, shift }: Pick<JobsOptions, "engagements" | "limiter" | "shift">,
  now: number,
): Engagement {
  const engagement = engagements.get(job.award);
  if (
    engagement === undefined ||
    engagement.broadcaster !== peer ||
    engagement.award.epoch !== job.epoch
  )
    throw new Refusal({ code: "JOB_GONE" }, `no award ${toHex(job.award)} of epoch ${job.epoch}`);
  if (size !== job.initLen + job.mediaLen)
    throw new Refusal(
      { code: "JOB_INPUT" },
      `expected ${job.initLen} + ${job.mediaLen} bytes, got ${size}`,
    );
  const breach = Hire.breach(job, { offer: engagement.offer, epoch: engagement.award.epoch });
  if (breach !== undefined) {
    limiter.dropped("job", peer, "contradictory");
    throw new Refusal({ code: "JOB_CONFLICT" }, `not what was awarded: ${breach}`);
  }
  if (engagement.receipts.has(job.seq)) return engagement; // it was done before
  if (engagement.receipts.tooOld(job.seq))
    throw new Refusal({ code: "JOB_GONE" }, `segment ${job.seq} was signed too long ago`);
  if (engagement.jobs.has(job.seq))
    throw new Refusal({ code: "JOB_BUSY" }, `segment ${job.seq} is being encoded already`);
  const all = engagements.all();
  const holdOf = ({ offer, stream }: Engagement) => ({ file: isFile(offer), stream });
  const holds = all.flatMap((one) => [...one.jobs].map(() => holdOf(one)));
  const live = all.some(({ offer }) => !isFile(offer));
  const slots = shift.slots();
  const waits = (one: Engagement) =>
    one !== engagement &&
    now - (one.turnedAwayAt ?? Number.NEGATIVE_INFINITY) < Hire.TURNED_AWAY_MS;
  const waiting = all.filter(waits).length;
  if (!Hire.admits(holdOf(engagement), holds, { slots, live, waiting })) {
    engagement.turnedAwayAt = now;
    throw new Refusal(
      { code: "JOB_BUSY" },
      `${holds.length} jobs in hand, at most ${slots}${live ? ", one for live streams" : ""}`,
    );
  }
  engagement.turnedAwayAt = undefined;
  return engagement;
}
