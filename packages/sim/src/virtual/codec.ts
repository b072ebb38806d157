/**
 * The fake codec: modelled time, bytes of plausible size, and a header that says what they would show. Nothing is decoded;
 * what a check would see is in the header.
 */
import {
  type CodecName,
  type Comparison,
  MediaError,
  type Opening,
  type Reference,
  type Rung,
  type Source,
  type SourceLimits,
  type SourceSegment,
  type Structure,
  type Transcoded,
  type Transcoder,
  type Verifier,
} from "@tabcast/media";
import {
  BitsPerSecond,
  type Bytes,
  type Clock,
  Micros,
  Pixels,
  type Random,
} from "@tabcast/runtime";
import type { Calibration } from "../calibration.ts";

/** What may be wrong with a picture. */
export const DEFECTS = ["black", "upscale", "frozen", "shifted", "logo", "wrong-source"] as const;
export type Defect = (typeof DEFECTS)[number];

/** What the bytes of a media segment would show. */
export interface Header {
  /** Number of the source it was made of. */
  readonly source: number;
  readonly seq: number;
  /** Microseconds of the first frame. */
  readonly start: number;
  readonly frames: number;
  /** Microseconds of one frame. */
  readonly frame: number;
  readonly defect: Defect | undefined;
}

const MAGIC = 0x53494d31;
const HEADER = 32;
const CODECS = "avc1.64001f";
/** A source comes in pieces of this length, as the media package's do, in milliseconds. */
export const PIECE_MS = 250;

function writeMedia(header: Header, size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(Math.max(HEADER, Math.round(size)));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC);
  view.setUint32(4, header.source);
  view.setUint32(8, header.seq);
  view.setFloat64(12, header.start);
  view.setUint16(20, header.frames);
  view.setUint32(22, header.frame);
  view.setUint8(26, header.defect === undefined ? 0 : DEFECTS.indexOf(header.defect) + 1);
  return bytes;
}

/** What a media segment would show. Throws RangeError for bytes that the fake codec did not make. */
export function readMedia(media: Uint8Array): Header {
  const view = new DataView(media.buffer, media.byteOffset, media.byteLength);
  if (media.byteLength < HEADER || view.getUint32(0) !== MAGIC)
    throw new RangeError("not a segment of the fake codec");
  return {
    source: view.getUint32(4),
    seq: view.getUint32(8),
    start: view.getFloat64(12),
    frames: view.getUint16(20),
    frame: view.getUint32(22),
    defect: DEFECTS[view.getUint8(26) - 1],
  };
}

function writeInit(width: number, height: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC);
  view.setUint16(4, width);
  view.setUint16(6, height);
  return bytes;
}

/** In place of media's `inspect`. */
export async function inspect({
  init,
  media,
}: {
  readonly init: Uint8Array;
  readonly media: Uint8Array;
}): Promise<Structure> {
  const size = new DataView(init.buffer, init.byteOffset, init.byteLength);
  const header = readMedia(media);
  const { frames, frame } = header;
  return {
    codecs: CODECS,
    width: size.getUint16(4),
    height: size.getUint16(6),
    frames,
    timestamps: timesOf(header),
    duration: Micros.of(frames * frame),
    startsWithKey: true,
    bytes: media.byteLength as Bytes,
    boxes: ["styp", "sidx", "moof", "mdat"],
  };
}

export interface SourceOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly number: number;
  readonly segmentMs: number;
  readonly frameRate: number;
  readonly width: number;
  readonly height: number;
  /** Bits per second. */
  readonly bitrate: number;
  /** Real bytes that one byte stands for. */
  readonly scale: number;
  /** What a segment holds whatever is said of it. Default: what is said. */
  readonly holds?: { readonly width: number; readonly height: number; readonly frames: number };
}

/** A live camera: every segment is given out when it begins. */
export function openSource(options: SourceOptions): Source {
  const { clock, random, number, segmentMs, frameRate, scale } = options;
  const bitrate = options.bitrate / scale;
  const { width, height } = options.holds ?? options;
  const init = writeInit(width, height);
  const stop = new AbortController();
  const pieces = Math.max(1, Math.round(segmentMs / PIECE_MS));
  const frames = Math.round((segmentMs / 1_000) * frameRate);
  const frame = Math.round(1e6 / frameRate);

  async function* openings({ signal }: { signal: AbortSignal }): AsyncGenerator<Opening> {
    const origin = clock.now();
    for (let seq = 0; !stop.signal.aborted; seq++) {
      const wait = origin + seq * segmentMs - clock.now();
      if (wait > 0)
        await clock.sleep(wait, { signal: AbortSignal.any([signal, stop.signal]) }).catch(() => {});
      if (stop.signal.aborted || signal.aborted) return;
      yield opening(seq, origin + seq * segmentMs);
    }
  }

  function opening(seq: number, from: number): Opening {
    const start = Micros.of(seq * frames * frame);
    const duration = Micros.of(frames * frame);
    const size = ((bitrate / 8) * segmentMs * Math.exp(0.15 * normal(random))) / 1_000;
    const capturedAt = clock.unix();
    const piece = Math.round(size / pieces);
    const first = Math.max(HEADER, piece);
    const held = options.holds?.frames ?? frames;
    const each = Math.round((frames * frame) / held);
    const header = { source: number, seq, start, frames: held, frame: each, defect: undefined };
    // Pieces are parts of the whole: memory for each of them took longer than all else that a source does.
    const media = writeMedia(header, first + (pieces - 1) * piece);
    const made: Uint8Array<ArrayBuffer>[] = [];
    let news = Promise.withResolvers<void>();
    const making = (async () => {
      for (let i = 0; i < pieces; i++) {
        await clock.sleep(Math.max(0, from + ((i + 1) * segmentMs) / pieces - clock.now()));
        const end = first + i * piece;
        made.push(media.subarray(i === 0 ? 0 : end - piece, end));
        news.resolve();
        news = Promise.withResolvers();
      }
    })();
    const closed = making.then((): Omit<SourceSegment, "audio"> => {
      const video = { init, media, codecs: CODECS, frames };
      return { seq, start, duration, capturedAt, video };
    });
    return {
      seq,
      start,
      capturedAt,
      planned: { duration, frames },
      frameRate,
      complete: false,
      init,
      media: () => {
        let next = 0;
        return new ReadableStream({
          async pull(controller) {
            while (next >= made.length && next < pieces) await news.promise;
            const part = made[next++];
            if (part === undefined) controller.close();
            else controller.enqueue(part);
          },
        });
      },
      closed,
      whole: closed,
    };
  }

  return {
    info: {
      kind: "simulated",
      codec: CODECS,
      width: options.width,
      height: options.height,
      frameRate,
      bitrate: BitsPerSecond.of(bitrate),
      passthrough: false,
      input: { videoCodec: CODECS },
    },
    async *segments(waits) {
      for await (const one of openings(waits)) yield await one.whole;
    },
    openings,
    stop: () => stop.abort(),
    close: () => stop.abort(),
  };
}

/** A draw from the normal distribution, mean 0 and deviation 1. Box and Muller. */
export function normal(random: Random): number {
  return (
    Math.sqrt(-2 * Math.log(1 - random.fraction())) * Math.cos(2 * Math.PI * random.fraction())
  );
}

/** One draw of what a delivery takes besides encoding and the links, in milliseconds. */
export const deliver = (
  { deliverMs, deliverSigma }: DeviceOptions["deliver"],
  random: Random,
): number => deliverMs * Math.exp(deliverSigma * normal(random));

/** What a result becomes in the hands of a cheat. */
export type Touch = (made: Made) => Made;
export interface Made {
  readonly header: Header;
  /** Share of the usual size. */
  readonly size: number;
  /** Milliseconds more until it is given out. */
  readonly holdMs: number;
}

export interface DeviceOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Output pixels per second. */
  readonly pixelsPerSecond: number;
  /** Deviation of the logarithm of a job's time. */
  readonly sigma: number;
  /** Share of jobs that stall, and by what factor they are slower then. */
  readonly stall: { readonly share: number; readonly factor: number };
  /** What signing, handing over and checking take besides the links: median in milliseconds, deviation of the logarithm. */
  readonly deliver: Pick<Calibration["transfer"], "deliverMs" | "deliverSigma">;
  readonly touch?: Touch;
  /** Told of all work: milliseconds, and output pixels. */
  readonly worked: (ms: number, pixels: number) => void;
}

/** A device that encodes: one thing at a time, piece by piece as they come. */
export interface Device extends Transcoder {
  /** From now on it is this many times slower. */
  slow(factor: number): void;
  /** Output pixels per second, as found in `ms` of measuring, longer while it is slow. Ends with the signal's reason. */
  measure(ms: number, signal: AbortSignal): Promise<number>;
  /** Milliseconds of work done. */
  busyMs(): number;
}

export function openDevice(options: DeviceOptions): Device {
  const { clock, random } = options;
  let slower = 1;
  let busyMs = 0;
  let turn: Promise<unknown> = Promise.resolve();
  /** Keeps the device for `ms`, after what was asked before. */
  const occupy = (ms: number): Promise<void> => {
    const mine = turn.then(() => clock.sleep(ms * slower));
    busyMs += ms * slower;
    turn = mine;
    return mine;
  };
  return {
    slow: (factor) => {
      slower = factor;
    },
    async measure(ms, signal) {
      await clock.sleep(ms * slower, { signal });
      return options.pixelsPerSecond / slower;
    },
    busyMs: () => busyMs,
    async transcode({ init, media, rungs, frameRate = 30, limits }, { signal, progress, made }) {
      const perFrame = Pixels.perFrame(rungs);
      const factor =
        Math.exp(options.sigma * normal(random)) *
        (random.fraction() < options.stall.share ? options.stall.factor : 1);
      let plan: Plan | undefined;
      const sent = rungs.map(() => 0);
      let worked = 0;
      let endedAt = clock.now();
      const work = async (frames: number) => {
        const pixels = perFrame * frames;
        const ms = ((pixels * 1_000) / options.pixelsPerSecond) * factor;
        signal.throwIfAborted();
        await occupy(ms);
        worked += ms * slower;
        options.worked(ms * slower, pixels);
        signal.throwIfAborted();
      };
      const tell = (renditions: readonly Transcoded[], share: number) => {
        for (const [rung, { media: whole, headLen }] of renditions.entries()) {
          const at = sent[rung] ?? 0;
          const to = Math.floor((whole.byteLength - headLen) * share);
          if (to > at) made?.({ rung, at, bytes: whole.subarray(headLen + at, headLen + to) });
          sent[rung] = to;
        }
      };
      if (media instanceof Uint8Array) {
        plan = planOf(media, rungs, options);
        hold({ init, header: plan.header }, limits);
        await work(plan.header.frames);
      } else {
        const perPiece = Math.max(1, (PIECE_MS * frameRate) / 1_000);
        const reader = media.getReader();
        const cancel = () => void reader.cancel().catch(() => {});
        signal.addEventListener("abort", cancel, { once: true });
        try {
          let done = 0;
          for (;;) {
            const { value, done: ended } = await reader.read();
            if (ended) break;
            plan ??= planOf(value, rungs, options);
            hold({ init, header: plan.header }, limits);
            const { frames } = plan.header;
            endedAt = clock.now();
            await work(Math.min(perPiece, frames - done));
            done = Math.min(frames, done + perPiece);
            progress?.(Math.floor(done));
            tell(plan.renditions, done / frames);
          }
        } finally {
          signal.removeEventListener("abort", cancel);
        }
        signal.throwIfAborted();
      }
      if (plan === undefined) throw new RangeError("an empty segment");
      const endedMs = clock.now() - endedAt;
      await clock.sleep(plan.holdMs + deliver(options.deliver, random), { signal });
      return {
        renditions: plan.renditions,
        encodeMs: worked,
        tailMs: endedMs,
        hardware: "sw",
      };
    },
    close() {},
  };
}

/** Throws MEDIA_UNEXPECTED where a source is more than was said of it, as media's transcoder does before it decodes. */
function hold(
  { init, header }: { readonly init: Uint8Array; readonly header: Header },
  limits: SourceLimits | undefined,
): void {
  if (limits === undefined) return;
  const size = new DataView(init.buffer, init.byteOffset, init.byteLength);
  const pixels = size.getUint16(4) * size.getUint16(6);
  const { frames } = header;
  for (const [what, got, limit] of [
    ["pixels", pixels, limits.pixels],
    ["frames", frames, limits.frames],
  ] as const)
    if (got > limit)
      throw new MediaError(
        { code: "MEDIA_UNEXPECTED", what, value: got, limit },
        `a source of ${got} ${what}, at most ${limit} were said`,
      );
}

/** What is going to come of a segment, settled with its first bytes. */
interface Plan {
  readonly header: Header;
  /** Milliseconds for which a cheat keeps it to itself. */
  readonly holdMs: number;
  readonly renditions: readonly Transcoded[];
}

function planOf(bytes: Uint8Array, rungs: readonly Rung[], options: DeviceOptions): Plan {
  const honest: Made = { header: readMedia(bytes), size: 1, holdMs: 0 };
  const { header, size, holdMs } = options.touch?.(honest) ?? honest;
  const seconds = (honest.header.frames * honest.header.frame) / 1e6;
  const renditions = rungs.map((rung) => {
    const spread = Math.exp(0.1 * normal(options.random));
    const usual = (rung.bitrate / 8) * seconds * spread * size;
    return renditionOf(rung, header, Math.min(usual, (1.4 * rung.bitrate * seconds) / 8));
  });
  return { header: honest.header, holdMs, renditions };
}

function renditionOf(rung: Rung, header: Header, bytes: number): Transcoded {
  return {
    rung: rung.name,
    init: writeInit(rung.width, rung.height),
    media: writeMedia(header, bytes),
    headLen: HEADER,
    codecs: CODECS,
    frames: header.frames,
  };
}

/** Codec family of everything here. */
export const CODEC: CodecName = "avc";

export interface VerifierOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Chance to see a defect, and to see one where there is none. */
  readonly detection: number;
  readonly falseAlarm: number;
  /** Milliseconds that a reference takes, and a look at one rung. */
  readonly lookMs: number;
  /** Real bytes that one byte stands for. */
  readonly scale: number;
}

/** Decibels of an honest rendition and of one that was starved. Source: market.md part 9. */
const HONEST_DB = 47;
const STARVED_DB = 38;
/** A rendition below this share of bitrate x duration shows that it was starved. */
const STARVED = 0.6;

/** In place of media's verifier: an oracle that reads headers, and errs as often as it is told to. What it measures is judged by media. */
export function openVerifier(options: VerifierOptions): Verifier {
  const { clock, random, scale, lookMs } = options;
  const sources = new WeakMap<Reference, Header>();
  return {
    async reference({ source, rungs }, { signal }) {
      await clock.sleep(lookMs, { signal });
      const header = readMedia(source.media);
      return rungs.map(({ width, height }) => {
        const reference: Reference = {
          width,
          height,
          timestamps: timesOf(header),
          duration: Micros.of(header.frames * header.frame),
          matrix: "bt709",
          sizes: sizesOf(source.media, width * height),
          frames: [],
          trace: {} as Reference["trace"],
        };
        sources.set(reference, header);
        return reference;
      });
    },
    async compare({ rendition, reference, rung, codec }, { signal }) {
      await clock.sleep(lookMs, { signal });
      const source = sources.get(reference) as Header;
      const made = readMedia(rendition.media);
      const defective = made.defect !== undefined || made.source !== source.source;
      const chance = random.fraction();
      const seen = defective ? chance < options.detection : chance < options.falseAlarm;
      const target = (rung.bitrate * reference.duration) / 8e6;
      const starved = rendition.media.byteLength < STARVED * target;
      const { duration, sizes, timestamps } = reference;
      return {
        rung: { ...rung, bitrate: BitsPerSecond.of(rung.bitrate * scale) },
        codec,
        source: { sizes, duration, count: timestamps.length },
        facts: {
          codec,
          startsWithKey: true,
          count: made.frames,
          timeError: Math.abs(made.start - source.start),
          size: true,
          matrix: true,
          strangeBoxes: 0,
          sizes: sizesOf(rendition.media, rung.width * rung.height),
        },
        frames: [
          {
            psnr: starved ? STARVED_DB : HONEST_DB,
            ssim: 0.98,
            tileSsim: 0.97,
            sharpness: 1,
            detail: 1,
            chroma: 0,
            saturation: 1,
          },
        ],
        // Contrast stands for whatever a defect shows in.
        trace: { ...HONEST_TRACE, contrast: seen ? 0.5 : 1 },
        spent: { decode: 0, frames: lookMs, trace: 0 },
      };
    },
    close() {},
  };
  function sizesOf(media: Uint8Array, pixels: number): Comparison["source"]["sizes"] {
    const coded = (media.byteLength * scale) as Bytes;
    return { key: coded, coded, pixels };
  }
}

const timesOf = ({ start, frames, frame }: Header) =>
  Array.from({ length: frames }, (_, i) => Micros.of(start + i * frame));

const HONEST_TRACE: NonNullable<Comparison["trace"]> = {
  tellable: 0,
  misplaced: 0,
  moving: 0,
  still: 0,
  drifting: 0,
  stuck: 0,
  contrast: 1,
  offset: 0,
  blemish: 0,
  spot: 0,
};
