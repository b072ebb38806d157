import type { Message } from "@tabcast/mesh";
import { type Job, JobEnd, MAX_JOB_MEDIA } from "@tabcast/protocol";
import { CodedError, concatBytes } from "@tabcast/runtime";
import { checkHash } from "../blob-store.ts";
import type { Context } from "../context.ts";

/** Planned lengths of a segment that may pass without anything of it. Source: SPEC.md 7. */
const SILENT_SEGMENTS = 2;

/** What follows an open job is not its segment. Do: nothing; the broadcaster sends it to another worker. */
export class IntakeError extends CodedError<{ code: "JOB_INPUT" }> {}

const bad = (why: string) => new IntakeError({ code: "JOB_INPUT" }, why);

/** The media segment of a job, complete. */
export interface Received {
  readonly media: Uint8Array<ArrayBuffer>;
  /** SHA-256, checked. */
  readonly mediaHash: Uint8Array<ArrayBuffer>;
}

/** The media segment of an open job on its way. */
export interface Intake {
  /** Its bytes as they come. Ends only when all have come; fails with what `received` rejects with. */
  readonly media: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Rejects with JOB_INPUT, HASH_MISMATCH, PROTOCOL_*, MESH_* or the signal's reason. */
  readonly received: Promise<Received>;
}

/** The media segment of a job that came whole, or of one that is open. */
export interface Input extends Pick<Intake, "received"> {
  readonly media: Intake["media"] | Received["media"];
}

/** What time it is, and when the job ends. */
type JobTime = Pick<Context, "clock" | "signal">;

/** The media of a job, to be transcoded as it comes; `body` is what came with its head, the init first. */
export function openInput(
  context: JobTime,
  job: Job,
  body: Uint8Array<ArrayBuffer>,
  following: AsyncIterable<Message>,
): Input {
  if (job.open) return openIntake(context, job, following);
  const media = body.slice(job.initLen);
  const mediaHash = job.mediaHash as Uint8Array<ArrayBuffer>;
  const received = checkHash(media, mediaHash).then((): Received => ({ media, mediaHash }));
  received.catch(() => {}); // whoever waits for it hears of it
  return { media, received };
}

/**
 * Takes what follows an open job until its JobEnd. Gives it up when nothing has come for twice its planned length, when
 * its deadline is over, or beyond 8 MiB: nobody is held by a body that never ends, and none is cut short unnoticed.
 */
export function openIntake(
  { clock, signal }: JobTime,
  job: Job,
  following: AsyncIterable<Message>,
): Intake {
  let stream: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;
  const media = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (controller) => {
      stream = controller;
    },
    cancel: () => {
      stream = undefined; // the bytes are still wanted: they are served to others
    },
  });
  const received = receive();
  received.catch((error: unknown) => stream?.error(error));
  return { media, received };

  async function receive(): Promise<Received> {
    const silentMs = (SILENT_SEGMENTS * job.durationUs) / 1_000;
    const until = clock.now() + job.deadlineMs;
    const parts = following[Symbol.asyncIterator]();
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    let size = 0;
    try {
      for (;;) {
        const left = until - clock.now();
        if (left <= 0) throw bad(`no JobEnd within ${job.deadlineMs} ms`);
        const part = await within(parts.next(), Math.min(silentMs, left));
        if (part.done === true) throw bad(`ended after ${size} bytes without a JobEnd`);
        const { head, body } = part.value;
        if (head.byteLength > 0) {
          const { mediaLen, mediaHash } = JobEnd.decode(head);
          if (body.byteLength > 0 || mediaLen !== size)
            throw bad(`expected ${mediaLen} bytes, ${size} came before the JobEnd`);
          const whole = concatBytes(...pieces);
          stream?.close();
          stream = undefined;
          await checkHash(whole, mediaHash);
          return { media: whole, mediaHash: mediaHash as Uint8Array<ArrayBuffer> };
        }
        size += body.byteLength;
        if (size > MAX_JOB_MEDIA) throw bad(`over ${MAX_JOB_MEDIA} bytes of media`);
        pieces.push(body as Uint8Array<ArrayBuffer>);
        stream?.enqueue(body as Uint8Array<ArrayBuffer>);
      }
    } finally {
      // What it still waits for is not waited for here.
      parts.return?.().catch(() => {});
    }
  }

  async function within<T>(coming: Promise<T>, ms: number): Promise<T> {
    const come = new AbortController();
    try {
      return await Promise.race([
        coming,
        clock
          .sleep(ms, { signal: AbortSignal.any([signal, come.signal]) })
          .then(() => Promise.reject(bad(`nothing came for ${Math.round(ms)} ms`))),
      ]);
    } finally {
      come.abort();
    }
  }
}
