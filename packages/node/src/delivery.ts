import type { Hex } from "@tabcast/channel";
import { Verify } from "@tabcast/market";
import type {
  Fragment,
  inspect,
  Opening,
  Rendition,
  Rung,
  SourceSegment,
  Structure,
} from "@tabcast/media";
import type { Mesh, Message, PeerId } from "@tabcast/mesh";
import {
  Envelope,
  Job,
  JobEnd,
  JobReply,
  openReceipt,
  PROTOCOLS,
  publicKeyOf,
  type Receipt,
} from "@tabcast/protocol";
import { type Bytes, type Clock, CodedError, concatBytes, sha256, toHex } from "@tabcast/runtime";
import { openFetcher } from "./exchange.ts";
import { openHeld } from "./held.ts";

const NOTHING = new Uint8Array(0);

/** Why a worker's answer is not one. */
export type DeliveryReason =
  | { code: "DELIVERY_FAILED"; worker: PeerId; why: string }
  | { code: "DELIVERY_RECEIPT"; worker: PeerId; field: string };
export class DeliveryError extends CodedError<DeliveryReason> {}

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

/** A rendition whose bytes are here and hash to what was promised. */
export interface Collected extends Rendition {
  readonly initHash: Uint8Array<ArrayBuffer>;
  readonly mediaHash: Uint8Array<ArrayBuffer>;
  readonly structure: Structure;
}

/** Where time comes from, and what reads a fragment's structure. */
export interface CourierOptions {
  readonly clock: Clock;
  readonly inspect: typeof inspect;
}

/** SHA-256 of both parts of a fragment. */
export async function hashes({ init, media }: Fragment) {
  return { initHash: await sha256(init), mediaHash: await sha256(media) };
}

/** Follows a segment from its beginning; once it is complete it is hashed, and its structure read. */
export async function capture(
  opening: Opening,
  { clock, inspect: read, signal }: { readonly signal: AbortSignal } & CourierOptions,
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
  /** Wei per output megapixel, and the lane that it goes to. */
  readonly price: bigint;
  readonly payee: Hex;
  readonly lane: number;
}

/** A receipt as it was signed. */
export interface Signed {
  readonly receipt: Receipt;
  /** The envelope, byte for byte, and SHA-256 of the payload inside. */
  readonly sealed: Uint8Array;
  readonly hash: Uint8Array<ArrayBuffer>;
}

/** Talks to workers about segments: sends jobs, opens receipts, pulls what was made. Decides nothing. */
export interface Courier {
  /**
   * Sends a segment as a job, one that is still being made as it comes, and waits until the receipt is here. `alive` is
   * called for every part that arrives. Throws MESH_*, PROTOCOL_*, DELIVERY_FAILED in the worker's words,
   * DELIVERY_RECEIPT if it is about something else, or what ended the source.
   */
  send(
    segment: Segment,
    terms: JobTerms,
    options: { signal: AbortSignal; alive: (frames: number) => void },
  ): Promise<Signed>;
  /** Pulls every rendition of a receipt from its worker, checks size and hash, and reads its structure. `heard`: whenever bytes come. */
  collect(
    receipt: Receipt,
    terms: JobTerms,
    options: { signal: AbortSignal; heard: () => void },
  ): Promise<readonly Collected[]>;
}

export function openCourier(mesh: Mesh, { clock, inspect: read }: CourierOptions): Courier {
  const fetcher = openFetcher(mesh, clock);
  const inits = openHeld((1 << 20) as Bytes);

  return {
    async send(segment, terms, { signal, alive }) {
      const { worker, addrs } = terms;
      const request = jobOf(segment, terms);
      const parts = mesh.request(worker, PROTOCOLS.job, request, {
        signal,
        addrs,
        maxBody: 0 as Bytes,
        ...(segment.captured === undefined && { following: following(segment) }),
      });
      for await (const part of parts) {
        const { progress, receipt, failure } = JobReply.decode(part.head);
        if (failure !== undefined)
          throw new DeliveryError(
            { code: "DELIVERY_FAILED", worker, why: failure.code },
            `${worker} could not do segment ${segment.seq}: ${failure.message}`,
          );
        alive(progress?.frames ?? 0);
        if (receipt === undefined) continue;
        const from = publicKeyOf(worker);
        if (from === undefined) throw wrong(worker, "signer", segment.seq);
        const opened = await openReceipt(receipt, { from });
        const { payload } = await Envelope.open(receipt, "receipt", { from });
        const { award, epoch, rungs } = terms;
        // A receipt that comes before the segment is complete cannot be about it, but is not believed to be false yet.
        const { seq, mediaHash } = await segment.closed;
        const outcome = Verify.receipt({ award, epoch, seq, mediaHash, rungs }, opened);
        if (!outcome.ok) throw wrong(worker, outcome.failed.join(", "), seq);
        return { receipt: opened, sealed: receipt.slice(), hash: await sha256(payload) };
      }
      throw wrong(worker, "end of the answer", segment.seq);
    },

    async collect(receipt, { worker, addrs, rungs }, options) {
      const { signal } = options;
      const holders = [{ peer: worker, addrs }];
      const pull = async (hash: Uint8Array<ArrayBuffer>, size: number) =>
        (await fetcher.fetch({ hash, size, holders }, options)).bytes;
      return Promise.all(
        rungs.map(async (rung): Promise<Collected> => {
          const promised = receipt.renditions.find((rendition) => rendition.rung === rung.name);
          if (promised === undefined) throw wrong(worker, `renditions.${rung.name}`, receipt.seq);
          const { initHash, mediaHash, initLen, mediaLen } = promised;
          const key = toHex(initHash);
          // One encoder makes the same init every time, so it is pulled once.
          const init = inits.get(key) ?? (await pull(initHash, initLen));
          inits.put(key, init);
          const media = await pull(mediaHash, mediaLen);
          const structure = await read({ init, media }, { signal });
          const { codecs, frames } = structure;
          return { rung: rung.name, init, media, initHash, mediaHash, structure, codecs, frames };
        }),
      );
    },
  };
}

/** The first frame of a job: the whole segment, or its beginning where it is still being made. */
function jobOf(
  { seq, start, planned, init, initHash, captured }: Segment,
  terms: JobTerms,
): Message {
  const { award, epoch, attempt, rungs, codec } = terms;
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
    open: captured === undefined,
  });
  return { head, body: concatBytes(init, media) };
}

/** What follows an open job. The segment is complete only with its last part: a source that fails ends the request. */
async function* following(segment: Segment): AsyncGenerator<Message, void, void> {
  for await (const body of segment.media()) yield { head: NOTHING, body };
  const { video, mediaHash } = await segment.closed;
  const head = JobEnd.encode({ mediaLen: video.media.byteLength, mediaHash });
  yield { head, body: NOTHING };
}

function wrong(worker: PeerId, field: string, seq: number): DeliveryError {
  return new DeliveryError(
    { code: "DELIVERY_RECEIPT", worker, field },
    `${worker} answered segment ${seq} with a wrong ${field}`,
  );
}
