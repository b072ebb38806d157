/**
 * Verification: what can be said of a rendition without decoding it. Every segment is verified before it is published or paid.
 */
import type { Receipt } from "@tabcast/protocol";
import { equalBytes, Frames, Pixels, type Rung } from "@tabcast/runtime";

/** What a check is called in a verdict. No measured values leave: they would teach a cheat the thresholds. */
export type CheckId =
  | "receipt"
  | "rungs"
  | "hash"
  | "length"
  | "size-high"
  | "size-low"
  | "key"
  | "count"
  | "times"
  | "picture"
  | "boxes";

export type Outcome =
  | { readonly ok: true }
  | { readonly ok: false; readonly failed: readonly CheckId[] };

/** What the media layer reads from a fragment. */
export interface Structure {
  readonly width: number;
  readonly height: number;
  /** Video frames. */
  readonly frames: number;
  /** Presentation times in ascending order, microseconds. */
  readonly timestamps: readonly number[];
  /** Microseconds. */
  readonly duration: number;
  /** By the bitstream, not by the container's flag. */
  readonly startsWithKey: boolean;
  /** Of the media segment. */
  readonly bytes: number;
  /** Top-level boxes of the media segment, in order. */
  readonly boxes: readonly string[];
}

const outcome = (failed: readonly CheckId[]): Outcome =>
  failed.length === 0 ? { ok: true } : { ok: false, failed };

/** The job a receipt must answer. Hashes and ids as in the Job message. */
export interface Asked {
  readonly stream: Uint8Array;
  readonly award: Uint8Array;
  readonly epoch: number;
  readonly seq: number;
  readonly mediaHash: Uint8Array;
  readonly rungs: readonly Rung[];
}

/** Whether a receipt, whose signature was checked, answers this job: stream, award, epoch, sequence, source, and each rung once. */
export function receipt(asked: Asked, got: Receipt): Outcome {
  const failed: CheckId[] = [];
  const same =
    equalBytes(got.stream, asked.stream) &&
    equalBytes(got.award, asked.award) &&
    got.epoch === asked.epoch &&
    got.seq === asked.seq &&
    equalBytes(got.sourceHash, asked.mediaHash);
  if (!same) failed.push("receipt");
  const names = got.renditions.map(({ rung }) => rung).sort();
  const wanted = asked.rungs.map(({ name }) => name).sort();
  if (names.length !== wanted.length || names.some((name, i) => name !== wanted[i]))
    failed.push("rungs");
  return outcome(failed);
}

/** Box types a media segment may have at its top. */
export const BOXES: readonly string[] = ["styp", "sidx", "moof", "mdat"];
/** How far a presentation time may be from the source's, in microseconds: what a coarse timescale rounds away. */
export const TIME_TOLERANCE_US = 1_000;
/** Largest size, as a multiple of bitrate x duration. */
export const MOST_OF_TARGET = 1.5;
/** No rendition above this share of bitrate x duration is too small. */
export const ENOUGH_OF_TARGET = 0.4;
/**
 * Least size, as a share of the source's bytes x the ratio of pixels. Measured in November 2026 with x264 over 240p to 720p: 0.17 to 0.43
 * for film and camera clips, above 3 for a slide, 0.015 for a slide in a file that was stuffed to a constant bitrate (the
 * lowest honest value found); black at 360p and above stays below 0.008 of two clips.
 */
export const LEAST_OF_SOURCE = 0.01;

/**
 * Sizes in bytes that an honest rendition has.
 *
 * Above: 1.5 x bitrate x duration, plus one bit per pixel for the key frame, which a short segment cannot spread out, plus
 * the container. Below: bitrate x duration says nothing, because an honest encoder spends a fiftieth of it on a still
 * slide. What the content needs shows in the source: a picture that took the broadcaster many bytes cannot be told in
 * next to none. Bits fall more slowly than pixels, so the source's bytes times the ratio of pixels is about what a rung
 * of the same quality needs; a hundredth of it allows for sources that spend far more than they need, such as
 * recordings stuffed to a constant bitrate. A rendition that spends 0.4 of its target is never too small. This finds empty
 * pictures; lesser fraud is for the tiers that look at pixels.
 */
export function sizeBand(
  rung: Rung,
  source: Pick<Structure, "width" | "height" | "bytes" | "duration" | "frames">,
): { readonly least: number; readonly most: number } {
  const target = (rung.bitrate / 8) * (source.duration / 1e6);
  const ratio = Math.min(1, Pixels.perFrame([rung]) / Pixels.of(source));
  return {
    least: Math.min(ENOUGH_OF_TARGET * target, LEAST_OF_SOURCE * source.bytes * ratio),
    most: most(rung, source),
  };
}

/** Largest size in bytes of a rendition of so many frames and microseconds. */
export function most(
  rung: Rung,
  { duration, frames }: Pick<Structure, "duration" | "frames">,
): number {
  const container = 1_024 + 32 * frames;
  return MOST_OF_TARGET * (rung.bitrate / 8) * (duration / 1e6) + Pixels.of(rung) / 8 + container;
}

export interface Evidence {
  readonly rung: Rung;
  /** Of the source segment that was sent. */
  readonly source: Structure;
  /** Of the rendition that was pulled. */
  readonly rendition: Structure;
  /** Its line in the receipt. */
  readonly claimed: { readonly mediaLen: number; readonly frames: number };
  /** The pulled bytes, init and media, hash to what the receipt says. */
  readonly hashesMatch: boolean;
}

/** Looks at one rendition. Every check is made, so that a verdict names all that failed. */
export function check({ rung, source, rendition, claimed, hashesMatch }: Evidence): Outcome {
  const { least, most } = sizeBand(rung, source);
  const frames = Frames.of(rung, source.frames);
  const count = rendition.frames === frames && rendition.timestamps.length === frames;
  const times = Frames.shown(rung, source.timestamps);
  const moved = rendition.timestamps.some((time, i) => {
    const wanted = times[i];
    return wanted === undefined || Math.abs(time - wanted) > TIME_TOLERANCE_US;
  });
  const media = ["moof", "mdat"].every((box) => rendition.boxes.includes(box));
  const strange = rendition.boxes.some((box) => !BOXES.includes(box));
  const failed: [CheckId, boolean][] = [
    ["hash", !hashesMatch],
    ["length", claimed.mediaLen !== rendition.bytes || claimed.frames !== rendition.frames],
    ["size-high", rendition.bytes > most],
    ["size-low", rendition.bytes < least],
    ["key", !rendition.startsWithKey],
    ["count", !count],
    ["times", moved],
    ["picture", rendition.width !== rung.width || rendition.height !== rung.height],
    ["boxes", strange || !media],
  ];
  return outcome(failed.filter(([, bad]) => bad).map(([id]) => id));
}

/** One outcome of many: every check that failed anywhere, once. */
export function all(outcomes: readonly Outcome[]): Outcome {
  return outcome([...new Set(outcomes.flatMap((one) => (one.ok ? [] : one.failed)))]);
}
