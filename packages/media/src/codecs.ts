import type { Colour } from "./mp4/track.ts";
import type { CodecName } from "./types.ts";

/**
 * H.264 level limits (ITU-T H.264 table A-1): level number times ten, macroblocks per second, per frame, and kbit/s for
 * the main profile. From 1.2 up, which is as small as a rung gets.
 */
const AVC_LEVELS = [
  [12, 6_000, 396, 384],
  [13, 11_880, 396, 768],
  [20, 11_880, 396, 2_000],
  [21, 19_800, 792, 4_000],
  [22, 20_250, 1_620, 4_000],
  [30, 40_500, 1_620, 10_000],
  [31, 108_000, 3_600, 14_000],
  [32, 216_000, 5_120, 20_000],
  [40, 245_760, 8_192, 20_000],
  [41, 245_760, 8_192, 50_000],
  [42, 522_240, 8_704, 50_000],
  [50, 589_824, 22_080, 135_000],
  [51, 983_040, 36_864, 240_000],
  [52, 2_073_600, 36_864, 240_000],
] as const;

/** VP9 levels: number times ten, luma samples per second, luma samples per frame, kbit/s. */
const VP9_LEVELS = [
  [10, 829_440, 36_864, 200],
  [11, 2_764_800, 73_728, 800],
  [20, 4_608_000, 122_880, 1_800],
  [21, 9_216_000, 245_760, 3_600],
  [30, 20_736_000, 552_960, 7_200],
  [31, 36_864_000, 983_040, 12_000],
  [40, 83_558_400, 2_228_224, 18_000],
  [41, 160_432_128, 2_228_224, 30_000],
  [50, 311_951_360, 8_912_896, 60_000],
  [51, 588_251_136, 8_912_896, 120_000],
] as const;

/** AV1 levels (AV1 A.3): seq_level_idx, luma samples per second, per frame, kbit/s in the main tier. */
const AV1_LEVELS = [
  [0, 5_529_600, 147_456, 1_500],
  [1, 10_454_400, 278_784, 3_000],
  [4, 24_969_600, 665_856, 6_000],
  [5, 39_938_400, 1_065_024, 10_000],
  [8, 77_856_768, 2_359_296, 12_000],
  [9, 155_713_536, 2_359_296, 20_000],
  [12, 273_715_200, 8_912_896, 30_000],
  [13, 547_430_400, 8_912_896, 40_000],
] as const;

type Level = readonly [level: number, perSecond: number, perFrame: number, kilobits: number];

function levelFor(table: readonly Level[], perFrame: number, frameRate: number, bitrate: number) {
  const fits = table.find(
    ([, second, frame, kilobits]) =>
      perFrame <= frame && perFrame * frameRate <= second && bitrate <= kilobits * 1000,
  );
  return (fits ?? (table.at(-1) as Level))[0];
}

/** RFC 6381 string to ask an encoder for: the lowest level that a picture of this size, rate and bitrate fits. */
export function codecString(
  codec: CodecName,
  size: { readonly width: number; readonly height: number; readonly bitrate: number },
  frameRate: number,
): string {
  const { width, height, bitrate } = size;
  if (codec === "avc") {
    const blocks = Math.ceil(width / 16) * Math.ceil(height / 16);
    const level = levelFor(AVC_LEVELS, blocks, frameRate, bitrate);
    return `avc1.4d00${level.toString(16).padStart(2, "0")}`;
  }
  if (codec === "vp9")
    return `vp09.00.${levelFor(VP9_LEVELS, width * height, frameRate, bitrate)}.08`;
  const level = levelFor(AV1_LEVELS, width * height, frameRate, bitrate);
  return `av01.0.${String(level).padStart(2, "0")}M.08`;
}

/** The matrix that goes with primaries, and the primaries that go with a matrix. */
const FAMILIES = [
  ["bt709", "bt709"],
  ["bt470bg", "bt470bg"],
  ["smpte170m", "smpte170m"],
  ["bt2020", "bt2020-ncl"],
] as const;

/**
 * A colour tag with no field missing. Chromium's encoders report limited-range smpte170m for a frame whose tag is
 * incomplete and leave its pixels as they are, so a half-tagged full-range source would come out wrong. What is missing
 * follows what is known, since VP9's encoder writes the matrix that goes with the primaries; untagged pictures are bt709
 * from 720 lines on and bt601 below, as players take them.
 */
export function completeColour(
  tag: VideoColorSpaceInit | Colour | undefined,
  height: number,
): Colour {
  const usual = height >= 720 ? "bt709" : "smpte170m";
  const matrix =
    tag?.matrix ?? FAMILIES.find(([primaries]) => primaries === tag?.primaries)?.[1] ?? usual;
  const primaries = tag?.primaries ?? FAMILIES.find((each) => each[1] === matrix)?.[0] ?? "bt709";
  const sd = primaries === "bt470bg" || primaries === "smpte170m";
  return {
    primaries: primaries as VideoColorPrimaries,
    transfer: tag?.transfer ?? (sd ? "smpte170m" : "bt709"),
    matrix: matrix as VideoMatrixCoefficients,
    fullRange: tag?.fullRange ?? false,
  };
}

/** A byte view of whatever buffer WebCodecs hands out. */
export function bytesOf(buffer: AllowSharedBufferSource): Uint8Array<ArrayBuffer> {
  return ArrayBuffer.isView(buffer)
    ? new Uint8Array(buffer.buffer as ArrayBuffer, buffer.byteOffset, buffer.byteLength)
    : new Uint8Array(buffer as ArrayBuffer);
}

/** The bytes of one encoded chunk. */
export function chunkBytes(chunk: EncodedVideoChunk | EncodedAudioChunk): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(chunk.byteLength);
  chunk.copyTo(bytes);
  return bytes;
}
