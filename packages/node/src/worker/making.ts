import { Hire, Price } from "@tabcast/market";
import type { Made, SourceLimits, Transcoded, Transcoder } from "@tabcast/media";
import { hashReceipt, type Job, type Offer, type Signer, sealReceipt } from "@tabcast/protocol";
import { Micros, Pixels, sha256, toHex } from "@tabcast/runtime";
import type { BlobStore } from "../blob-store.ts";
import { type Holding, holdBoth, openHolding } from "../holding.ts";
import { asCodec, asRungs } from "../wire.ts";
import type { Audits } from "./audits.ts";
import type { Credit } from "./credit.ts";
import type { Engagement } from "./engagements.ts";
import type { Input } from "./intake.ts";
import type { Speeds } from "./speeds.ts";

/** A job that was admitted, and what came with it. */
export interface Order {
  readonly engagement: Engagement;
  readonly job: Job;
  /** The source's init segment, its hash checked. */
  readonly init: Uint8Array<ArrayBuffer>;
  readonly input: Input;
}

export interface MakeOptions {
  readonly signal: AbortSignal;
  /** Frames that are done. */
  readonly progress: (frames: number) => void;
  /** Samples that are done. */
  readonly made: (made: Made) => void;
  /** All is made, signed, and may leave. */
  readonly finish: (renditions: readonly Transcoded[]) => void;
}

/** Makes the renditions of segments, and the receipts for them. */
export interface Maker {
  /**
   * Resolves with the signed receipt, which is kept for a repeated job as the renditions are for viewers; and only once the
   * segment has its room among the unpaid. Rejects with what its input, the transcoder, or `Credit.room` gives.
   */
  make(order: Order, options: MakeOptions): Promise<Uint8Array>;
}

export interface MakerOptions {
  readonly keys: Signer;
  readonly transcoder: Transcoder;
  readonly blobs: BlobStore;
  readonly speeds: Speeds;
  readonly credit: Credit;
  readonly audits: Audits;
}

export function openMaker(options: MakerOptions): Maker {
  const { keys, transcoder, blobs, speeds, credit, audits } = options;

  /** Keeps a rendition for whoever asks for it by its hash; what the receipt says of it. */
  async function keep(
    { rung, frames, ...plain }: Pick<Transcoded, "rung" | "frames" | "init" | "media">,
    { holding, seq }: { readonly holding: Holding; readonly seq: number },
  ) {
    const { init, media } = await holdBoth(holding, plain, { seq, track: rung });
    const [initHash, mediaHash] = [await sha256(init), await sha256(media)];
    blobs.put(toHex(initHash), init);
    blobs.put(toHex(mediaHash), media);
    const [initLen, mediaLen] = [init.byteLength, media.byteLength];
    return { rung, initHash, mediaHash, initLen, mediaLen, frames };
  }

  return {
    async make({ engagement, job, init, input }, { signal, progress, made, finish }) {
      const { stream, receipts } = engagement;
      const { award, epoch, seq, checkPpm } = job;
      const rungs = asRungs(job.rungs);
      const codec = asCodec(job.codec);
      const limits = limitsOf(job, engagement.offer);
      const frameRate = Math.min(240, (job.frames * 1e6) / job.durationUs);
      if (!job.open) await input.received; // no decoder sees what is not what was promised
      const working = transcoder.transcode(
        { init, media: input.media, codec, rungs, frameRate, stream, ...(limits && { limits }) },
        { signal, progress, made },
      );
      // What is wrong with an open job's bytes says more than what the transcoder makes of them.
      const [{ media, mediaHash }, result] = await Promise.all([input.received, working]);
      const pixels = Pixels.made(rungs, result.renditions);
      speeds.worked(codec, { pixels, ms: result.encodeMs });
      const holding = openHolding(engagement.crewKeys);
      const renditions = await Promise.all(
        result.renditions.map((made) => keep(made, { holding, seq })),
      );
      // The source rung is served from here too, so its viewers cost the broadcaster nothing.
      await keep({ rung: "source", frames: job.frames, init, media }, { holding, seq });
      const sealed = await sealReceipt(keys, {
        award,
        epoch,
        seq,
        sourceHash: mediaHash,
        renditions,
        encodeMs: Math.round(result.encodeMs),
        hardware: result.hardware,
        stream: engagement.award.stream,
      });
      const receipt = await hashReceipt(sealed);
      const owed = Price.ofPixels(engagement.award.price, BigInt(pixels));
      await credit.room(engagement, seq, owed, { signal });
      audits.signed(stream, { seq, receipt, ppm: checkPpm });
      await credit.deliver(engagement, seq); // stored before the result, which extends credit, is sent
      receipts.put(seq, { source: mediaHash, sealed });
      finish(result.renditions);
      return sealed;
    },
  };
}

/** Families of codecs by the beginning of their RFC 6381 names. */
const FAMILIES = { avc: "avc", vp09: "vp9", av01: "av1" } as const;

/** What a job's source may be; undefined for a codec that is not decoded in any case. */
export function limitsOf(job: Job, offer: Offer): SourceLimits | undefined {
  const [, codec] =
    Object.entries(FAMILIES).find(([start]) => offer.sourceCodec.startsWith(start)) ?? [];
  const { pixels, frames, durationUs } = Hire.sourceLimits(job, offer);
  return codec && { codec, pixels, frames, duration: Micros.of(durationUs) };
}
