import { avcLengthSize, lengthUnits } from "../bitstream.ts";
import { MediaError } from "../errors.ts";
import type { Sample, VideoTrack } from "../mp4/track.ts";

/** A picture's size by the bitstream, in pixels. */
export interface CodedSize {
  readonly width: number;
  readonly height: number;
}

/**
 * Every picture size that a segment's own headers announce, whatever its container says: a decoder allocates by these, so
 * they are looked at before one is opened. H.264 sizes are whole macroblocks. Throws MEDIA_MALFORMED where a header ends early.
 */
export function* codedSizes(track: VideoTrack, samples: readonly Sample[]): Generator<CodedSize> {
  const { codec, description } = track;
  if (codec === "avc") {
    const avcC = description ?? new Uint8Array();
    for (const set of parameterSetsOf(avcC)) yield* avcSize(set);
    for (const { data } of samples)
      for (const unit of lengthUnits(data, avcLengthSize(avcC))) yield* avcSize(unit);
  } else if (codec === "vp9") {
    for (const { data } of samples) for (const frame of vp9Frames(data)) yield* vp9Size(frame);
  } else {
    // After the four fixed bytes of av1C come its units, as in a sample.
    if (description) yield* av1Sizes(description.subarray(4));
    for (const { data } of samples) yield* av1Sizes(data);
  }
}

/** Bits, most significant first. Its end is an error, never a zero. */
class Bits {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  read(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++) {
      const byte = this.#bytes[this.#at >> 3];
      if (byte === undefined)
        throw new MediaError(
          { code: "MEDIA_MALFORMED", at: this.#bytes.length },
          `malformed segment: a header of ${this.#bytes.length} bytes ends too early`,
        );
      value = value * 2 + ((byte >> (7 - (this.#at & 7))) & 1);
      this.#at++;
    }
    return value;
  }

  flag(): boolean {
    return this.read(1) === 1;
  }

  skip(...counts: readonly number[]): void {
    for (const count of counts) this.read(count);
  }

  /** Exp-Golomb, unsigned (ITU-T H.264 9.1); AV1's uvlc is the same. */
  golomb(): number {
    let zeros = 0;
    while (zeros < 32 && !this.flag()) zeros++;
    return 2 ** zeros - 1 + this.read(zeros);
  }
}

/** The sequence parameter sets of an avcC. ISO/IEC 14496-15 5.3.3.1. */
function* parameterSetsOf(avcC: Uint8Array): Generator<Uint8Array> {
  let at = 6;
  for (let left = (avcC[5] ?? 0) & 31; left > 0; left--) {
    const size = (avcC[at] ?? 0) * 256 + (avcC[at + 1] ?? 0);
    yield avcC.subarray(at + 2, at + 2 + size);
    at += 2 + size;
  }
}

const SPS = 7;
/** Profiles whose parameter sets tell of chroma and scaling. ITU-T H.264 7.3.2.1.1. */
const HIGH_PROFILES = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];

function* avcSize(unit: Uint8Array): Generator<CodedSize> {
  if (((unit[0] ?? 0) & 31) !== SPS) return;
  const bits = new Bits(unescaped(unit.subarray(1)));
  const profile = bits.read(8);
  bits.skip(16);
  bits.golomb();
  if (HIGH_PROFILES.includes(profile)) {
    const chroma = bits.golomb();
    if (chroma === 3) bits.skip(1);
    bits.golomb();
    bits.golomb();
    bits.skip(1);
    const lists = bits.flag() ? (chroma === 3 ? 12 : 8) : 0;
    for (let list = 0; list < lists; list++) if (bits.flag()) skipScaling(bits, list < 6 ? 16 : 64);
  }
  bits.golomb();
  const order = bits.golomb();
  if (order === 0) bits.golomb();
  if (order === 1) {
    bits.skip(1);
    bits.golomb();
    bits.golomb();
    // At most 255 by the specification; a lie runs into the end of the header.
    for (let left = bits.golomb(); left > 0; left--) bits.golomb();
  }
  bits.golomb();
  bits.skip(1);
  const width = (bits.golomb() + 1) * 16;
  const units = bits.golomb() + 1;
  yield { width, height: units * (bits.flag() ? 16 : 32) };
}

function skipScaling(bits: Bits, size: number): void {
  let [last, next] = [8, 8];
  for (let i = 0; i < size; i++) {
    if (next !== 0) {
      const code = bits.golomb();
      next = (last + (code % 2 === 1 ? (code + 1) / 2 : -code / 2) + 256) % 256;
    }
    last = next === 0 ? last : next;
  }
}

/** Without the 3 that follows two zeros. ITU-T H.264 7.4.1. */
const unescaped = (bytes: Uint8Array) =>
  bytes.filter((byte, i) => byte !== 3 || i < 2 || bytes[i - 1] !== 0 || bytes[i - 2] !== 0);

/** The frames of a VP9 sample, which may be a superframe: several, listed at the end. VP9 bitstream annex B. */
function* vp9Frames(data: Uint8Array): Generator<Uint8Array> {
  const marker = data.at(-1) ?? 0;
  const [count, bytes] = [(marker & 7) + 1, ((marker >> 3) & 3) + 1];
  const index = data.length - 2 - count * bytes;
  if (marker >> 5 !== 6 || index < 0 || data[index] !== marker) {
    yield data;
    return;
  }
  let from = 0;
  for (let i = 0; i < count; i++) {
    let size = 0;
    for (let b = bytes - 1; b >= 0; b--)
      size = size * 256 + (data[index + 1 + i * bytes + b] as number);
    yield data.subarray(from, Math.min(index, from + size));
    from += size;
  }
}

/** VP9 bitstream 6.2: the size of a key frame, or of an inter frame that does not take one over from its references. */
function* vp9Size(frame: Uint8Array): Generator<CodedSize> {
  if (frame.length === 0) return;
  const bits = new Bits(frame);
  bits.skip(2);
  const profile = bits.read(1) + 2 * bits.read(1);
  if (profile === 3) bits.skip(1);
  if (bits.flag()) return; // shows a frame that is there already
  const inter = bits.flag();
  const shown = bits.flag();
  const resilient = bits.flag();
  if (inter) {
    const intraOnly = shown ? false : bits.flag();
    if (!resilient) bits.skip(2);
    if (intraOnly) {
      bits.skip(24);
      if (profile > 0) skipVp9Colour(bits, profile);
      bits.skip(8);
    } else {
      bits.skip(8, 12);
      for (let reference = 0; reference < 3; reference++) if (bits.flag()) return;
    }
  } else {
    bits.skip(24);
    skipVp9Colour(bits, profile);
  }
  yield { width: bits.read(16) + 1, height: bits.read(16) + 1 };
}

const SRGB = 7;

function skipVp9Colour(bits: Bits, profile: number): void {
  if (profile >= 2) bits.skip(1);
  const chooses = profile === 1 || profile === 3;
  if (bits.read(3) !== SRGB) bits.skip(1, chooses ? 3 : 0);
  else bits.skip(chooses ? 1 : 0);
}

/** The largest size that each AV1 sequence header allows. AV1 5.3 and 5.5. */
function* av1Sizes(data: Uint8Array): Generator<CodedSize> {
  for (let at = 0; at < data.length; ) {
    const header = data[at++] as number;
    if (header & 4) at++;
    let size = data.length - at;
    if (header & 2) {
      size = 0;
      for (let i = 0; i < 8; i++) {
        const byte = data[at++] ?? 0;
        size += (byte & 127) * 2 ** (7 * i);
        if (byte < 128) break;
      }
    }
    if (((header >> 3) & 15) === 1) yield sequenceSize(new Bits(data.subarray(at, at + size)));
    at += size;
  }
}

function sequenceSize(bits: Bits): CodedSize {
  bits.skip(3, 1);
  if (bits.flag()) bits.skip(5);
  else skipOperatingPoints(bits);
  const [widthBits, heightBits] = [bits.read(4) + 1, bits.read(4) + 1];
  return { width: bits.read(widthBits) + 1, height: bits.read(heightBits) + 1 };
}

function skipOperatingPoints(bits: Bits): void {
  let delayBits = 0;
  if (bits.flag()) {
    bits.skip(32, 32);
    if (bits.flag()) bits.golomb();
    if (bits.flag()) {
      delayBits = bits.read(5) + 1;
      bits.skip(32, 5, 5);
    }
  }
  const delays = bits.flag();
  for (let left = bits.read(5) + 1; left > 0; left--) {
    bits.skip(12);
    if (bits.read(5) > 7) bits.skip(1);
    if (delayBits > 0 && bits.flag()) bits.skip(delayBits, delayBits, 1);
    if (delays && bits.flag()) bits.skip(4);
  }
}
