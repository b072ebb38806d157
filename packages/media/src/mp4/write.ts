import {
  type AudioTrack,
  MATRICES,
  PRIMARIES,
  type Sample,
  TRANSFERS,
  type Track,
  type VideoTrack,
} from "./track.ts";

type Part = Uint8Array | readonly number[];

const u16 = (value: number): readonly number[] => [(value >>> 8) & 255, value & 255];
const u32 = (value: number): readonly number[] => [
  (value >>> 24) & 255,
  (value >>> 16) & 255,
  (value >>> 8) & 255,
  value & 255,
];
const u64 = (value: number): readonly number[] => [
  ...u32(Math.floor(value / 2 ** 32)),
  ...u32(value >>> 0),
];
const text = (value: string): readonly number[] => [...value].map((char) => char.charCodeAt(0));
const zeros = (count: number): readonly number[] => new Array<number>(count).fill(0);

function box(type: string, ...parts: readonly Part[]): Uint8Array<ArrayBuffer> {
  const size = parts.reduce((sum, part) => sum + part.length, 8);
  const bytes = new Uint8Array(size);
  bytes.set(u32(size), 0);
  bytes.set(text(type), 4);
  let at = 8;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

const full = (type: string, version: number, flags: number, ...parts: readonly Part[]) =>
  box(type, [version], u32(flags).slice(1), ...parts);

const MATRIX = [0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000].flatMap(u32);

function vpcC({ codecs, colour }: VideoTrack): Uint8Array {
  const [, profile = "0", level = "10", depth = "8", chroma = "1"] = codecs.split(".");
  return full("vpcC", 1, 0, [
    Number(profile),
    Number(level),
    (Number(depth) << 4) | (Number(chroma) << 1) | (colour?.fullRange ? 1 : 0),
    PRIMARIES[colour?.primaries ?? ""] ?? 2,
    TRANSFERS[colour?.transfer ?? ""] ?? 2,
    MATRICES[colour?.matrix ?? ""] ?? 2,
    0,
    0,
  ]);
}

/** The four fixed bytes of av1C from a codec string, for encoders that give no description. AV1-ISOBMFF 2.3.3. */
function av1C(codecs: string): Uint8Array {
  const [, profile = "0", level = "04M", depth = "08"] = codecs.split(".");
  const high = depth === "08" ? 0 : 1;
  return Uint8Array.of(
    0x81,
    (Number(profile) << 5) | Number.parseInt(level, 10),
    ((level.endsWith("H") ? 1 : 0) << 7) | (high << 6) | (1 << 3) | (1 << 2),
    0,
  );
}

function videoEntry(track: VideoTrack): Uint8Array {
  const configuration =
    track.codec === "vp9"
      ? vpcC(track)
      : track.codec === "avc"
        ? box("avcC", track.description ?? [])
        : box("av1C", track.description ?? av1C(track.codecs));
  const { colour } = track;
  const colr = colour
    ? box(
        "colr",
        text("nclx"),
        u16(PRIMARIES[colour.primaries] ?? 2),
        u16(TRANSFERS[colour.transfer] ?? 2),
        u16(MATRICES[colour.matrix] ?? 2),
        [colour.fullRange ? 0x80 : 0],
      )
    : [];
  return box(
    track.codec === "avc" ? "avc1" : track.codec === "vp9" ? "vp09" : "av01",
    zeros(6),
    u16(1),
    zeros(16),
    u16(track.width),
    u16(track.height),
    u32(0x480000),
    u32(0x480000),
    zeros(4),
    u16(1),
    zeros(32),
    u16(24),
    u16(0xffff),
    configuration,
    colr,
    box("pasp", u32(1), u32(1)),
  );
}

/** An MPEG-4 descriptor. All of ours are shorter than 128 bytes, so one size byte does. */
const descriptor = (tag: number, ...parts: readonly Part[]): readonly number[] => {
  const body = parts.flatMap((part) => [...part]);
  return [tag, body.length, ...body];
};

function audioEntry(track: AudioTrack): Uint8Array {
  const configuration =
    track.codec === "opus"
      ? dOps(track.description)
      : full(
          "esds",
          0,
          0,
          descriptor(
            3,
            u16(1),
            [0],
            descriptor(4, [0x40, 0x15], zeros(3), u32(0), u32(0), descriptor(5, track.description)),
            descriptor(6, [2]),
          ),
        );
  return box(
    track.codec === "opus" ? "Opus" : "mp4a",
    zeros(6),
    u16(1),
    zeros(8),
    u16(track.channels),
    u16(16),
    zeros(4),
    u32(track.sampleRate < 65_536 ? track.sampleRate * 65_536 : 0),
    configuration,
  );
}

/** OpusHead (RFC 7845, little-endian, after its 8 magic bytes) as dOps (big-endian). */
function dOps(head: Uint8Array): Uint8Array {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  return box(
    "dOps",
    [0, view.getUint8(9)],
    u16(view.getUint16(10, true)),
    u32(view.getUint32(12, true)),
    u16(view.getUint16(16, true)),
    head.subarray(18),
  );
}

/**
 * The init segment (ftyp moov) of a file with this one track. The same track gives the same bytes at any time and on
 * any machine: creation times are zero, and there is no edit list, since segments carry absolute times.
 */
export function writeInit(track: Track): Uint8Array<ArrayBuffer> {
  const video = track.kind === "video";
  const size = video ? [...u32(track.width * 65_536), ...u32(track.height * 65_536)] : zeros(8);
  const ftyp = box("ftyp", text("iso6"), u32(512), text("iso6cmfcmp41"));
  const moov = box(
    "moov",
    full("mvhd", 0, 0, zeros(8), u32(1000), u32(0), u32(0x10000), u16(0x100), zeros(10), MATRIX, [
      ...zeros(24),
      ...u32(2),
    ]),
    box(
      "trak",
      full(
        "tkhd",
        0,
        3,
        zeros(8),
        u32(1),
        zeros(8),
        zeros(8),
        zeros(4),
        u16(video ? 0 : 0x100),
        zeros(2),
        MATRIX,
        size,
      ),
      box(
        "mdia",
        full("mdhd", 0, 0, zeros(8), u32(track.timescale), u32(0), u16(0x55c4), zeros(2)),
        full(
          "hdlr",
          0,
          0,
          zeros(4),
          text(video ? "vide" : "soun"),
          zeros(12),
          text(video ? "video" : "audio"),
          [0],
        ),
        box(
          "minf",
          video ? full("vmhd", 0, 1, zeros(8)) : full("smhd", 0, 0, zeros(4)),
          box("dinf", full("dref", 0, 0, u32(1), full("url ", 0, 1))),
          box(
            "stbl",
            full("stsd", 0, 0, u32(1), video ? videoEntry(track) : audioEntry(track)),
            full("stts", 0, 0, u32(0)),
            full("stsc", 0, 0, u32(0)),
            full("stsz", 0, 0, u32(0), u32(0)),
            full("stco", 0, 0, u32(0)),
          ),
        ),
      ),
    ),
    box("mvex", full("trex", 0, 0, u32(1), u32(1), u32(0), u32(0), u32(0))),
  );
  const bytes = new Uint8Array(ftyp.length + moov.length);
  bytes.set(ftyp);
  bytes.set(moov, ftyp.length);
  return bytes;
}

const KEY = 0x02000000; // depends on no other sample
const DELTA = 0x01010000; // depends on others, and is no sync sample

/**
 * One media segment (styp sidx moof mdat) of samples in decode order, in a single allocation. Decode times are the
 * presentation times in ascending order, so the segment begins at its first frame's own time also when frames are
 * reordered; composition offsets are then signed. `sequence` goes into mfhd.
 */
export function writeMedia(
  track: Track,
  samples: readonly Sample[],
  sequence: number,
): Uint8Array<ArrayBuffer> {
  return write(track, samples, sequence, { styp: true, sidx: true });
}

/**
 * The next part of a media segment that is written while it is made (chunked CMAF): `moof mdat`, with a `styp` before the
 * first. The chunks of a segment in a row are that segment; there is no sidx, since its length is not known in time.
 * Frames may be reordered within a chunk, not across its border. `sequence` goes into mfhd.
 */
export function writeChunk(
  track: Track,
  samples: readonly Sample[],
  sequence: number,
  place: "first" | "later",
): Uint8Array<ArrayBuffer> {
  return write(track, samples, sequence, { styp: place === "first", sidx: false });
}

/** A moof and its mdat, after what is to stand before them. */
function write(
  track: Track,
  samples: readonly Sample[],
  sequence: number,
  before: { readonly styp: boolean; readonly sidx: boolean },
): Uint8Array<ArrayBuffer> {
  const times = samples.map(({ time }) => time).sort((a, b) => a - b);
  const start = times[0] ?? 0;
  const end = samples.reduce((most, { time, duration }) => Math.max(most, time + duration), start);
  const reordered = samples.some(({ time }, i) => time !== times[i]);
  const keys = samples.filter(({ key }) => key).length;
  const allKeys = keys === samples.length;
  const perSampleFlags = !allKeys && !(keys === 1 && samples[0]?.key === true);
  const trunFlags = 0x301 | (perSampleFlags ? 0x400 : allKeys ? 0 : 0x4) | (reordered ? 0x800 : 0);
  const perSample = 8 + (perSampleFlags ? 4 : 0) + (reordered ? 4 : 0);
  const trunSize = 20 + (trunFlags & 4 ? 4 : 0) + samples.length * perSample;

  const styp = before.styp
    ? box("styp", text("msdh"), u32(0), text(before.sidx ? "msdhmsixcmfc" : "msdhcmfc"))
    : [];
  const mfhd = full("mfhd", 0, 0, u32(sequence));
  const tfhd = full("tfhd", 0, 0x20020, u32(1), u32(allKeys ? KEY : DELTA));
  const tfdt = full("tfdt", 1, 0, u64(start));
  const trafSize = 8 + tfhd.length + tfdt.length + trunSize;
  const moofSize = 8 + mfhd.length + trafSize;
  const mdatSize = samples.reduce((sum, { data }) => sum + data.byteLength, 8);
  const sidx = before.sidx
    ? full(
        "sidx",
        1,
        0,
        u32(1),
        u32(track.timescale),
        u64(start),
        u64(0),
        u16(0),
        u16(1),
        u32(moofSize + mdatSize),
        u32(end - start),
        u32(samples[0]?.key ? 0x90000000 : 0),
      )
    : [];

  const bytes = new Uint8Array(styp.length + sidx.length + moofSize + mdatSize);
  const view = new DataView(bytes.buffer);
  let at = 0;
  const put = (part: Part) => {
    bytes.set(part, at);
    at += part.length;
  };
  const open = (size: number, type: string) => {
    put(u32(size));
    put(text(type));
  };
  put(styp);
  put(sidx);
  open(moofSize, "moof");
  put(mfhd);
  open(trafSize, "traf");
  put(tfhd);
  put(tfdt);
  open(trunSize, "trun");
  put(u32(0x01000000 | trunFlags));
  put(u32(samples.length));
  put(u32(moofSize + 8));
  if (trunFlags & 4) put(u32(KEY));
  samples.forEach((sample, i) => {
    const time = times[i] as number;
    view.setUint32(at, (times[i + 1] ?? end) - time);
    view.setUint32(at + 4, sample.data.byteLength);
    at += 8;
    if (perSampleFlags) {
      view.setUint32(at, sample.key ? KEY : DELTA);
      at += 4;
    }
    if (reordered) {
      view.setInt32(at, sample.time - time);
      at += 4;
    }
  });
  open(mdatSize, "mdat");
  for (const { data } of samples) put(data);
  return bytes;
}
