import type { Bytes } from "@tabcast/runtime";
import { MediaError } from "../errors.ts";
import { type Colour, MATRICES, PRIMARIES, type Sample, TRANSFERS, type Track } from "./track.ts";

/** Most samples read from one segment: ten seconds at 60 frames per second, or of audio packets of 2.5 ms. */
export const MAX_SAMPLES = 4096;
/** Most boxes read at one level of one segment. */
const MAX_BOXES = 64;
/** Largest init segment read, in bytes; ours are about 700. */
export const MAX_INIT_BYTES = 65_536;

/** A media segment's samples in decode order, with what its headers say. */
export interface Media {
  /** From mfhd. */
  readonly sequence: number;
  readonly samples: readonly Sample[];
  /** Top-level box types in order. */
  readonly boxes: readonly string[];
}

interface Box {
  readonly type: string;
  /** Where its content begins and ends, in bytes from the start of the whole. */
  readonly from: number;
  readonly to: number;
  readonly start: number;
}

const malformed = (what: string, at: number) =>
  new MediaError({ code: "MEDIA_MALFORMED", at }, `malformed segment: ${what} at byte ${at}`);

/** Reads numbers of one byte array; leaving it is an error with the place, never a crash. */
class Reader {
  readonly bytes: Uint8Array;
  readonly view: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  #check(at: number, size: number): void {
    if (at < 0 || at + size > this.view.byteLength) throw malformed("ends too early", at);
  }
  u8(at: number): number {
    this.#check(at, 1);
    return this.view.getUint8(at);
  }
  u16(at: number): number {
    this.#check(at, 2);
    return this.view.getUint16(at);
  }
  u32(at: number): number {
    this.#check(at, 4);
    return this.view.getUint32(at);
  }
  i32(at: number): number {
    this.#check(at, 4);
    return this.view.getInt32(at);
  }
  u64(at: number): number {
    const value = this.u32(at) * 2 ** 32 + this.u32(at + 4);
    if (!Number.isSafeInteger(value)) throw malformed("a 64-bit number out of range", at);
    return value;
  }
  text(at: number, length: number): string {
    this.#check(at, length);
    return String.fromCharCode(...this.bytes.subarray(at, at + length));
  }

  boxes(from: number, to: number): Box[] {
    const found: Box[] = [];
    for (let at = from; at < to; ) {
      if (found.length === MAX_BOXES) throw malformed(`more than ${MAX_BOXES} boxes`, at);
      let size = this.u32(at);
      let header = 8;
      if (size === 1) {
        size = this.u64(at + 8);
        header = 16;
      }
      if (size < header || at + size > to) throw malformed(`a box of ${size} bytes`, at);
      found.push({ type: this.text(at + 4, 4), start: at, from: at + header, to: at + size });
      at += size;
    }
    return found;
  }

  /** The one box of this type inside `parent`. */
  child(parent: { from: number; to: number }, type: string, skip = 0): Box {
    const found = this.boxes(parent.from + skip, parent.to).find((box) => box.type === type);
    if (!found) throw malformed(`no ${type} box`, parent.from);
    return found;
  }
}

const whole = (bytes: Uint8Array) => ({ from: 0, to: bytes.byteLength });
const nameOf = (table: Readonly<Record<string, number>>, value: number) =>
  Object.keys(table).find((name) => table[name] === value);
const hex2 = (value: number) => value.toString(16).padStart(2, "0");
const pad2 = (value: number) => String(value).padStart(2, "0");

function readColour(r: Reader, boxes: readonly Box[]): Colour | undefined {
  const colr = boxes.find(({ type }) => type === "colr");
  if (!colr || r.text(colr.from, 4) !== "nclx") return undefined;
  const primaries = nameOf(PRIMARIES, r.u16(colr.from + 4));
  const transfer = nameOf(TRANSFERS, r.u16(colr.from + 6));
  const matrix = nameOf(MATRICES, r.u16(colr.from + 8));
  if (primaries === undefined || transfer === undefined || matrix === undefined) return undefined;
  return {
    primaries: primaries as VideoColorPrimaries,
    transfer: transfer as VideoTransferCharacteristics,
    matrix: matrix as VideoMatrixCoefficients,
    fullRange: (r.u8(colr.from + 10) & 0x80) !== 0,
  };
}

function readVideo(r: Reader, entry: Box, timescale: number): Track {
  const boxes = r.boxes(entry.from + 78, entry.to);
  const size = { width: r.u16(entry.from + 24), height: r.u16(entry.from + 26) };
  if (size.width === 0 || size.height === 0) throw malformed("a picture of no size", entry.from);
  const colour = readColour(r, boxes);
  const common = { kind: "video", timescale, ...size, ...(colour ? { colour } : {}) } as const;
  const need = (type: string) => {
    const found = boxes.find((box) => box.type === type);
    if (!found) throw malformed(`no ${type} box`, entry.from);
    return found;
  };
  if (entry.type === "avc1" || entry.type === "avc3") {
    const { from, to } = need("avcC");
    const codecs = `${entry.type}.${hex2(r.u8(from + 1))}${hex2(r.u8(from + 2))}${hex2(r.u8(from + 3))}`;
    return { ...common, codec: "avc", codecs, description: r.bytes.slice(from, to) };
  }
  if (entry.type === "vp09") {
    const at = need("vpcC").from + 4;
    const depth = r.u8(at + 2);
    return {
      ...common,
      codec: "vp9",
      codecs: `vp09.${pad2(r.u8(at))}.${pad2(r.u8(at + 1))}.${pad2(depth >> 4)}`,
    };
  }
  if (entry.type === "av01") {
    const { from, to } = need("av1C");
    const level = r.u8(from + 1);
    const bits = r.u8(from + 2);
    const depth = (bits & 0x40) === 0 ? "08" : (bits & 0x20) === 0 ? "10" : "12";
    return {
      ...common,
      codec: "av1",
      codecs: `av01.${level >> 5}.${pad2(level & 31)}${bits & 0x80 ? "H" : "M"}.${depth}`,
      description: r.bytes.slice(from, to),
    };
  }
  throw new MediaError(
    { code: "MEDIA_CODEC", codec: entry.type, track: "video" },
    `video codec ${entry.type} is not one a segment may have (avc1, vp09, av01)`,
  );
}

/** The body of the MPEG-4 descriptor with this tag at `at`, and where the next one begins. */
function readDescriptor(r: Reader, at: number, tag: number) {
  if (r.u8(at) !== tag) throw malformed(`no descriptor ${tag}`, at);
  let size = 0;
  let from = at + 1;
  for (let i = 0; i < 4; i++) {
    const byte = r.u8(from++);
    size = (size << 7) | (byte & 127);
    if (byte < 128) break;
  }
  return { from, to: from + size };
}

function readAudio(r: Reader, entry: Box, timescale: number): Track {
  const boxes = r.boxes(entry.from + 28, entry.to);
  const channels = r.u16(entry.from + 16);
  const sampleRate = r.u16(entry.from + 24);
  const common = { kind: "audio", timescale, channels, sampleRate } as const;
  if (entry.type === "Opus") {
    const dops = boxes.find(({ type }) => type === "dOps");
    if (!dops) throw malformed("no dOps box", entry.from);
    const head = new Uint8Array(8 + dops.to - dops.from);
    const view = new DataView(head.buffer);
    head.set([0x4f, 0x70, 0x75, 0x73, 0x48, 0x65, 0x61, 0x64, 1, r.u8(dops.from + 1)]);
    view.setUint16(10, r.u16(dops.from + 2), true);
    view.setUint32(12, r.u32(dops.from + 4), true);
    view.setUint16(16, r.u16(dops.from + 8), true);
    head.set(r.bytes.subarray(dops.from + 10, dops.to), 18);
    return { ...common, codec: "opus", codecs: "opus", description: head };
  }
  if (entry.type === "mp4a") {
    const esds = boxes.find(({ type }) => type === "esds");
    if (!esds) throw malformed("no esds box", entry.from);
    const es = readDescriptor(r, esds.from + 4, 3);
    const decoder = readDescriptor(r, es.from + 3, 4);
    const specific = readDescriptor(r, decoder.from + 13, 5);
    if (specific.to > esds.to || specific.to - specific.from < 2)
      throw malformed("an AudioSpecificConfig that does not fit", specific.from);
    const description = r.bytes.slice(specific.from, specific.to);
    return { ...common, codec: "aac", codecs: aacCodecs(description), description };
  }
  throw new MediaError(
    { code: "MEDIA_CODEC", codec: entry.type, track: "audio" },
    `audio codec ${entry.type} is not one a segment may have (mp4a, Opus)`,
  );
}

/** RFC 6381 name of an AudioSpecificConfig of at least two bytes. */
export function aacCodecs(config: Uint8Array): string {
  const [first = 0, second = 0] = config;
  const type = first >> 3;
  return `mp4a.40.${type === 31 ? 32 + (((first & 7) << 3) | (second >> 5)) : type}`;
}

/** The one track of an init segment. Throws MEDIA_MALFORMED, MEDIA_CODEC or MEDIA_TOO_LARGE. */
export function readInit(bytes: Uint8Array): Track {
  if (bytes.byteLength > MAX_INIT_BYTES)
    throw tooLarge("init segment", bytes.byteLength, MAX_INIT_BYTES);
  const r = new Reader(bytes);
  const moov = r.child(whole(bytes), "moov");
  const traks = r.boxes(moov.from, moov.to).filter(({ type }) => type === "trak");
  const [trak] = traks;
  if (!trak || traks.length > 1)
    throw malformed(`${traks.length} tracks instead of one`, moov.from);
  const mdia = r.child(trak, "mdia");
  const mdhd = r.child(mdia, "mdhd");
  const timescale = r.u32(mdhd.from + (r.u8(mdhd.from) === 1 ? 20 : 12));
  if (timescale === 0) throw malformed("a timescale of zero", mdhd.from);
  const stsd = r.child(r.child(r.child(mdia, "minf"), "stbl"), "stsd");
  const entry = r.boxes(stsd.from + 8, stsd.to)[0];
  if (!entry) throw malformed("no sample entry", stsd.from);
  return r.text(r.child(mdia, "hdlr").from + 8, 4) === "soun"
    ? readAudio(r, entry, timescale)
    : readVideo(r, entry, timescale);
}

const tooLarge = (what: string, value: number, limit: number) =>
  new MediaError(
    { code: "MEDIA_TOO_LARGE", what, value: value as Bytes, limit },
    `${what} is too large: ${value}, at most ${limit}`,
  );

function readFragment(r: Reader, moof: Box, samples: Sample[], mdats: readonly Box[]): void {
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
  for (const trun of r.boxes(traf.from, traf.to).filter(({ type }) => type === "trun")) {
    const version = r.u8(trun.from);
    const flags = r.u32(trun.from) & 0xffffff;
    const count = r.u32(trun.from + 4);
    if (samples.length + count > MAX_SAMPLES)
      throw tooLarge("number of samples", samples.length + count, MAX_SAMPLES);
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
      if (!mdats.some(({ from, to }) => place >= from && place + size <= to))
        throw malformed(`a sample of ${size} bytes outside mdat`, place);
      samples.push({
        data: r.bytes.subarray(place, place + size),
        time: time + offset,
        duration,
        key: (sampleFlags & 0x10000) === 0,
      });
      place += size;
      time += duration;
    }
    if (row > trun.to) throw malformed("a trun that overflows", trun.from);
  }
}

/**
 * The samples of a media segment, as views on `bytes`, in decode order. Durations are those to the next sample in
 * presentation order. Throws MEDIA_MALFORMED or MEDIA_TOO_LARGE; takes time linear in the number of samples.
 */
export function readMedia(bytes: Uint8Array): Media {
  const r = new Reader(bytes);
  const top = r.boxes(0, bytes.byteLength);
  const mdats = top.filter(({ type }) => type === "mdat");
  const samples: Sample[] = [];
  let sequence: number | undefined;
  for (const moof of top.filter(({ type }) => type === "moof")) {
    sequence ??= r.u32(r.child(moof, "mfhd").from + 4);
    readFragment(r, moof, samples, mdats);
  }
  if (sequence === undefined || samples.length === 0) throw malformed("no samples", 0);
  // Runs may point anywhere in mdat: without this, a few bytes could be read thousands of times.
  const total = samples.reduce((sum, { data }) => sum + data.byteLength, 0);
  if (total > bytes.byteLength) throw malformed(`samples of ${total} bytes in all`, 0);
  return { sequence, samples: withShownDurations(samples), boxes: top.map(({ type }) => type) };
}

/** A reordered sample's duration in trun is to the next in decode order; what players show is to the next in time. */
function withShownDurations(samples: readonly Sample[]): readonly Sample[] {
  if (!samples.some(({ time }, i) => i > 0 && time < (samples[i - 1] as Sample).time))
    return samples;
  const end =
    (samples[0] as Sample).time + samples.reduce((sum, { duration }) => sum + duration, 0);
  const times = samples.map(({ time }) => time).sort((a, b) => a - b);
  const next = new Map(times.map((time, i) => [time, times[i + 1] ?? Math.max(end, time)]));
  return samples.map((sample) => ({
    ...sample,
    duration: (next.get(sample.time) as number) - sample.time,
  }));
}
