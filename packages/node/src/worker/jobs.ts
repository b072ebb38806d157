import { Hire } from "@tabcast/market";
import type { Asker, Mesh, Message, PeerId } from "@tabcast/mesh";
import {
  Cancel,
  Job,
  JobReply,
  MAX_INIT,
  MAX_JOB_MEDIA,
  MAX_MEDIA,
  MAX_PART,
  type Offer,
  PROTOCOLS,
} from "@tabcast/protocol";
import { type Bytes, type Clock, CodedError, describe, toHex } from "@tabcast/runtime";
import { openOutgoing, type Pieces } from "../ahead.ts";
import { answer } from "../exchange.ts";
import type { Gate } from "../gate.ts";
import { checkHash } from "../held.ts";
import type { WorkerEvent } from "../types.ts";
import type { Credit } from "./credit.ts";
import { openInput } from "./intake.ts";
import type { Maker } from "./making.ts";
import type { Place, Places } from "./places.ts";
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
  readonly mesh: Mesh;
  readonly clock: Clock;
  readonly gate: Gate;
  readonly places: Places;
  readonly credit: Credit;
  readonly shift: Shift;
  readonly speeds: Speeds;
  readonly maker: Maker;
  readonly on: (event: WorkerEvent) => void;
  readonly signal: AbortSignal;
}

/** Does the jobs of the streams that hired us: each is answered with what was made of it, as it is made, and its receipt. */
export interface Jobs {
  /** Jobs done since we joined. */
  done(): number;
}

export function openJobs(options: JobsOptions): Jobs {
  const { mesh, clock, gate, places, credit, shift, speeds, maker, on, signal } = options;
  let done = 0;

  async function* serve(
    request: Message,
    { peer, signal: gone, following }: Asker,
  ): AsyncIterable<Message> {
    const startedAt = clock.now();
    let stream = "";
    let seq = -1;
    const told = (state: "started" | "done" | "failed", why?: string) =>
      on({
        type: "job",
        stream,
        seq,
        state,
        ms: Math.round(clock.now() - startedAt),
        ...(why !== undefined && { why }),
      });
    const stop = new AbortController();
    let place: Place | undefined;
    let frames = 0;
    let planned = 0;
    try {
      const job = Job.decode(request.head);
      seq = job.seq;
      planned = job.frames;
      const body = request.body as Uint8Array<ArrayBuffer>;
      place = admit(job, body, peer, options);
      stream = place.stream;
      const all = AbortSignal.any([signal, gone, stop.signal]);
      const input = openInput(job, body, following, { clock, signal: all });
      if (place.receipts.has(seq)) {
        const { mediaHash } = await input.received;
        const stored = place.receipts.of(seq, mediaHash);
        if (stored !== undefined) return yield part({ receipt: stored });
      }
      place.jobs.set(seq, stop);
      told("started");
      const init = body.slice(0, job.initLen);
      await checkHash(init, job.initHash);
      const outgoing = openOutgoing(job.rungs.length);
      let outcome: { sealed: Uint8Array } | { error: unknown } | undefined;
      let sentAt = clock.now();
      let wake = () => {};
      const order = { place, job, init, input };
      const finished = maker
        .make(order, {
          signal: all,
          progress: (count) => {
            frames = count;
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
      // What was made leaves while more is being made; what is left of it just before the receipt.
      for (;;) {
        if (outcome !== undefined && "error" in outcome) throw outcome.error;
        const { pieces, body: bytes } = (credit.lend(place, seq) && outgoing.next()) || EMPTY;
        if (outcome !== undefined && pieces.length === 0) break;
        yield part({ progress: { frames, queueMs: 0, pieces } }, bytes);
        sentAt = clock.now();
        if (outcome !== undefined || bytes.byteLength >= MAX_PART) continue;
        const beat = new AbortController();
        wake = () => beat.abort();
        void finished.finally(wake);
        await clock.sleep(HEARTBEAT_MS, { signal: beat.signal }).catch(() => {});
      }
      done++;
      told("done");
      yield part({ receipt: outcome.sealed.slice() });
    } catch (error) {
      const why = describe(error);
      told("failed", why);
      if (gone.aborted) return;
      gate.refused("job", peer, error);
      const code = error instanceof CodedError ? error.code : "JOB_FAILED";
      yield part({ failure: { code: code.slice(0, 64), message: why.slice(0, 200) } });
    } finally {
      const calledBack = stop.signal.aborted || gone.aborted;
      stop.abort();
      if (place?.jobs.get(seq) === stop) {
        place.jobs.delete(seq);
        credit.ended(place, seq, { calledBack, frames, planned });
      }
      if (places.jobs() === 0) speeds.idle();
      shift.look();
    }
  }

  answer(mesh, PROTOCOLS.cancel, signal, (head, peer) => {
    const { award, seq, why } = Cancel.decode(head);
    const place = places.get(award);
    if (place?.broadcaster === peer) {
      place.jobs.get(seq)?.abort(new Error(`cancelled: ${why}`));
      credit.overtaken(place, seq);
    }
    return NOTHING;
  });
  mesh.serve(PROTOCOLS.job, serve, {
    signal,
    maxBody: (MAX_INIT + MAX_MEDIA) as Bytes,
    maxFollowing: MAX_FOLLOWING,
    maxPerPeer: MOST_JOBS + 1,
  });

  return { done: () => done };
}

/** One part of a job's answer. */
const part = (reply: JobReply, body = NOTHING): Message => ({ head: JobReply.encode(reply), body });

const isFile = (offer: Offer) => !Hire.isLive(offer);

/** The place a job belongs to; throws a Refusal where it may not start. */
function admit(
  job: Job,
  body: Uint8Array,
  peer: PeerId,
  { places, gate, shift }: Pick<JobsOptions, "places" | "gate" | "shift">,
): Place {
  const place = places.get(job.award);
  if (place === undefined || place.broadcaster !== peer || place.award.epoch !== job.epoch)
    throw new Refusal({ code: "JOB_GONE" }, `no award ${toHex(job.award)} of epoch ${job.epoch}`);
  if (body.byteLength !== job.initLen + job.mediaLen)
    throw new Refusal(
      { code: "JOB_INPUT" },
      `expected ${job.initLen} + ${job.mediaLen} bytes, got ${body.byteLength}`,
    );
  const breach = Hire.breach(job, { offer: place.offer, epoch: place.award.epoch });
  if (breach !== undefined) {
    gate.dropped("job", peer, "contradictory");
    throw new Refusal({ code: "JOB_CONFLICT" }, `not what was awarded: ${breach}`);
  }
  if (place.receipts.has(job.seq)) return place; // it was done before
  if (place.receipts.tooOld(job.seq))
    throw new Refusal({ code: "JOB_GONE" }, `segment ${job.seq} was signed too long ago`);
  if (place.jobs.has(job.seq))
    throw new Refusal({ code: "JOB_BUSY" }, `segment ${job.seq} is being encoded already`);
  const holds = places
    .all()
    .flatMap(({ offer, jobs }) => [...jobs].map(() => ({ file: isFile(offer) })));
  const live = places.all().some(({ offer }) => !isFile(offer));
  const slots = shift.slots();
  if (!Hire.admits({ file: isFile(place.offer) }, holds, { slots, live }))
    throw new Refusal(
      { code: "JOB_BUSY" },
      `${holds.length} jobs in hand, at most ${slots}${live ? ", one for live streams" : ""}`,
    );
  return place;
}
