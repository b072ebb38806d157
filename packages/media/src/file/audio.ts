import { type EncodedPacket, EncodedPacketSink, type InputAudioTrack } from "mediabunny";
import { bytesOf } from "../codecs.ts";
import { aacCodecs } from "../mp4/read.ts";
import type { AudioTrack } from "../mp4/track.ts";
import { readAdts, readSpecific, silentAac, writeSpecific } from "../sound/aac.ts";
import { type AudioLane, OpusLine, PacketLine } from "../sound/audio.ts";
import { opusDelay, opusDuration, opusTrack, silentOpus } from "../sound/opus.ts";
import { corrupt, undecodable } from "./errors.ts";

/** Packets that may wait in the decoder. */
const QUEUE = 8;
/** Stamps are rounded, in some containers to a millisecond; a packet this little before the first frame is on it. In seconds. */
const ROUNDING = 0.001;
/** Three Opus packets past a border must be written before the encoder gives the one on it. In seconds. */
const AHEAD = 0.06;

/** How much earlier than asked sound may end before it goes on as silence: the last `until` is TAIL past the picture. In seconds. */
const SLACK = 0.1;

/** A file's audio from its first frame on. */
export interface FileLane extends AudioLane {
  readonly codecs: string;
}

/**
 * The file's audio from `base` seconds on. AAC of up to six channels and Opus of up to two stay packets, the rest becomes
 * Opus. Throws MEDIA_CODEC.
 */
export async function openAudio(track: InputAudioTrack, base: number): Promise<FileLane> {
  const codec = await track.getCodec();
  const config = codec ? await track.getDecoderConfig() : null;
  if (!config || !(await track.canDecode())) throw await undecodable(track);
  const sink = new EncodedPacketSink(track);
  const aac = codec === "aac" ? await aacForm(sink, config) : undefined;
  if (aac) return packetLane(sink, base, aac);
  if (codec === "opus" && config.numberOfChannels <= 2)
    return packetLane(sink, base, opusForm(config));
  return encodedLane(sink, base, config, codec === "vorbis" ? 1 : 0);
}

/** How packets of one codec stand in a line. */
interface PacketForm {
  readonly track: AudioTrack;
  /** What a decoder drops at its start, in ticks: packets this long before the first frame are still needed. */
  readonly delay: number;
  /** Payload, and length in ticks. Throws if it is no packet of this track. */
  read(packet: EncodedPacket): { data: Uint8Array; duration: number };
  /** A packet of silence; undefined where none is known, and a hole stays one. */
  readonly silent: { data: Uint8Array; duration: number } | undefined;
}

function opusForm(config: AudioDecoderConfig): PacketForm {
  const track = opusTrack(config, config.numberOfChannels);
  const data = silentOpus(track.channels);
  return {
    track,
    delay: opusDelay(track.description),
    read: ({ data }) => ({ data, duration: opusDuration(data) }),
    silent: { data, duration: opusDuration(data) },
  };
}

/** Object types of MPEG-4 audio that players take: AAC-LC, and with SBR, and with PS. */
const KEPT_AAC = ["mp4a.40.2", "mp4a.40.5", "mp4a.40.29"];

/** Undefined for AAC that few players take; it is encoded again. */
async function aacForm(
  sink: EncodedPacketSink,
  config: AudioDecoderConfig,
): Promise<PacketForm | undefined> {
  const first = await sink.getFirstPacket();
  const adts = config.description || !first ? undefined : readAdts(first.data);
  const specific = config.description
    ? bytesOf(config.description).slice()
    : (adts?.specific ?? writeSpecific(config.sampleRate, config.numberOfChannels));
  const core = specific && readSpecific(specific);
  if (!specific || !core || core.channels < 1 || core.channels > 6) return undefined;
  const codecs = aacCodecs(specific);
  if (!KEPT_AAC.includes(codecs)) return undefined;
  const timescale = config.sampleRate;
  // Not the container's word: in Matroska it is rounded to milliseconds.
  const duration = Math.round((core.samples * timescale) / core.rate);
  const silence = silentAac(core.channels);
  return {
    track: {
      kind: "audio",
      codec: "aac",
      codecs,
      timescale,
      sampleRate: timescale,
      channels: config.numberOfChannels,
      description: specific,
    },
    delay: 0,
    read: ({ data }) => {
      const header = adts && readAdts(data);
      if (adts && !header) throw new TypeError("an audio packet without its header");
      if (header && (header.rate !== core.rate || header.channels !== core.channels))
        throw new TypeError(
          `its sound changes from ${core.rate} Hz, ${core.channels} channels, to ${header.rate} Hz, ${header.channels} channels`,
        );
      return { data: header ? data.subarray(header.bytes) : data, duration };
    },
    silent: silence && { data: silence, duration },
  };
}

/**
 * Packets as they are, one after the other. Players play packets in a row whatever their times say (measured: Chromium's
 * decoders count samples), so a hole becomes packets of silence and an overlapping packet is left out: what is heard is
 * never farther than half a packet from its stamp.
 */
function packetLane(sink: EncodedPacketSink, base: number, form: PacketForm): FileLane {
  const { track, delay, silent } = form;
  const { timescale } = track;
  const line = new PacketLine();
  const packets = sink.packets();
  let held: EncodedPacket | undefined;
  let ended = false;

  /** Puts a packet in its place; false if the border came first, in a hole before it. */
  const place = (packet: EncodedPacket, border: number): boolean => {
    const { data, duration } = form.read(packet);
    const stamped = Math.round((packet.timestamp - base) * timescale);
    if (line.end === undefined) {
      const early = Math.max(0, -stamped);
      if (early > Math.min(duration - 1, delay + ROUNDING * timescale)) return true;
      if (!silent || stamped < silent.duration) {
        line.push({ data, time: Math.max(0, stamped), duration: duration - early, key: true });
        return true;
      }
      // Sound that begins late begins with silence, and exactly at its time.
      line.push({ ...silent, time: stamped % silent.duration, key: true });
    }
    let time: number = line.end as number;
    if (stamped < time - duration / 2) return true;
    while (silent && stamped >= time + silent.duration / 2) {
      line.push({ ...silent, time, key: true });
      time += silent.duration;
      if (line.reaches(border)) return false;
    }
    line.push({ data, time: silent ? time : Math.max(time, stamped), duration, key: true });
    return true;
  };

  return {
    codecs: track.codecs,
    until: async (end) => {
      const border = end * timescale;
      while (!ended && !line.reaches(border)) {
        const packet = held ?? (await packets.next()).value;
        held = undefined;
        if (!packet) ended = true;
        else
          try {
            if (!place(packet, border)) held = packet;
          } catch (error) {
            throw corrupt(packet.timestamp - base, error);
          }
      }
      // Sound that ends before the picture goes on as silence: a player would wait for the missing segments.
      const least = border - SLACK * timescale;
      while (silent && line.end !== undefined && line.end + silent.duration / 2 <= least)
        line.push({ ...silent, time: line.end, key: true });
      return line.take(border, track);
    },
    close: () => void packets.return(undefined),
  };
}

/** Any other sound, decoded and encoded once. `behind`: packets that the decoder takes before it gives the first samples. */
function encodedLane(
  sink: EncodedPacketSink,
  base: number,
  config: AudioDecoderConfig,
  behind: number,
): FileLane {
  const line = new OpusLine();
  const packets = sink.packets();
  /** Where the packets in the decoder belong, in seconds. Decoders stamp by counting samples, and so do not see a hole. */
  const places: number[] = [];
  let fed = 0;
  let held: EncodedPacket | undefined;
  let failure: unknown;
  let wake = () => {};
  /** Where the file's sound ends, once that is known. */
  let ended: number | undefined;
  const decoder = new AudioDecoder({
    error: (error) => {
      failure ??= error;
      wake();
    },
    output: (data) => {
      try {
        line.add(data, places.shift() ?? line.written);
      } catch (error) {
        failure ??= error;
      }
      wake();
    },
  });
  decoder.addEventListener("dequeue", () => wake());
  decoder.configure(config);
  line.open(config.sampleRate, config.numberOfChannels);
  /** Gives what is in the decoder to the line. */
  const flush = async () => {
    await decoder.flush().catch((error: unknown) => {
      failure ??= error;
    });
    places.length = 0;
    fed = 0;
  };
  const tick = () =>
    new Promise<void>((resolve) => {
      wake = resolve;
    });
  return {
    codecs: "opus",
    until: async (end) => {
      while (ended === undefined && line.written < end + AHEAD) {
        const packet = held ?? (await packets.next()).value;
        held = undefined;
        if (!packet) {
          await flush();
          ended = line.written;
          break;
        }
        const at = packet.timestamp - base;
        // What comes later than is asked for waits, so that a hole of hours is filled as it is reached.
        if (at > end + AHEAD + 1) {
          held = packet;
          await flush();
          break;
        }
        if (fed++ >= behind) places.push(at);
        decoder.decode(
          new EncodedAudioChunk({
            type: packet.type,
            timestamp: Math.round(at * 1e6),
            data: packet.data as Uint8Array<ArrayBuffer>,
          }),
        );
        while (failure === undefined && decoder.decodeQueueSize > QUEUE) await tick();
        if (failure !== undefined) throw corrupt(at, failure);
        await line.drained(64);
      }
      if (failure !== undefined) throw corrupt(line.written, failure);
      const to = ended === undefined ? end : Math.min(end, Math.max(ended, end - SLACK));
      if (line.written < to + AHEAD) line.silence(to + AHEAD);
      await line.reached(to);
      return line.take(to);
    },
    close: () => {
      void packets.return(undefined);
      if (decoder.state !== "closed") decoder.close();
      line.close();
    },
  };
}
