import { tooLarge, unexpected } from "../errors.ts";
import { type Box, malformed, Reader } from "./boxes.ts";
import type { Sample } from "./track.ts";

/** Most samples read from one segment: ten seconds at 60 frames per second, or of audio packets of 2.5 ms. */
const MAX_SAMPLES = 4096;
/** Most boxes at the top of one segment: ten seconds in chunks of 80 ms, each a moof and an mdat. */
const MAX_TOP_BOXES = 256;
/** Largest moof read, in bytes: sixteen for each of `MAX_SAMPLES`, and as much again. */
const MAX_MOOF_BYTES = 131_072;
/** Where a gathering of bytes begins to grow, in bytes. */
const LEAST_ROOM = 1024;

/** A media segment's samples in decode order, with what its headers say. */
export interface Media {
  /** From the first mfhd. */
  readonly sequence: number;
  readonly samples: readonly Sample[];
  /** Top-level box types in order. */
  readonly boxes: readonly string[];
}

/** A sample that a moof has told of and whose bytes are still to come. Places count from the segment's start. */
interface Due extends Omit<Sample, "data"> {
  readonly from: number;
  readonly to: number;
}

/** How much a segment may hold; a segment that goes past a bound is refused when it says so, not when it gets there. */
export interface SegmentBounds {
  /** Default: no bound, for bytes that are at hand as a whole. */
  readonly maxBytes?: number;
  /** Default and most: 4096. */
  readonly maxSamples?: number;
  /** What was said of the segment: samples, and their duration together in ticks of its track. Default: nothing. */
  readonly said?: { readonly samples: number; readonly ticks: number } | undefined;
}

/**
 * Reads one media segment from pieces cut anywhere: `styp`, `sidx` and boxes it does not know are passed over, then come
 * one or more chunks of `moof` and `mdat` (chunked CMAF, ISO/IEC 23000-19). A sample is there as soon as its last byte
 * is, also inside an mdat that is still growing. Within an mdat samples stand in the order of their moof and do not
 * overlap, so a few bytes cannot be read thousands of times. Takes time and memory linear in what was pushed, whatever
 * the boxes promise.
 */
export class SegmentReader {
  /** What is there so far, in decode order. Views on the pieces where possible. */
  readonly samples: Sample[] = [];
  readonly #boxes: string[] = [];
  readonly #maxBytes: number;
  readonly #maxSamples: number;
  readonly #said: SegmentBounds["said"];
  /** Of all samples that a moof has told of. */
  #ticks = 0;
  #sequence: number | undefined;
  /** Place of the next byte. */
  #at = 0;
  #box: Box | undefined;
  #held = new Gathering(8);
  #due: readonly Due[] = [];
  #next = 0;

  constructor({
    maxBytes = Number.POSITIVE_INFINITY,
    maxSamples = MAX_SAMPLES,
    said,
  }: SegmentBounds = {}) {
    this.#said = said;
    this.#maxBytes = maxBytes;
    this.#maxSamples = Math.min(maxSamples, MAX_SAMPLES);
  }

  /** Times of all samples that came or that a moof has told of, in decode order. */
  get announced(): readonly Pick<Sample, "time" | "duration">[] {
    return [...this.samples, ...this.#due.slice(this.#next)];
  }

  /** Bytes taken so far. */
  get bytes(): number {
    return this.#at;
  }

  /** Takes the next piece, which must not change afterwards. Throws MEDIA_MALFORMED or MEDIA_TOO_LARGE. */
  push(piece: Uint8Array): void {
    const total = this.#at + piece.byteLength;
    if (total > this.#maxBytes) throw tooLarge("segment", total, this.#maxBytes);
    let rest = piece;
    for (let used = this.#step(rest); used !== undefined; used = this.#step(rest)) {
      rest = rest.subarray(used);
      this.#at += used;
    }
  }

  /** What the whole segment held. Throws MEDIA_MALFORMED if it ends inside a box, or without a sample. */
  end(): Media {
    if (this.#box !== undefined || this.#held.length > 0 || this.#next < this.#due.length)
      throw malformed("ends too early", this.#at);
    if (this.#sequence === undefined || this.samples.length === 0)
      throw malformed("no samples", this.#at);
    return {
      sequence: this.#sequence,
      samples: withShownDurations(this.samples),
      boxes: this.#boxes,
    };
  }

  /** Does what can be done next with `piece`, and says how many of its bytes that took; undefined if it takes more. */
  #step(piece: Uint8Array): number | undefined {
    const box = this.#box;
    if (box === undefined) return this.#header(piece);
    if (box.type === "moof") return this.#moof(box, piece);
    const due = box.type === "mdat" ? this.#due[this.#next] : undefined;
    if (due === undefined) return this.#pass(box.to, piece, () => this.#leave());
    if (this.#at < due.from && this.#held.length === 0) return this.#pass(due.from, piece);
    return this.#sample(due, piece);
  }

  #header(piece: Uint8Array): number | undefined {
    const used = this.#held.take(piece);
    if (!this.#held.full) return used || undefined;
    const start = this.#at + used - this.#held.length;
    const r = new Reader(this.#held.bytes, start);
    let size = r.u32(start);
    if (size === 1) {
      if (this.#held.length === 8) {
        this.#held.want(16);
        return used;
      }
      size = r.u64(start + 8);
    }
    const from = start + this.#held.length;
    const to = start + size;
    if (to < from) throw malformed(`a box of ${size} bytes`, start);
    if (to > this.#maxBytes) throw tooLarge("segment", to, this.#maxBytes);
    if (this.#boxes.length === MAX_TOP_BOXES)
      throw malformed(`more than ${MAX_TOP_BOXES} boxes`, start);
    this.#enter({ type: r.text(start + 4, 4), start, from, to });
    return used;
  }

  #enter(box: Box): void {
    this.#boxes.push(box.type);
    this.#box = box;
    if (box.type === "moof") {
      if (this.#next < this.#due.length)
        throw malformed("a moof before the mdat of the last", box.start);
      if (box.to - box.from > MAX_MOOF_BYTES)
        throw tooLarge("moof", box.to - box.from, MAX_MOOF_BYTES);
      this.#held = new Gathering(box.to - box.from);
    }
    if (box.type === "mdat") {
      let end = box.from;
      for (const { from, to } of this.#due) {
        if (from < end || to > box.to)
          throw malformed(`a sample of ${to - from} bytes outside mdat`, from);
        end = to;
      }
      this.#expect();
    }
  }

  #leave(): void {
    if (this.#box?.type === "mdat") this.#due = []; // all came: each was seen to fit into it
    this.#next = 0;
    this.#box = undefined;
    this.#held = new Gathering(8);
  }

  #moof(box: Box, piece: Uint8Array): number | undefined {
    const used = this.#held.take(piece);
    if (!this.#held.full) return used || undefined;
    const r = new Reader(this.#held.bytes, box.from);
    this.#sequence ??= r.u32(r.child(r.whole, "mfhd").from + 4);
    const due = readFragment(r, box, this.#maxSamples, this.samples.length);
    this.#hold(due);
    this.#due = due;
    this.#leave();
    return used;
  }

  /** Throws MEDIA_UNEXPECTED where a moof tells of more than was said. */
  #hold(due: readonly Due[]): void {
    this.#ticks += due.reduce((sum, { duration }) => sum + duration, 0);
    if (this.#said === undefined) return;
    const { samples, ticks } = this.#said;
    const count = this.samples.length + due.length;
    if (count > samples) throw unexpected("frames", count, samples);
    if (this.#ticks > ticks) throw unexpected("duration", this.#ticks, ticks);
  }

  #sample({ from: _, to: __, ...sample }: Due, piece: Uint8Array): number | undefined {
    const used = this.#held.take(piece);
    if (!this.#held.full) return used || undefined;
    this.samples.push({ ...sample, data: this.#held.bytes });
    this.#next++;
    this.#expect();
    return used;
  }

  /** Makes ready for the bytes of the next sample. */
  #expect(): void {
    const due = this.#due[this.#next];
    if (due !== undefined) this.#held = new Gathering(due.to - due.from);
  }

  /** Passes over bytes up to `to`. */
  #pass(to: number, piece: Uint8Array, arrived?: () => void): number | undefined {
    const used = Math.min(piece.byteLength, to - this.#at);
    if (this.#at + used === to) arrived?.();
    else if (used === 0) return undefined;
    return used;
  }
}

/** A known number of bytes, gathered from pieces. Grows with what has come, never with what was promised. */
class Gathering {
  #bytes = new Uint8Array(0);
  #need: number;
  #length = 0;

  constructor(need: number) {
    this.#need = need;
  }

  get length(): number {
    return this.#length;
  }
  get full(): boolean {
    return this.#length === this.#need;
  }
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Asks for more than before. */
  want(need: number): void {
    this.#need = need;
  }

  /** Takes what is lacking from the front of `piece`; returns how much that was. */
  take(piece: Uint8Array): number {
    const used = Math.min(piece.byteLength, this.#need - this.#length);
    if (used === this.#need) {
      this.#bytes = piece.subarray(0, used) as Uint8Array<ArrayBuffer>; // all at once: no copy
    } else if (used > 0) {
      const length = this.#length + used;
      if (length > this.#bytes.byteLength) {
        const room = Math.max(length, Math.min(this.#need, Math.max(LEAST_ROOM, 2 * length)));
        const grown = new Uint8Array(room);
        grown.set(this.bytes);
        this.#bytes = grown;
      }
      this.#bytes.set(piece.subarray(0, used), this.#length);
    }
    this.#length += used;
    return used;
  }
}

/** The samples that a moof tells of, in decode order. `before` of them came with earlier ones. */
function readFragment(r: Reader, moof: Box, maxSamples: number, before: number): Due[] {
  const trafs = r.boxes(moof.from, moof.to).filter(({ type }) => type === "traf");
  const [traf] = trafs;
  if (!traf || trafs.length > 1)
    throw malformed(`${trafs.length} tracks instead of one`, moof.from);
  const tfhd = r.child(traf, "tfhd");
  const tfhdFlags = r.u32(tfhd.from) & 0xffffff;
  let at = tfhd.from + 8;
  const next = (bit: number, size = 4) => {
    if ((tfhdFlags & bit) === 0) return undefined;
    at += size;
    return size === 8 ? r.u64(at - 8) : r.u32(at - 4);
  };
  const base = next(1, 8) ?? moof.start;
  next(2);
  const defaultDuration = next(8);
  const defaultSize = next(16);
  const defaultFlags = next(32) ?? 0;
  const tfdt = r.child(traf, "tfdt");
  let time = r.u8(tfdt.from) === 1 ? r.u64(tfdt.from + 4) : r.u32(tfdt.from + 4);
  let place = base;
  const due: Due[] = [];
  for (const trun of r.boxes(traf.from, traf.to).filter(({ type }) => type === "trun")) {
    const version = r.u8(trun.from);
    const flags = r.u32(trun.from) & 0xffffff;
    const count = r.u32(trun.from + 4);
    const total = before + due.length + count;
    if (total > maxSamples) throw tooLarge("number of samples", total, maxSamples);
    let row = trun.from + 8;
    if (flags & 1) {
      place = base + r.i32(row);
      row += 4;
    }
    let firstFlags: number | undefined;
    if (flags & 4) {
      firstFlags = r.u32(row);
      row += 4;
    }
    const field = (bit: number): number | undefined => {
      if ((flags & bit) === 0) return undefined;
      row += 4;
      return r.u32(row - 4);
    };
    for (let i = 0; i < count; i++) {
      const duration = field(0x100) ?? defaultDuration ?? 0;
      const size = field(0x200) ?? defaultSize ?? 0;
      const own = field(0x400);
      const sampleFlags = own ?? (i === 0 ? firstFlags : undefined) ?? defaultFlags;
      const rawOffset = field(0x800) ?? 0;
      const offset = version === 0 ? rawOffset : rawOffset | 0;
      due.push({
        from: place,
        to: place + size,
        time: time + offset,
        duration,
        key: (sampleFlags & 0x10000) === 0,
      });
      place += size;
      time += duration;
    }
    if (row > trun.to) throw malformed("a trun that overflows", trun.from);
  }
  return withShownDurations(due);
}

/** A reordered sample's duration in trun is to the next in decode order; what players show is to the next in time. */
function withShownDurations<S extends { readonly time: number; readonly duration: number }>(
  samples: readonly S[],
): S[] {
  if (!samples.some(({ time }, i) => i > 0 && time < (samples[i - 1] as S).time))
    return [...samples];
  const end = (samples[0] as S).time + samples.reduce((sum, { duration }) => sum + duration, 0);
  const times = samples.map(({ time }) => time).sort((a, b) => a - b);
  const next = new Map(times.map((time, i) => [time, times[i + 1] ?? Math.max(end, time)]));
  return samples.map((sample) => ({
    ...sample,
    duration: (next.get(sample.time) as number) - sample.time,
  }));
}
