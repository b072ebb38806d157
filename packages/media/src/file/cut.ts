import type { EncodedPacket } from "mediabunny";
import {
  annexBUnits,
  avcConfiguration,
  avcLengthSize,
  isIdr,
  lengthUnits,
  parameterSets,
  toLengthPrefixed,
  unitsFit,
} from "../bitstream.ts";
import { MAX_FRAMES, MAX_SEGMENT_BYTES } from "../bounds.ts";
import { bytesOf } from "../codecs.ts";
import { readInit } from "../mp4/read.ts";
import { microsOf, type Sample, type VideoTrack } from "../mp4/track.ts";
import { writeInit, writeMedia } from "../mp4/write.ts";
import type { Studio } from "../source/outlet.ts";
import type { Fragment } from "../types.ts";
import type { FileLane } from "./audio.ts";
import { TAIL } from "./encode.ts";
import { corrupt } from "./errors.ts";
import { perSecond, slotAt, slotFrom } from "./rate.ts";
import { type FileVideo, packetsFrom } from "./video.ts";

/** Key packets farther apart than this are not cut at, in seconds. */
const MAX_GOP = 4;

/** The longest a GOP may be for segments of `segment` seconds. */
const longestGop = (segment: number) => Math.min(MAX_GOP, 2 * segment);

/**
 * True if the file's own packets can be segments of about `segment` seconds, as far as was measured: upright 8-bit H.264
 * in square pixels, on a constant grid, with true IDR packets close enough together.
 */
export function canCut(video: FileVideo, segment: number): boolean {
  const { codec, config, plain, rotation, flip, constant, start, base, gop } = video;
  if (codec !== "avc" || !plain || rotation !== 0 || flip || !constant) return false;
  // Profiles above high are 10-bit or 4:2:2, which few of the viewers' decoders take.
  if (!["42", "4d", "58", "64"].includes(config.codec.slice(5, 7).toLowerCase())) return false;
  const longest = longestGop(segment) + segment;
  if ((video.bitrate / 8) * longest > MAX_SEGMENT_BYTES / 2) return false;
  if (perSecond(video.rate) * longest > MAX_FRAMES) return false;
  return start.timestamp === base && gop <= longestGop(segment);
}

/** What of a file could not be cut: its packets, the first a true key, and the slot that this one lies on. */
export interface Rest {
  readonly packets: AsyncGenerator<EncodedPacket, void, void>;
  readonly from: number;
}

interface Held {
  readonly packet: EncodedPacket;
  readonly slot: number;
  readonly data: Uint8Array;
  readonly key: boolean;
}

/**
 * Makes segments of the file's own packets, cut at the IDR nearest to `segment` microseconds. Where the file stops being
 * what was measured (a hole, another rate, another picture size, keys too far apart), it returns the rest instead.
 */
export async function cutPackets(
  video: FileVideo,
  lane: FileLane | undefined,
  segment: number,
  { outlet, stop }: Studio,
): Promise<Rest | undefined> {
  const { track, config, base, last, rate } = video;
  const { timescale, ticks } = rate;
  const form = packetForm(config);
  const packets = packetsFrom(track, video.start);
  const wanted = segment / 1e6;
  let held: Held[] = [];
  let bytes = 0;
  let seq = 0;
  let at = base;

  const leave = (until: number, final: boolean) => {
    const fragment = fragmentOf(video, form.description, held, ++seq);
    const start = held[0]?.slot ?? 0;
    held = [];
    bytes = 0;
    const end = (until * ticks) / timescale;
    return outlet.emit({
      start: microsOf(start * ticks, timescale),
      end: microsOf(until * ticks, timescale),
      capturedAt: Date.now(),
      video: Promise.resolve(fragment),
      ...(lane ? { audio: () => lane.until(end + (final ? TAIL : 0)) } : {}),
    });
  };
  /** The GOP in hand, and what follows it. */
  const rest = (next?: EncodedPacket): Rest => ({
    packets: joined([...held.map(({ packet }) => packet), ...(next ? [next] : [])], packets),
    from: held[0]?.slot ?? slotFrom(rate, at - base),
  });
  try {
    for (;;) {
      const { value: packet } = await packets.next();
      if (!packet) break;
      at = packet.timestamp;
      const { data, key, changed } = form.read(packet);
      const slot = slotAt(rate, at - base);
      const length = slot === undefined ? 0 : (slot - (held[0]?.slot ?? slot)) / perSecond(rate);
      const border = key && slot !== undefined && fills(held, slot);
      // Three quarters: the next key, a GOP later, would be farther from the wanted length.
      if (border && held.length > 0 && (length >= 0.75 * wanted || changed)) {
        await leave(slot, false);
        if (stop.aborted) {
          await packets.return();
          return undefined;
        }
      }
      const full =
        held.length >= MAX_FRAMES ||
        bytes > MAX_SEGMENT_BYTES / 2 ||
        length > longestGop(wanted) + wanted;
      if (slot === undefined || changed || full || (key && !border)) return rest(packet);
      bytes += data.byteLength;
      held.push({ packet, slot, data, key });
    }
    if (at + 1 < last) throw new TypeError("its packets end here");
    const until = held.reduce((most, { slot }) => Math.max(most, slot), -1) + 1;
    if (!fills(held, until)) return rest();
    if (held.length > 0) await leave(until, true);
    return undefined;
  } catch (error) {
    throw corrupt(at - base, error);
  }
}

/** True if the packets lie on all slots from that of the first up to `until`, one on each. */
function fills(held: readonly Held[], until: number): boolean {
  const first = held[0]?.slot ?? until;
  const slots = held.map(({ slot }) => slot).sort((a, b) => a - b);
  return until - first === slots.length && slots.every((slot, i) => slot === first + i);
}

async function* joined(
  before: EncodedPacket[],
  after: AsyncGenerator<EncodedPacket, void, unknown>,
): AsyncGenerator<EncodedPacket, void, void> {
  for (let packet = before.shift(); packet; packet = before.shift()) yield packet;
  yield* after;
}

function fragmentOf(
  { config, rate, width, height }: FileVideo,
  description: Uint8Array | undefined,
  held: readonly Held[],
  sequence: number,
): Fragment {
  const { timescale, ticks } = rate;
  const samples = held.map(
    ({ slot, data, key }): Sample => ({ data, time: slot * ticks, duration: ticks, key }),
  );
  const track: VideoTrack = {
    kind: "video",
    codec: "avc",
    codecs: config.codec,
    timescale,
    width,
    height,
    colour: config.colorSpace,
    ...(description ? { description } : {}),
  };
  const init = writeInit(track);
  const media = writeMedia(track, samples, sequence);
  return { init, media, codecs: readInit(init).codecs, frames: samples.length };
}

/** How packets are written in the file, and in ours: with length prefixes, parameter sets in the init segment. */
interface PacketForm {
  readonly description: Uint8Array | undefined;
  /** `changed`: it brings other parameters than the init segment has. Throws a TypeError for a packet that is damaged. */
  read(packet: EncodedPacket): { data: Uint8Array; key: boolean; changed: boolean };
}

function packetForm({ description }: VideoDecoderConfig): PacketForm {
  return description ? prefixed(bytesOf(description)) : annexB();
}

function prefixed(description: Uint8Array): PacketForm {
  const lengthSize = avcLengthSize(description);
  return {
    description,
    read: ({ data }) => {
      if (!unitsFit(data, lengthSize)) throw new TypeError("a packet's parts do not add up");
      const units = [...lengthUnits(data, lengthSize)];
      const changed = parameterSets(units).some((set) => !includes(description, set));
      return { data, key: isIdr(units), changed };
    },
  };
}

function annexB(): PacketForm {
  let description: Uint8Array | undefined;
  let sets = "";
  return {
    get description() {
      return description;
    },
    read: (packet) => {
      const units = annexBUnits(packet.data);
      const key = isIdr(units);
      const found = key ? avcConfiguration(units) : undefined;
      const foundSets = parameterSets(units).join();
      const changed = description !== undefined && found !== undefined && foundSets !== sets;
      if (found && !changed) [description, sets] = [found, foundSets];
      return { data: toLengthPrefixed(units), key, changed };
    },
  };
}

/** True if `part` lies somewhere in `whole`. */
function includes(whole: Uint8Array, part: Uint8Array): boolean {
  for (
    let at = whole.indexOf(part[0] as number);
    at !== -1;
    at = whole.indexOf(part[0] as number, at + 1)
  )
    if (part.every((byte, i) => whole[at + i] === byte)) return true;
  return false;
}
