import type { BitsPerSecond, Bytes, Micros } from "@tabcast/runtime";
import {
  ALL_FORMATS,
  BlobSource,
  type EncodedPacket,
  EncodedPacketSink,
  HLS,
  Input,
  type InputVideoTrack,
  MatroskaInputFormat,
  type Rotation,
} from "mediabunny";
import {
  annexBUnits,
  avcConfiguration,
  avcLengthSize,
  isIdr,
  lengthUnits,
  toLengthPrefixed,
  unitsFit,
} from "./bitstream.ts";
import { bytesOf, codecString, completeColour } from "./codecs.ts";
import { Cutter, type VideoCut } from "./encode.ts";
import { MediaError, messageOf } from "./errors.ts";
import { type FileLane, openAudio } from "./file-audio.ts";
import { corrupt, undecodable } from "./file-errors.ts";
import { readInit } from "./mp4/read.ts";
import type { Sample, VideoTrack } from "./mp4/track.ts";
import { writeInit, writeMedia } from "./mp4/write.ts";
import type { Studio } from "./outlet.ts";
import { MAX_FRAMES, MAX_PIXELS, MAX_SEGMENT_BYTES, microsOf } from "./transcode.ts";
import { turned } from "./turn.ts";
import type { Fragment, SourceInfo } from "./types.ts";

/** Key packets farther apart than this are not cut at, in seconds; the file is encoded again. */
const MAX_GOP = 4;
/** Key packets that are looked into before their container's word is taken for the rest. */
const VERIFIED_KEYS = 64;
/** Packets that the frame rate and bitrate are measured on. */
const STATS_PACKETS = 500;
/** Sound that goes on after the last frame is kept for this long, in seconds. */
const TAIL = 0.1;
/** Frames that may wait in the decoder. */
const QUEUE = 8;

/** An opened file: what it is, and how its segments are made. */
export interface OpenFile {
  readonly info: SourceInfo;
  /** Reads and cuts until the file ends or `stop`. */
  play(studio: Studio): Promise<void>;
  close(): void;
}

interface Video {
  readonly track: InputVideoTrack;
  readonly config: VideoDecoderConfig;
  /** Ticks per second in which all of its times are whole. */
  readonly timescale: number;
  /** Time of its first frame in the file, in seconds; all of ours count from there. */
  readonly base: number;
  readonly end: number;
  readonly frameRate: number;
  readonly bitrate: number;
  /** Upright, square pixels, even. */
  readonly width: number;
  readonly height: number;
  readonly rotation: Rotation;
  readonly flip: boolean;
}

const even = (side: number) => Math.max(16, side - (side % 2));

/**
 * Opens a file for cutting into segments of about `segment` microseconds. Throws MEDIA_EMPTY, MEDIA_UNREADABLE,
 * MEDIA_NOT_MEDIA, MEDIA_NO_VIDEO, MEDIA_CODEC, MEDIA_TOO_LARGE, MEDIA_NO_DURATION or MEDIA_CORRUPT.
 */
export async function openFileHere(blob: Blob, name: string, segment: number): Promise<OpenFile> {
  if (blob.size === 0) throw new MediaError({ code: "MEDIA_EMPTY" }, `${name} is empty`);
  await blob
    .slice(0, 1)
    .arrayBuffer()
    .catch((cause: unknown) => {
      throw new MediaError(
        { code: "MEDIA_UNREADABLE" },
        `${name} cannot be read: ${messageOf(cause)}`,
        { cause },
      );
    });
  const input = new Input({
    // A playlist would make us fetch addresses that a stranger chose.
    formats: ALL_FORMATS.filter((format) => format !== HLS),
    source: new BlobSource(blob),
  });
  try {
    const format = await input.getFormat().catch((cause: unknown) => {
      throw new MediaError(
        { code: "MEDIA_NOT_MEDIA", bytes: blob.size as Bytes },
        `${name} is no media file that can be read (MP4, MOV, WebM, MKV, MPEG-TS)`,
        { cause },
      );
    });
    const track = await input.getPrimaryVideoTrack().catch((cause: unknown) => {
      throw corrupt(0, cause);
    });
    if (!track && (await input.getTracks()).length === 0)
      throw corrupt(0, "it holds no tracks; its index may be missing");
    if (!track) throw new MediaError({ code: "MEDIA_NO_VIDEO" }, `${name} has no video track`);
    const video = await look(track, name);
    await checkWhole(input, video);
    const audio = await input.getPrimaryAudioTrack();
    const lane = audio ? await openAudio(audio, video.base) : undefined;
    const passthrough = await canCut(video, segment / 1e6);
    const bitrate = passthrough ? video.bitrate : again(video);
    const info: SourceInfo = {
      kind: format.name.toLowerCase(),
      codec: passthrough
        ? video.config.codec
        : codecString("avc", { ...video, bitrate }, video.frameRate),
      width: video.width,
      height: video.height,
      frameRate: video.frameRate,
      bitrate: Math.round(bitrate) as BitsPerSecond,
      duration: Math.round((video.end - video.base) * 1e6) as Micros,
      passthrough,
      ...(lane ? { audioCodec: lane.codecs } : {}),
      input: {
        videoCodec: video.config.codec,
        ...(audio ? { audioCodec: (await audio.getCodecParameterString()) ?? "unknown" } : {}),
      },
    };
    return {
      info,
      play: async (studio) => {
        try {
          if (passthrough) await cutPackets(video, lane, segment, studio);
          else await encodeAgain(video, lane, bitrate, segment, studio);
          await studio.outlet.finish();
        } finally {
          lane?.close();
        }
      },
      close: () => {
        lane?.close();
        input.dispose();
      },
    };
  } catch (error) {
    input.dispose();
    throw error instanceof MediaError ? error : corrupt(0, error);
  }
}

async function look(track: InputVideoTrack, name: string): Promise<Video> {
  const config = (await track.getCodec()) ? await track.getDecoderConfig() : null;
  if (!config || !(await track.canDecode())) throw await undecodable(track);
  const [displayWidth, displayHeight] = [
    await track.getDisplayWidth(),
    await track.getDisplayHeight(),
  ];
  if (displayWidth * displayHeight > MAX_PIXELS)
    throw new MediaError(
      {
        code: "MEDIA_TOO_LARGE",
        what: "picture",
        value: displayWidth * displayHeight,
        limit: MAX_PIXELS,
      },
      `${name} is ${displayWidth}x${displayHeight}; the largest picture is 3840x2160`,
    );
  const base = await track.getFirstTimestamp();
  const end = await track.computeDuration();
  const stats = await track.computePacketStats(STATS_PACKETS);
  if (!(end > base) || stats.packetCount === 0)
    throw new MediaError({ code: "MEDIA_NO_DURATION" }, `${name} has no frames to show`);
  return {
    track,
    config: {
      ...config,
      colorSpace: completeColour(config.colorSpace, config.codedHeight ?? displayHeight),
    },
    timescale: timescaleOf(await track.getTimeResolution()),
    base,
    end,
    frameRate: Math.min(240, Math.max(1, stats.averagePacketRate)),
    bitrate: stats.averageBitrate,
    width: even(displayWidth),
    height: even(displayHeight),
    rotation: await track.getRotation(),
    flip: await track.getFlip(),
  };
}

/**
 * Throws MEDIA_CORRUPT with the time at which the file stops, if its own index or header promises more. mediabunny ends
 * quietly where bytes are missing.
 */
async function checkWhole(input: Input, { track, base, end }: Video): Promise<void> {
  const stops = (at: number) =>
    corrupt(at - base, `it should last ${(end - base).toFixed(3)} s and its bytes end before that`);
  const sink = new EncodedPacketSink(track);
  if (!(await sink.getPacket(end))) {
    let [there, missing] = [base, end];
    for (let i = 0; i < 24 && missing - there > 0.001; i++) {
      const middle = (there + missing) / 2;
      if (await sink.getPacket(middle)) there = middle;
      else missing = middle;
    }
    throw stops(there);
  }
  // WebM and MKV have no index of all packets, but usually a duration.
  if ((await input.getFormat()) instanceof MatroskaInputFormat) {
    const declared = await input.getDurationFromMetadata();
    const found = await input.computeDuration();
    if (declared !== null && declared > found + Math.max(1, 0.02 * found))
      throw corrupt(found - base, `its header declares ${declared.toFixed(3)} s`);
  }
}

/** A whole number of ticks per second that fits 32 bits: the container's own, or microseconds. */
const timescaleOf = (resolution: number) =>
  Number.isInteger(resolution) && resolution >= 1 && resolution <= 10_000_000
    ? resolution
    : 1_000_000;

/** Bitrate at which an encoder without B-frames keeps what the input's encoder kept: more than the input's, with a floor. */
function again({ bitrate, width, height, frameRate, config }: Video): number {
  const gain = config.codec.startsWith("avc") ? 1.3 : 2;
  return Math.round(
    Math.min(60_000_000, Math.max(gain * bitrate, 0.12 * width * height * frameRate, 400_000)),
  );
}

/** True if the file's own packets can be segments: upright 8-bit H.264 with true IDR packets close enough together. */
async function canCut(video: Video, segment: number): Promise<boolean> {
  const { track, config, rotation, flip, end } = video;
  if ((await track.getCodec()) !== "avc" || rotation !== 0 || flip) return false;
  const { num, den } = await track.getPixelAspectRatio();
  if (num !== den) return false;
  if (
    (await track.getCodedWidth()) !== video.width ||
    (await track.getCodedHeight()) !== video.height
  )
    return false;
  // Profiles above high are 10-bit or 4:2:2, which few of the viewers' decoders take.
  if (!["42", "4d", "58", "64"].includes(config.codec.slice(5, 7).toLowerCase())) return false;
  const limit = Math.min(MAX_GOP, 2 * segment);
  const worst = limit + segment;
  if ((video.bitrate / 8) * worst > MAX_SEGMENT_BYTES / 2) return false;
  if (video.frameRate * worst > MAX_FRAMES) return false;
  const sink = new EncodedPacketSink(track);
  let last: number | undefined;
  let verified = 0;
  let packet = await sink.getFirstPacket();
  while (packet) {
    if (verified < VERIFIED_KEYS) {
      const idr = isIdr(unitsOf(packet, config));
      if (last === undefined && !idr) return false;
      if (idr) {
        if (last !== undefined && packet.timestamp - last > limit) return false;
        last = packet.timestamp;
      }
      packet = await sink.getNextKeyPacket(packet, {
        metadataOnly: ++verified >= VERIFIED_KEYS,
      });
    } else {
      if (packet.timestamp - (last as number) > limit) return false;
      last = packet.timestamp;
      packet = await sink.getNextKeyPacket(packet, { metadataOnly: true });
    }
  }
  return last !== undefined && end - last <= limit;
}

const unitsOf = (packet: EncodedPacket, config: VideoDecoderConfig): Iterable<Uint8Array> =>
  config.description
    ? lengthUnits(packet.data, avcLengthSize(bytesOf(config.description)))
    : annexBUnits(packet.data);

/** Segments made of the file's own packets, cut at the IDR nearest to the wanted length. */
async function cutPackets(
  video: Video,
  lane: FileLane | undefined,
  segment: number,
  { outlet, stop }: Studio,
): Promise<void> {
  const { track, config, timescale, base, end } = video;
  const annexB = config.description === undefined;
  const lengthSize = config.description ? avcLengthSize(bytesOf(config.description)) : 4;
  let held: { packet: EncodedPacket; time: number; data: Uint8Array; key: boolean }[] = [];
  let description = config.description ? bytesOf(config.description) : undefined;
  let nextDescription = description;
  let seq = 0;
  let bytes = 0;
  const ticks = (seconds: number) => Math.round((seconds - base) * timescale);
  const leave = (until: number, last: boolean) => {
    const times = held.map(({ time }) => time).sort((a, b) => a - b);
    const start = times[0] as number;
    const after = new Map(times.map((time, i) => [time, times[i + 1] ?? until]));
    const samples = held.map(
      ({ time, data, key }): Sample => ({
        data,
        time,
        duration: Math.max(0, (after.get(time) as number) - time),
        key,
      }),
    );
    const init = writeInit({
      kind: "video",
      codec: "avc",
      codecs: config.codec,
      timescale,
      width: video.width,
      height: video.height,
      colour: completeColour(config.colorSpace, video.height),
      ...(description ? { description } : {}),
    } satisfies VideoTrack);
    const fragment: Fragment = {
      init,
      media: writeMedia({ kind: "video", timescale } as VideoTrack, samples, ++seq),
      codecs: readInit(init).codecs,
      frames: samples.length,
    };
    held = [];
    bytes = 0;
    return outlet.emit({
      start: microsOf(start, timescale),
      end: microsOf(until, timescale),
      capturedAt: Date.now(),
      video: Promise.resolve(fragment),
      ...(lane ? { audio: () => lane.until(until / timescale + (last ? TAIL : 0)) } : {}),
    });
  };
  let at = base;
  try {
    for await (const packet of new EncodedPacketSink(track).packets()) {
      at = packet.timestamp;
      const units = annexB ? annexBUnits(packet.data) : undefined;
      if (!units && !unitsFit(packet.data, lengthSize))
        throw new TypeError("a packet's parts do not add up");
      const key = isIdr(units ?? unitsOf(packet, config));
      const time = ticks(packet.timestamp);
      const [first] = held;
      if (key && units) nextDescription = avcConfiguration(units) ?? nextDescription;
      if (key && first) {
        const length = ((time - first.time) * 1e6) / timescale;
        // Three quarters: the next key, a GOP later, would be farther from the wanted length.
        if (length >= 0.75 * segment) {
          await leave(time, stop.aborted);
          if (stop.aborted) return;
        }
      }
      if (held.length === 0) description = nextDescription;
      const data = units ? toLengthPrefixed(units) : packet.data;
      bytes += data.byteLength;
      held.push({ packet, time, data, key });
      if (bytes > MAX_SEGMENT_BYTES || held.length > MAX_FRAMES)
        throw new MediaError(
          { code: "MEDIA_TOO_LARGE", what: "GOP", value: bytes, limit: MAX_SEGMENT_BYTES },
          `the GOP at ${((first?.time ?? 0) / timescale).toFixed(3)} s is too large to send: ${bytes} bytes, ${held.length} frames`,
        );
    }
    const shown = held.reduce((most, { time }) => Math.max(most, time), 0) / timescale;
    if (shown + 1 < end - base) throw new TypeError("its packets end here");
    if (held.length > 0) await leave(ticks(end), true);
  } catch (error) {
    throw corrupt(at - base, error);
  }
}

/** Segments decoded and encoded again, cut at whole multiples of the wanted length. */
async function encodeAgain(
  video: Video,
  lane: FileLane | undefined,
  bitrate: number,
  segment: number,
  { outlet, stop }: Studio,
): Promise<void> {
  const { track, config, timescale, base, frameRate, width, height } = video;
  const cutter = new Cutter(
    { width, height, bitrate, frameRate, timescale },
    (segment * timescale) / 1e6,
  );
  const ticks = (seconds: number) => Math.round((seconds - base) * timescale);
  const packets = new Map<number, { time: number; duration: number }>();
  const frames: VideoFrame[] = [];
  let failure: unknown;
  let wake = () => {};
  const leave = ({ start, end, video: coded }: VideoCut, last: boolean) =>
    outlet.emit({
      start: microsOf(start, timescale),
      end: microsOf(end, timescale),
      capturedAt: Date.now(),
      video: coded,
      ...(lane ? { audio: () => lane.until(end / timescale + (last ? TAIL : 0)) } : {}),
    });
  const decoder = new VideoDecoder({
    error: (error) => {
      failure ??= error;
      wake();
    },
    output: (frame) => {
      frames.push(frame);
      wake();
    },
  });
  decoder.addEventListener("dequeue", () => wake());
  let fed = base;
  let end = 0;
  let sent = 0;
  let shown = 0;
  let stopped = false;
  const encodeWaiting = async () => {
    for (let frame = frames.shift(); frame && !stopped; frame = frames.shift()) {
      const packet = packets.get(frame.timestamp);
      packets.delete(frame.timestamp);
      if (!packet) {
        frame.close();
        throw new TypeError(`a frame came out at ${frame.timestamp} us that did not go in`);
      }
      shown++;
      if (stop.aborted && cutter.isBorder(packet.time)) {
        frame.close();
        stopped = true;
        const rest = cutter.cut(packet.time);
        if (rest) await leave(rest, true);
        return;
      }
      end = packet.time + packet.duration;
      const done = await cutter.add(await turned(frame, video), packet.time);
      if (done) await leave(done, false);
    }
  };
  try {
    decoder.configure(config);
    for await (const packet of new EncodedPacketSink(track).packets()) {
      fed = packet.timestamp;
      const time = ticks(packet.timestamp);
      packets.set(microsOf(time, timescale), {
        time,
        duration: Math.max(1, Math.round(packet.duration * timescale)),
      });
      sent++;
      decoder.decode(
        new EncodedVideoChunk({
          type: packet.type,
          timestamp: microsOf(time, timescale),
          duration: Math.round(packet.duration * 1e6),
          data: packet.data as Uint8Array<ArrayBuffer>,
        }),
      );
      await encodeWaiting();
      while (failure === undefined && !stopped && decoder.decodeQueueSize > QUEUE) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        await encodeWaiting();
      }
      if (stopped) return;
      if (failure !== undefined) throw failure;
    }
    const flushed = decoder.flush().then(
      () => true,
      (error: unknown) => {
        failure ??= error;
        return true;
      },
    );
    let done = false;
    void flushed.then(() => {
      done = true;
      wake();
    });
    while (!done && failure === undefined) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
      await encodeWaiting();
      if (stopped) return;
    }
    await encodeWaiting();
    if (stopped) return;
    if (failure !== undefined) throw failure;
    if (shown !== sent)
      throw new MediaError(
        { code: "MEDIA_INCOMPLETE", frames: shown, expected: sent },
        `only ${shown} of the file's ${sent} frames could be decoded`,
      );
    const rest = cutter.cut(end);
    if (rest) await leave(rest, true);
  } catch (error) {
    throw corrupt(fed - base, failure ?? error);
  } finally {
    for (const frame of frames) frame.close();
    if (decoder.state !== "closed") decoder.close();
    cutter.close();
  }
}
