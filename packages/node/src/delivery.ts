import type { Hex } from "@tabcast/channel";
import { Verify } from "@tabcast/market";
import {
  type Fragment,
  inspect,
  type Rendition,
  type Rung,
  type SourceSegment,
  type Structure,
} from "@tabcast/media";
import type { Mesh, PeerId } from "@tabcast/mesh";
import {
  Job,
  JobReply,
  openReceipt,
  PROTOCOLS,
  publicKeyOf,
  type Receipt,
} from "@tabcast/protocol";
import { type Bytes, CodedError, concatBytes, sha256, toHex } from "@tabcast/runtime";
import { openFetcher } from "./exchange.ts";
import { openHeld } from "./held.ts";

/** Why a worker's answer is not one. */
export type DeliveryReason =
  | { code: "DELIVERY_FAILED"; worker: PeerId; why: string }
  | { code: "DELIVERY_RECEIPT"; worker: PeerId; field: string };
export class DeliveryError extends CodedError<DeliveryReason> {}

/** A captured segment with what every job and entry about it needs. */
export interface Captured extends SourceSegment {
  readonly initHash: Uint8Array<ArrayBuffer>;
  readonly mediaHash: Uint8Array<ArrayBuffer>;
  readonly structure: Structure;
}

/** A rendition whose bytes are here and hash to what was promised. */
export interface Collected extends Rendition {
  readonly initHash: Uint8Array<ArrayBuffer>;
  readonly mediaHash: Uint8Array<ArrayBuffer>;
  readonly structure: Structure;
}

/** SHA-256 of both parts of a fragment. */
export async function hashes({ init, media }: Fragment) {
  return { initHash: await sha256(init), mediaHash: await sha256(media) };
}

/** Hashes a segment and reads its structure. Throws MediaError if the source made something unreadable. */
export async function capture(segment: SourceSegment, signal: AbortSignal): Promise<Captured> {
  return {
    ...segment,
    ...(await hashes(segment.video)),
    structure: await inspect(segment.video, { signal }),
  };
}

export interface JobTerms {
  readonly worker: PeerId;
  readonly addrs: readonly string[];
  readonly award: Uint8Array;
  readonly epoch: number;
  readonly attempt: number;
  readonly rungs: readonly Rung[];
  readonly codec: string;
  readonly deadlineMs: number;
  /** Wei per output megapixel, and the lane that it goes to. */
  readonly price: bigint;
  readonly payee: Hex;
  readonly lane: number;
}

/** Talks to workers about segments: sends jobs, opens receipts, pulls what was made. Decides nothing. */
export interface Courier {
  /**
   * Sends a segment as a job and yields until the receipt has come. `alive` is called for every part that arrives.
   * Throws MESH_*, PROTOCOL_*, DELIVERY_FAILED in the worker's words, or DELIVERY_RECEIPT if it is about something else.
   */
  send(
    segment: Captured,
    terms: JobTerms,
    options: { signal: AbortSignal; alive: (frames: number) => void },
  ): Promise<Receipt>;
  /** Pulls every rendition of a receipt from its worker, checks size and hash, and reads its structure. */
  collect(
    receipt: Receipt,
    terms: JobTerms,
    options: { signal: AbortSignal },
  ): Promise<readonly Collected[]>;
}

export function openCourier(mesh: Mesh): Courier {
  const fetcher = openFetcher(mesh);
  const inits = openHeld((1 << 20) as Bytes);

  return {
    async send(segment, terms, { signal, alive }) {
      const { worker, addrs } = terms;
      const { init, media } = segment.video;
      const head = Job.encode({
        award: terms.award,
        epoch: terms.epoch,
        seq: segment.seq,
        attempt: terms.attempt,
        rungs: terms.rungs,
        initLen: init.byteLength,
        mediaLen: media.byteLength,
        initHash: segment.initHash,
        mediaHash: segment.mediaHash,
        frames: segment.video.frames,
        startUs: segment.start,
        durationUs: segment.duration,
        deadlineMs: Math.round(terms.deadlineMs),
        codec: terms.codec,
        open: false,
      });
      const request = { head, body: concatBytes(init, media) };
      const parts = mesh.request(worker, PROTOCOLS.job, request, {
        signal,
        addrs,
        maxBody: 0 as Bytes,
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
        const { award, epoch, rungs } = terms;
        const { seq, mediaHash } = segment;
        const outcome = Verify.receipt({ award, epoch, seq, mediaHash, rungs }, opened);
        if (!outcome.ok) throw wrong(worker, outcome.failed.join(", "), seq);
        return opened;
      }
      throw wrong(worker, "end of the answer", segment.seq);
    },

    async collect(receipt, { worker, addrs, rungs }, { signal }) {
      const holders = [{ peer: worker, addrs }];
      const pull = async (hash: Uint8Array<ArrayBuffer>, size: number) =>
        (await fetcher.fetch({ hash, size, holders }, { signal })).bytes;
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
          const structure = await inspect({ init, media }, { signal });
          const { codecs, frames } = structure;
          return { rung: rung.name, init, media, initHash, mediaHash, structure, codecs, frames };
        }),
      );
    },
  };
}

function wrong(worker: PeerId, field: string, seq: number): DeliveryError {
  return new DeliveryError(
    { code: "DELIVERY_RECEIPT", worker, field },
    `${worker} answered segment ${seq} with a wrong ${field}`,
  );
}
