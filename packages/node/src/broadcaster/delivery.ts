import type { Hex } from "@tabcast/channel";
import { Verify, type Job as Work } from "@tabcast/market";
import type {
  Fragment,
  inspect,
  Opening,
  Rendition,
  Rung,
  SourceSegment,
  Structure,
} from "@tabcast/media";
import type { Message, PeerId } from "@tabcast/mesh";
import {
  hashReceipt,
  Job,
  JobEnd,
  JobReply,
  MAX_PART,
  openReceipt,
  PROTOCOLS,
  publicKeyOf,
  type Receipt,
} from "@tabcast/protocol";
import { type Bytes, CodedError, concatBytes, sha256, toHex } from "@tabcast/runtime";
import { type Incoming, openIncoming } from "../ahead.ts";
import { openBlobStore } from "../blob-store.ts";
import { openFetcher } from "../fetcher.ts";
import { type Half, openHolding } from "../holding.ts";
import type { StreamContext } from "./context.ts";

const NOTHING = new Uint8Array(0);

/** Why a worker's answer is not one. */
export type DeliveryReason =
  /** The worker said that it could not do the job; `why` is its own code. Do: nothing; another gets the segment. See the JOB_ codes for `why`. */
  | { code: "DELIVERY_FAILED"; worker: PeerId; why: string }
  /** The worker's answer contradicts the job in `field`. Do: nothing; the answer is not published, and counts against the worker. */
  | { code: "DELIVERY_RECEIPT"; worker: PeerId; field: string };
export class DeliveryError extends CodedError<DeliveryReason> {}

/** A worker's own word for its failure, if it gave one. */
export function whyOf(error: unknown): string | undefined {
  return error instanceof DeliveryError && error.reason.code === "DELIVERY_FAILED"
    ? error.reason.why
    : undefined;
}

/** What a failed request says about its worker. */
export function faultOf(error: unknown): Work.Fault {
  if (error instanceof DeliveryError) {
    if (error.reason.code === "DELIVERY_RECEIPT") return "invalid";
    const why = whyOf(error);
    return why === "JOB_BUSY" || why === "JOB_UNPAID" ? "busy" : "failed";
  }
  const code = error instanceof CodedError ? error.code : "";
  if (code.startsWith("PROTOCOL_") || code.startsWith("MEDIA_")) return "invalid";
  if (code === "MESH_PEER_LOST" || code === "MESH_UNREACHABLE") return "left";
  if (code === "MESH_BUSY") return "busy";
  return "failed";
}

/** A captured segment with what every job and entry about it needs. */
export interface Captured extends Omit<SourceSegment, "audio"> {
  readonly initHash: Uint8Array<ArrayBuffer>;
  readonly mediaHash: Uint8Array<ArrayBuffer>;
  readonly structure: Structure;
  /** When its last byte was there, in milliseconds of the clock. */
  readonly closedAt: number;
  /** Comes later than the picture; undefined where there is none. Rejects where the source ends badly before. */
  readonly audio: Promise<Fragment | undefined>;
}

/** A segment from its beginning on. */
export interface Segment extends Pick<Opening, "seq" | "start" | "planned" | "frameRate" | "init"> {
  readonly initHash: Uint8Array<ArrayBuffer>;
  /** Its bytes as they come; each call gives all of them. */
  readonly media: Opening["media"];
  /** Undefined while it is being made. */
  readonly captured: Captured | undefined;
  /** Rejects where the source ends badly before, or made something unreadable. */
  readonly closed: Promise<Captured>;
}

/** A rendition whose bytes are here and, as holders have them, hash to what was promised. */
export interface Collected extends Rendition {
  readonly initHash: Uint8Array<ArrayBuffer>;
  readonly mediaHash: Uint8Array<ArrayBuffer>;
  readonly structure: Structure;
}

/** What reads a fragment's structure. */
export interface CourierOptions {
  readonly inspect: typeof inspect;
}

/** SHA-256 of both parts of a fragment. */
export async function hashes({ init, media }: Pick<Fragment, "init" | "media">) {
  return { initHash: await sha256(init), mediaHash: await sha256(media) };
}

/** Follows a segment from its beginning; once it is complete it is hashed, and its structure read. */
export async function capture(
  { clock, signal }: Pick<StreamContext, "clock" | "signal">,
  opening: Opening,
  { inspect: read }: CourierOptions,
): Promise<Segment> {
  const { seq, start, planned, frameRate, init } = opening;
  const initHash = await sha256(init);
  let captured: Captured | undefined;
  const close = async (): Promise<Captured> => {
    const { video, duration, capturedAt } = await opening.closed;
    const closedAt = clock.now();
    const mediaHash = await sha256(video.media);
    const structure = await read(video, { signal });
    const audio = opening.whole.then((whole) => whole.audio);
    audio.catch(() => {}); // whoever publishes it hears of it
    const summary = { seq, start, duration, capturedAt, closedAt };
    captured = { ...summary, video, initHash, mediaHash, structure, audio };
    return captured;
  };
  const closed = close();
  closed.catch(() => {}); // so does whoever waits for it
  return {
    seq,
    start,
    planned,
    frameRate,
    init,
    initHash,
    media: () => opening.media(),
    get captured() {
      return captured;
    },
    closed,
  };
}

export interface JobTerms {
  readonly worker: PeerId;
  readonly addrs: readonly string[];
  readonly award: Uint8Array;
  readonly epoch: number;
  readonly attempt: number;
  /** Chance that the pictures are looked at, in millionths. */
  readonly checkPpm: number;
  readonly rungs: readonly Rung[];
  readonly codec: string;
  readonly deadlineMs: number;
  /** parts per output gigapixel, and the lane that it goes to. */
  readonly price: bigint;
  /** A segment that is complete goes as one message, and is checked before it is touched. Else its worker begins with the first bytes. */
  readonly whole: boolean;
  readonly payee: Hex;
  /** The payee, where it has signed for the worker's key: whose record is told as well. */
  readonly provenPayee?: string;
  readonly lane: number;
}

/** A receipt as it was signed. */
export interface Signed {
  readonly receipt: Receipt;
  /** The envelope, byte for byte, and SHA-256 of the payload inside. */
  readonly sealed: Uint8Array;
  readonly hash: Uint8Array<ArrayBuffer>;
}

/** A receipt, and what came of its renditions before it. */
export interface Delivery extends Signed {
  readonly incoming: Incoming;
}

export interface SendOptions {
  readonly signal: AbortSignal;
  /** Called whenever bytes of the answer come. */
  readonly heard: () => void;
  /** Called with every part of the answer; what it throws ends the job. */
  readonly part: () => void;
  /** The last byte of the source has left, or was certainly taken. */
  readonly uploaded: () => void;
}

/** Talks to workers about segments: sends jobs, opens receipts, pulls what was made. Decides nothing. */
export interface Courier {
  /**
   * Sends a segment as a job, whole for files, else as it comes or came, and waits until the receipt is here. Throws MESH_*,
   * PROTOCOL_*, DELIVERY_FAILED in the worker's words, DELIVERY_RECEIPT if it is about something else, or what ended the source.
   */
  send(segment: Segment, terms: JobTerms, options: SendOptions): Promise<Delivery>;
  /**
   * Takes every rendition of a receipt from what came with it, pulls from its worker what did not, checks size and hash, and reads
   * its structure. `heard`: whenever bytes come.
   */
  collect(
    delivery: Delivery,
    terms: JobTerms,
    options: { signal: AbortSignal; heard: () => void },
  ): Promise<readonly Collected[]>;
}

export function openCourier(context: StreamContext, { inspect: read }: CourierOptions): Courier {
  const { mesh, stream, secrets } = context;
  const holding = openHolding(secrets);
  const fetcher = openFetcher(context);
  const inits = openBlobStore((1 << 20) as Bytes);

  return {
    async send(segment, terms, { signal, heard, part: took, uploaded }) {
      const { worker, addrs, rungs } = terms;
      const open = !terms.whole || segment.captured === undefined;
      const { duration, frames } = segment.captured?.structure ?? segment.planned;
      const incoming = openIncoming(rungs.map((rung) => Verify.most(rung, { duration, frames })));
      const parts = mesh.request(worker, PROTOCOLS.job, jobOf(segment, terms, open), {
        signal,
        addrs,
        heard,
        maxBody: MAX_PART as Bytes,
        ...(open && { following: following(segment, uploaded) }),
      });
      for await (const part of parts) {
        const { progress, receipt, failure } = JobReply.decode(part.head);
        if (failure !== undefined)
          throw new DeliveryError(
            { code: "DELIVERY_FAILED", worker, why: failure.code },
            `${worker} could not do segment ${segment.seq}: ${failure.message}`,
          );
        if (!open) uploaded();
        took();
        const pieces = progress?.pieces ?? [];
        if (!incoming.put(pieces, part.body as Uint8Array<ArrayBuffer>))
          throw wrong(worker, "piece", segment.seq);
        if (receipt === undefined) continue;
        const from = publicKeyOf(worker);
        if (from === undefined) throw wrong(worker, "signer", segment.seq);
        const opened = await openReceipt(receipt, { from });
        const { award, epoch } = terms;
        // A receipt that comes before the segment is complete cannot be about it, but is not believed to be false yet.
        const { seq, mediaHash } = await segment.closed;
        const outcome = Verify.receipt({ stream, award, epoch, seq, mediaHash, rungs }, opened);
        if (!outcome.ok) throw wrong(worker, outcome.failed.join(", "), seq);
        const hash = await hashReceipt(receipt);
        return { receipt: opened, sealed: receipt.slice(), hash, incoming };
      }
      throw wrong(worker, "end of the answer", segment.seq);
    },

    async collect({ receipt, incoming }, { worker, addrs, rungs }, options) {
      const { signal } = options;
      const holders = [{ peer: worker, addrs }];
      const pull = async (hash: Uint8Array<ArrayBuffer>, size: number) =>
        (await fetcher.fetch({ hash, size, holders }, options)).bytes;
      return Promise.all(
        rungs.map(async (rung, i): Promise<Collected> => {
          const promised = receipt.renditions.find((rendition) => rendition.rung === rung.name);
          if (promised === undefined) throw wrong(worker, `renditions.${rung.name}`, receipt.seq);
          const { initHash, mediaHash, initLen, mediaLen } = promised;
          const { seq } = receipt;
          const of = { seq, track: rung.name };
          const open = async (half: Half, held: Promise<Uint8Array<ArrayBuffer>>) =>
            holding.open(half, await held, of);
          const key = toHex(initHash);
          const come = await incoming.take(i, promised, { holding, seq });
          // One encoder makes the same init every time, so it is pulled once.
          const init =
            come?.init ?? inits.get(key) ?? (await open("init", pull(initHash, initLen)));
          inits.put(key, init);
          const media = come?.media ?? (await open("media", pull(mediaHash, mediaLen)));
          const structure = await read({ init, media }, { signal });
          const { codecs, frames } = structure;
          return { rung: rung.name, init, media, initHash, mediaHash, structure, codecs, frames };
        }),
      );
    },
  };
}

/** The first frame of a job: the whole segment, or what it is going to be where its bytes follow. */
function jobOf(segment: Segment, terms: JobTerms, open: boolean): Message {
  const { seq, start, planned, init, initHash } = segment;
  const { award, epoch, attempt, rungs, codec } = terms;
  const captured = open ? undefined : segment.captured;
  const media = captured?.video.media ?? NOTHING;
  const head = Job.encode({
    award,
    epoch,
    seq,
    attempt,
    rungs,
    initLen: init.byteLength,
    mediaLen: media.byteLength,
    initHash,
    mediaHash: captured?.mediaHash ?? NOTHING,
    frames: captured?.video.frames ?? planned.frames,
    startUs: start,
    durationUs: captured?.duration ?? planned.duration,
    deadlineMs: Math.round(terms.deadlineMs),
    codec,
    checkPpm: terms.checkPpm,
    open,
  });
  return { head, body: concatBytes(init, media) };
}

/** What follows an open job. The segment is complete only with its last part: a source that fails ends the request. */
async function* following(
  segment: Segment,
  uploaded: () => void,
): AsyncGenerator<Message, void, void> {
  for await (const body of segment.media()) yield { head: NOTHING, body };
  const { video, mediaHash } = await segment.closed;
  const head = JobEnd.encode({ mediaLen: video.media.byteLength, mediaHash });
  yield { head, body: NOTHING };
  uploaded();
}

function wrong(worker: PeerId, field: string, seq: number): DeliveryError {
  return new DeliveryError(
    { code: "DELIVERY_RECEIPT", worker, field },
    `${worker} answered segment ${seq} with a wrong ${field}`,
  );
}
