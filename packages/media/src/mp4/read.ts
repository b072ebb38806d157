import { MediaError, tooLarge } from "../errors.ts";
import { type Box, malformed, Reader } from "./boxes.ts";
import { type Media, SegmentReader } from "./segment.ts";
import { type Colour, MATRICES, PRIMARIES, TRANSFERS, type Track } from "./track.ts";

/** Largest init segment read, in bytes; ours are about 700. */
const MAX_INIT_BYTES = 65_536;

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
    return { ...common, codec: "avc", codecs, description: r.slice(from, to) };
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
      description: r.slice(from, to),
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
    if (dops.to - dops.from < 11) throw malformed("a dOps box too short", dops.from);
    const head = new Uint8Array(8 + dops.to - dops.from);
    const view = new DataView(head.buffer);
    head.set([0x4f, 0x70, 0x75, 0x73, 0x48, 0x65, 0x61, 0x64, 1, r.u8(dops.from + 1)]);
    view.setUint16(10, r.u16(dops.from + 2), true);
    view.setUint32(12, r.u32(dops.from + 4), true);
    view.setUint16(16, r.u16(dops.from + 8), true);
    head.set(r.slice(dops.from + 10, dops.to), 18);
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
    const description = r.slice(specific.from, specific.to);
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
  const moov = r.child(r.whole, "moov");
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

/**
 * Reads a whole media segment at once; its samples are views on `bytes`. Throws MEDIA_MALFORMED or MEDIA_TOO_LARGE;
 * takes time linear in its length.
 */
export function readMedia(bytes: Uint8Array): Media {
  const reader = new SegmentReader();
  reader.push(bytes);
  return reader.end();
}
