import type { EncodedPacket, InputVideoTrack, Rotation } from "mediabunny";
import { EncodedPacketSink, MatroskaInputFormat, MpegTsInputFormat } from "mediabunny";
import { annexBUnits, avcLengthSize, isIdr, isShownPacket, lengthUnits } from "../bitstream.ts";
import { MAX_PIXELS } from "../bounds.ts";
import { bytesOf, completeColour } from "../codecs.ts";
import { MediaError } from "../errors.ts";
import type { Colour } from "../mp4/track.ts";
import { firstFrame } from "./decode.ts";
import { corrupt, undecodable } from "./errors.ts";
import { measureRate, perSecond, type Rate } from "./rate.ts";

/** Packets that rate, bitrate and key frames are measured on: ten seconds at 60 per second. */
const MEASURED_PACKETS = 600;
/** Bytes after which fewer packets must do. */
const MEASURED_BYTES = 64 * 1024 * 1024;
/** Frames may be shown this many places from where they were coded (H.264 allows 16): the last ones measured may lack some. */
const REORDER = 16;
/** Packets that are looked through for a key frame to begin with: five seconds at 60 per second. */
const SEARCHED_PACKETS = 300;

/** A file's picture: what it is, and from where on it is read. Times in seconds of the file. */
export interface FileVideo {
  readonly track: InputVideoTrack;
  readonly codec: string;
  /** Complete in its colour and shape. */
  readonly config: VideoDecoderConfig & { readonly colorSpace: Colour };
  /** The first key packet, with which decoding begins. */
  readonly start: EncodedPacket;
  /** Time of the first frame that is shown; all of ours count from there. */
  readonly base: number;
  /** Time of the last frame, and when it ends. */
  readonly last: number;
  readonly end: number;
  readonly rate: Rate;
  /** True if the measured frames lie on the rate's grid already, one in each slot. */
  readonly constant: boolean;
  /** Longest time between true key frames among the measured packets, or from the last of them on. */
  readonly gop: number;
  /** Bits per second of the measured packets. */
  readonly bitrate: number;
  /** Upright, in square pixels, even. */
  readonly width: number;
  readonly height: number;
  /** True if the coded picture is that already, pixel for pixel. */
  readonly plain: boolean;
  readonly rotation: Rotation;
  readonly flip: boolean;
}

const even = (side: number) => Math.max(16, side - (side % 2));

/** What a file's video track is. Throws MEDIA_CODEC, MEDIA_TOO_LARGE, MEDIA_HDR, MEDIA_NO_DURATION or MEDIA_CORRUPT. */
export async function lookAt(track: InputVideoTrack, name: string): Promise<FileVideo> {
  const codec = await track.getCodec();
  const known = codec ? await track.getDecoderConfig() : null;
  if (!codec || !known || !(await track.canDecode())) throw await undecodable(track);
  refuseLarge(name, await track.getDisplayWidth(), await track.getDisplayHeight());
  const colorSpace = completeColour(known.colorSpace, known.codedHeight ?? 0);
  refuseHdr(name, colorSpace.transfer);
  const config = { ...known, colorSpace };

  const start = await firstKey(track, config);
  const measured = await measure(track, config, start);
  const [base] = measured.times;
  if (base === undefined || measured.shown === 0)
    throw new MediaError({ code: "MEDIA_NO_DURATION" }, `${name} has no frames to show`);
  const found = Math.max(await track.computeDuration(), measured.times.at(-1) as number);
  const last = await lastTime(track, base, found);
  const resolution = ticksPerSecond(await track.getTimeResolution());
  const { rate, constant } = measureRate(measured.times, resolution, found - base);
  // MPEG-TS has no durations; mediabunny guesses them, badly beside a missing frame. Matroska often lacks the last one.
  const guessed = found <= last || (await track.input.getFormat()) instanceof MpegTsInputFormat;
  const end = guessed ? last + 1 / perSecond(rate) : found;

  const rotation = await track.getRotation();
  const shape = await shapeOf(track, await firstFrame(start, config));
  const sideways = rotation === 90 || rotation === 270;
  const [width, height] = sideways ? [shape.height, shape.width] : [shape.width, shape.height];
  refuseLarge(name, width, height);
  return {
    track,
    codec,
    config,
    start,
    base,
    last,
    end,
    rate,
    constant,
    gop: measured.gop,
    bitrate: bitrateOf(measured, perSecond(rate)),
    width: even(width),
    height: even(height),
    plain: shape.plain && even(width) === width && even(height) === height,
    rotation,
    flip: await track.getFlip(),
  };
}

function refuseLarge(name: string, width: number, height: number): void {
  if (width * height > MAX_PIXELS)
    throw new MediaError(
      { code: "MEDIA_TOO_LARGE", what: "picture", value: width * height, limit: MAX_PIXELS },
      `${name} is ${width}x${height}; the largest picture is 3840x2160`,
    );
}

/** Eight bits of an HDR curve would look pale or dark on every screen, and band. */
function refuseHdr(name: string, transfer: string): void {
  if (transfer !== "pq" && transfer !== "hlg") return;
  throw new MediaError(
    { code: "MEDIA_HDR", transfer },
    `${name} is high dynamic range video (${transfer.toUpperCase()}), which would come out with wrong colours; export it as standard range (bt709) first`,
  );
}

/** A whole number of ticks per second that fits 32 bits: the container's own, or microseconds. */
const ticksPerSecond = (resolution: number) =>
  Number.isInteger(resolution) && resolution >= 1 && resolution <= 10_000_000
    ? resolution
    : 1_000_000;

/** True if the packet is a key frame by its own bits where they tell, else by the container's word. */
async function isKey(track: InputVideoTrack, packet: EncodedPacket): Promise<boolean> {
  return ((await track.determinePacketType(packet)) ?? packet.type) === "key";
}

/** The first packet that a decoder can begin with. Containers may label none, or all; a recording may begin anywhere. */
async function firstKey(
  track: InputVideoTrack,
  { codec }: VideoDecoderConfig,
): Promise<EncodedPacket> {
  let searched = 0;
  for await (const packet of new EncodedPacketSink(track).packets()) {
    if (await isKey(track, packet)) return packet;
    if (++searched === SEARCHED_PACKETS) break;
  }
  if (searched === 0) throw corrupt(0, "it holds no pictures");
  throw new MediaError(
    { code: "MEDIA_NO_KEY", codec, packets: searched },
    `none of the first ${searched} pictures is a key frame that this browser can begin with`,
  );
}

/**
 * The packets from `start` on, in the order in which they are decoded. Reads from the file's beginning: mediabunny 1.61
 * loses the second packet of an MPEG-TS and gives another twice if it is asked to go on from one.
 */
export async function* packetsFrom(
  track: InputVideoTrack,
  start: EncodedPacket,
): AsyncGenerator<EncodedPacket, void, void> {
  for await (const packet of new EncodedPacketSink(track).packets())
    if (packet.sequenceNumber >= start.sequenceNumber) yield packet;
}

interface Measurements {
  /** When frames are shown, ascending, from the first at or after zero on. */
  readonly times: readonly number[];
  readonly shown: number;
  readonly gop: number;
  readonly bytes: number;
}

async function measure(
  track: InputVideoTrack,
  config: VideoDecoderConfig,
  start: EncodedPacket,
): Promise<Measurements> {
  const times: number[] = [];
  const keys: number[] = [];
  let [packets, bytes, ended] = [0, 0, true];
  for await (const packet of packetsFrom(track, start)) {
    if (packets++ === MEASURED_PACKETS || bytes > MEASURED_BYTES) {
      ended = false;
      break;
    }
    bytes += packet.data.byteLength;
    if (isShownPacket(config.codec, packet.data) && packet.timestamp >= start.timestamp)
      times.push(packet.timestamp);
    if (isTrueKey(config, packet)) keys.push(packet.timestamp);
  }
  times.sort((a, b) => a - b);
  const seen = times.at(-1) ?? 0;
  if (!ended && times.length > 2 * REORDER) times.length -= REORDER;
  const borders = [...keys, seen];
  const gop = borders
    .slice(1)
    .reduce((most, at, i) => Math.max(most, at - (borders[i] as number)), 0);
  // What lies before zero an edit list has cut away: decoded, but not shown.
  const first = times.findIndex((time) => time >= 0);
  return {
    times: first > 0 ? times.slice(first) : times,
    shown: times.length,
    gop: keys.length === 0 ? Number.POSITIVE_INFINITY : gop,
    bytes,
  };
}

const isTrueKey = ({ codec, description }: VideoDecoderConfig, { data }: EncodedPacket) =>
  codec.startsWith("avc") &&
  isIdr(description ? lengthUnits(data, avcLengthSize(bytesOf(description))) : annexBUnits(data));

const bitrateOf = ({ shown, bytes }: Measurements, frameRate: number) =>
  (8 * bytes * frameRate) / shown;

/** The picture's size in square pixels before it is turned: what the container says, else what the bitstream does. */
async function shapeOf(track: InputVideoTrack, frame: VideoFrame) {
  const { num, den } = await track.getPixelAspectRatio();
  const { displayWidth, displayHeight, visibleRect } = frame;
  frame.close();
  const coded = {
    width: visibleRect?.width ?? displayWidth,
    height: visibleRect?.height ?? displayHeight,
  };
  if (num === den) {
    const plain = displayWidth === coded.width && displayHeight === coded.height;
    return { width: displayWidth, height: displayHeight, plain };
  }
  return num > den
    ? { width: Math.round((coded.width * num) / den), height: coded.height, plain: false }
    : { width: coded.width, height: Math.round((coded.height * den) / num), plain: false };
}

/**
 * The time of the last frame. Throws MEDIA_CORRUPT with the time at which the file stops, if its own index or header
 * promises more: mediabunny ends quietly where bytes are missing.
 */
async function lastTime(track: InputVideoTrack, base: number, end: number): Promise<number> {
  const sink = new EncodedPacketSink(track);
  const last = await sink.getPacket(end);
  if (!last) {
    let [there, missing] = [base, end];
    for (let i = 0; i < 24 && missing - there > 0.001; i++) {
      const middle = (there + missing) / 2;
      if (await sink.getPacket(middle)) there = middle;
      else missing = middle;
    }
    const whole = (end - base).toFixed(3);
    throw corrupt(there - base, `it should last ${whole} s and its bytes end before that`);
  }
  // WebM and MKV have no index of all packets, but usually a duration.
  if ((await track.input.getFormat()) instanceof MatroskaInputFormat) {
    const declared = await track.input.getDurationFromMetadata();
    const found = await track.input.computeDuration();
    if (declared !== null && declared > found + Math.max(1, 0.02 * found))
      throw corrupt(found - base, `its header declares ${declared.toFixed(3)} s`);
  }
  return last.timestamp;
}
