import type { CodecName } from "./types.ts";

/** H.264 NAL unit types we look at (ITU-T H.264 table 7-1). */
const SLICE = 1;
const IDR = 5;
const SPS = 7;
const PPS = 8;
const DELIMITER = 9;

/** The NAL units of a packet with start codes (Annex B), without the codes. */
export function annexBUnits(data: Uint8Array): Uint8Array[] {
  const units: Uint8Array[] = [];
  let from = -1;
  for (let at = data.indexOf(1, 2); at !== -1; at = data.indexOf(1, at + 1)) {
    if (data[at - 1] !== 0 || data[at - 2] !== 0) continue;
    if (from !== -1) units.push(data.subarray(from, trimmed(data, from, at - 2)));
    from = at + 1;
  }
  if (from !== -1 && from < data.length) units.push(data.subarray(from));
  return units.filter(({ length }) => length > 0);
}

/** The unit's end without the zero bytes that belong to the next start code. */
function trimmed(data: Uint8Array, from: number, to: number): number {
  let end = to;
  while (end > from && data[end - 1] === 0) end--;
  return end;
}

/** The NAL units of a packet with length prefixes of `lengthSize` bytes; stops at the first that does not fit. */
export function* lengthUnits(data: Uint8Array, lengthSize: number): Generator<Uint8Array> {
  for (let at = 0; at + lengthSize < data.length; ) {
    let size = 0;
    for (let i = 0; i < lengthSize; i++) size = size * 256 + (data[at + i] as number);
    at += lengthSize;
    if (size === 0 || at + size > data.length) return;
    yield data.subarray(at, at + size);
    at += size;
  }
}

/** True if a packet's length-prefixed units fill it exactly, as they do unless it is damaged. */
export function unitsFit(data: Uint8Array, lengthSize: number): boolean {
  let filled = 0;
  for (const unit of lengthUnits(data, lengthSize)) filled += lengthSize + unit.length;
  return filled === data.length && filled > 0;
}

/** Size of the length prefix that an avcC declares. */
export const avcLengthSize = (avcC: Uint8Array) => ((avcC[4] ?? 3) & 3) + 1;

const unitType = (unit: Uint8Array) => (unit[0] as number) & 31;

/** True if the first coded slice among the units belongs to an IDR picture: nothing after it looks back past it. */
export function isIdr(units: Iterable<Uint8Array>): boolean {
  for (const unit of units) {
    const type = unitType(unit);
    if (type === IDR) return true;
    if (type >= SLICE && type < IDR) return false;
  }
  return false;
}

/** An Annex B packet as length-prefixed units, its parameter sets and delimiters left out. */
export function toLengthPrefixed(units: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const kept = units.filter((unit) => ![SPS, PPS, DELIMITER].includes(unitType(unit)));
  const bytes = new Uint8Array(kept.reduce((sum, { length }) => sum + 4 + length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const unit of kept) {
    view.setUint32(at, unit.length);
    bytes.set(unit, at + 4);
    at += 4 + unit.length;
  }
  return bytes;
}

/** An avcC of the parameter sets among the units, or undefined if there are none. ISO/IEC 14496-15 5.3.3.1. */
export function avcConfiguration(
  units: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> | undefined {
  const sps = units.filter((unit) => unitType(unit) === SPS);
  const pps = units.filter((unit) => unitType(unit) === PPS);
  const first = sps[0];
  if (!first || first.length < 4 || pps.length === 0) return undefined;
  const sized = (unit: Uint8Array) => [unit.length >> 8, unit.length & 255, ...unit];
  // Profiles above main end in chroma format and bit depths; 4:2:0 with 8 bits is all that this path lets through.
  const high = [100, 110, 122, 144].includes(first[1] as number) ? [0xfd, 0xf8, 0xf8, 0] : [];
  return Uint8Array.from([
    1,
    ...first.subarray(1, 4),
    0xff,
    0xe0 | sps.length,
    ...sps.flatMap(sized),
    pps.length,
    ...pps.flatMap(sized),
    ...high,
  ]);
}

/**
 * True if a packet holds a picture that is shown. VP8 and VP9 may hide one that only others refer to; `codec` is an
 * RFC 6381 string. RFC 6386 section 9.1; VP9 bitstream 6.2 and annex B.
 */
export function isShownPacket(codec: string, data: Uint8Array): boolean {
  const first = data[0] ?? 0;
  if (codec.startsWith("vp8")) return (first & 0x10) !== 0;
  if (!codec.startsWith("vp09")) return true;
  // The last picture of a superframe is the one that is shown.
  if (((data.at(-1) ?? 0) & 0xe0) === 0xc0) return true;
  const reserved = ((first >> 4) & 3) === 3 ? 1 : 0;
  const showExisting = (first >> (3 - reserved)) & 1;
  return showExisting === 1 || ((first >> (1 - reserved)) & 1) === 1;
}

/** The sequence parameter sets among the units. */
export const parameterSets = (units: Iterable<Uint8Array>): Uint8Array[] =>
  [...units].filter((unit) => unitType(unit) === SPS);

/** True if a packet really is a key frame, by its own bits. `description` is the avcC for H.264. */
export function isKeyPacket(codec: CodecName, data: Uint8Array, description?: Uint8Array): boolean {
  if (codec === "avc")
    return isIdr(lengthUnits(data, avcLengthSize(description ?? new Uint8Array())));
  if (codec === "vp9") return isVp9Key(data);
  return isAv1Key(data);
}

/** VP9 bitstream 6.2: frame marker 2 bits, profile 2, reserved 1 in profile 3, show_existing_frame, frame_type. */
function isVp9Key(data: Uint8Array): boolean {
  const first = data[0] ?? 0;
  if (first >> 6 !== 2) return false;
  const reserved = ((first >> 4) & 3) === 3 ? 1 : 0;
  const showExisting = (first >> (3 - reserved)) & 1;
  const interFrame = (first >> (2 - reserved)) & 1;
  return showExisting === 0 && interFrame === 0;
}

/** AV1 5.3 and 5.9: the first frame or frame header unit must be a shown key frame. */
function isAv1Key(data: Uint8Array): boolean {
  for (let at = 0; at < data.length; ) {
    const header = data[at++] as number;
    const type = (header >> 3) & 15;
    if (header & 4) at++;
    let size = data.length - at;
    if (header & 2) {
      size = 0;
      for (let i = 0; i < 8; i++) {
        const byte = data[at++];
        if (byte === undefined) return false;
        size += (byte & 127) * 2 ** (7 * i);
        if (byte < 128) break;
      }
    }
    // show_existing_frame, then frame_type in two bits: 0 is a key frame.
    if (type === 3 || type === 6) return ((data[at] ?? 0xff) & 0xe0) === 0;
    at += size;
  }
  return false;
}
