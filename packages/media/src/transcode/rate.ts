import type { CodecName, Rung } from "../types.ts";

/** What software encoders of one codec make of the bitrate they are asked for. */
interface Habit {
  /** Asked for over wanted, until a segment has told more. */
  readonly usual: number;
  /** Bounds of that factor. A burst after quiet content is at most `most` times too large. */
  readonly least: number;
  readonly most: number;
}

/**
 * Measured in Chromium 156 on GOPs of two seconds, 720p to 240p (November 2026): OpenH264 meets its target within 5 %,
 * libvpx in VBR makes 0.64 to 1.15 of it, by content (and less picture per bit in CBR), libaom in CBR 0.9 to 1.05 of a cartoon.
 */
const HABITS: Readonly<Record<CodecName, Habit>> = {
  avc: { usual: 1, least: 0.8, most: 1.2 },
  vp9: { usual: 1.1, least: 0.8, most: 1.6 },
  av1: { usual: 1, least: 0.8, most: 1.5 },
};
/** The power of a segment's error that the next one makes up for: content changes from segment to segment. */
const TRUST = 0.6;
/** Made of the wanted: content that uses less has no use for the bits, so asking for more would only store up a burst. */
const IDLE = 0.4;
/** Shorter than this, in seconds, a segment is mostly its key frame. */
const LEAST_SECONDS = 1;
/** Most rungs of all streams remembered; the one not learnt of for the longest is forgotten. */
const MOST_RUNGS = 256;

/** The factor after a segment that made `made` times the wanted bitrate with `factor`. */
export function corrected(codec: CodecName, factor: number, made: number): number {
  const { usual, least, most } = HABITS[codec];
  const next = made < IDLE ? Math.min(factor, usual) : factor / made ** TRUST;
  return Math.min(most, Math.max(least, next));
}

/** What is known of one stream's rungs. */
export type StreamRates = Pick<Rates, "ask" | "learn">;

/**
 * Learns, rung by rung, what to ask software encoders for, so that a stream's mean bitrate comes out as wanted. Each stream
 * learns apart: what a cartoon taught would starve a camera.
 */
export class Rates {
  readonly #factors: Map<string, number>;
  readonly #stream: string;

  constructor(stream = "", factors = new Map<string, number>()) {
    this.#stream = stream;
    this.#factors = factors;
  }

  /** The part of these that one stream learns and uses. */
  of(stream: string): StreamRates {
    return new Rates(stream, this.#factors);
  }

  /** What to ask for, in bits per second, to get the rung's bitrate. */
  ask(codec: CodecName, rung: Rung): number {
    return Math.round(rung.bitrate * this.#factor(codec, rung));
  }

  /** Takes what a whole segment came to. */
  learn(codec: CodecName, rung: Rung, { bytes, seconds }: { bytes: number; seconds: number }) {
    if (!(seconds >= LEAST_SECONDS) || !(bytes > 0)) return;
    const made = (bytes * 8) / seconds / rung.bitrate;
    const key = this.#keyOf(codec, rung);
    const factor = corrected(codec, this.#factor(codec, rung), made);
    this.#factors.delete(key);
    this.#factors.set(key, factor);
    const [oldest] = this.#factors.keys();
    if (this.#factors.size > MOST_RUNGS && oldest !== undefined) this.#factors.delete(oldest);
  }

  #factor(codec: CodecName, rung: Rung): number {
    return this.#factors.get(this.#keyOf(codec, rung)) ?? HABITS[codec].usual;
  }

  #keyOf(codec: CodecName, { width, height, bitrate }: Rung): string {
    return `${codec} ${width}x${height} ${bitrate} ${this.#stream}`;
  }
}
