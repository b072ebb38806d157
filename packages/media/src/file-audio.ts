import { type EncodedPacket, EncodedPacketSink, type InputAudioTrack } from "mediabunny";
import { type AudioLane, OpusLine, opusDuration, opusTrack, PacketLine } from "./audio.ts";
import { bytesOf } from "./codecs.ts";
import { corrupt, undecodable } from "./file-errors.ts";
import { aacCodecs } from "./mp4/read.ts";
import type { AudioTrack } from "./mp4/track.ts";

/** Packets that may wait in the decoder. */
const QUEUE = 8;

/** A file's audio from its first frame on. */
export interface FileLane extends AudioLane {
  readonly codecs: string;
}

/** The file's audio from `base` seconds on: AAC and Opus as they are, the rest as Opus. */
export async function openAudio(track: InputAudioTrack, base: number): Promise<FileLane> {
  const codec = await track.getCodec();
  const config = codec ? await track.getDecoderConfig() : null;
  if (!config || !(await track.canDecode())) throw await undecodable(track);
  const sink = new EncodedPacketSink(track);
  if (codec === "aac") return packetLane(sink, base, new AacPackets(config));
  if (codec === "opus" && config.numberOfChannels <= 2)
    return packetLane(sink, base, new OpusPackets(config));
  return encodedLane(sink, base, config);
}

interface PacketForm {
  readonly codecs: string;
  readonly timescale: number;
  track(): AudioTrack;
  /** Payload and length in ticks. */
  read(packet: EncodedPacket): { data: Uint8Array; duration: number };
}

class OpusPackets implements PacketForm {
  readonly codecs = "opus";
  readonly timescale = 48_000;
  readonly #config: AudioDecoderConfig;
  constructor(config: AudioDecoderConfig) {
    this.#config = config;
  }
  track(): AudioTrack {
    return opusTrack(this.#config, this.#config.numberOfChannels);
  }
  read({ data }: EncodedPacket) {
    return { data, duration: opusDuration(data) };
  }
}

const ADTS_RATES = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
  7_350,
];

/** AAC packets. MPEG-TS wraps each in an ADTS header, which MP4 does not have. */
class AacPackets implements PacketForm {
  readonly timescale: number;
  readonly #config: AudioDecoderConfig;
  #specific: Uint8Array | undefined;

  constructor(config: AudioDecoderConfig) {
    this.#config = config;
    this.#specific = config.description ? bytesOf(config.description).slice() : undefined;
    this.timescale = config.sampleRate;
  }
  get codecs(): string {
    return this.#specific ? aacCodecs(this.#specific) : this.#config.codec;
  }
  track(): AudioTrack {
    return {
      kind: "audio",
      codec: "aac",
      codecs: this.codecs,
      timescale: this.timescale,
      sampleRate: this.#config.sampleRate,
      channels: this.#config.numberOfChannels,
      description: this.#specific ?? this.#made(this.#config),
    };
  }
  read(packet: EncodedPacket) {
    const duration = Math.max(1, Math.round(packet.duration * this.timescale));
    const { data } = packet;
    if (this.#config.description || data[0] !== 0xff || ((data[1] ?? 0) & 0xf6) !== 0xf0)
      return { data, duration };
    const [, second = 0, third = 0, fourth = 0] = data;
    const type = (third >> 6) + 1;
    const rate = (third >> 2) & 15;
    const channels = ((third & 1) << 2) | (fourth >> 6);
    this.#specific ??= Uint8Array.of(
      (type << 3) | (rate >> 1),
      ((rate & 1) << 7) | (channels << 3),
    );
    return { data: data.subarray(second & 1 ? 7 : 9), duration };
  }
  #made({ sampleRate, numberOfChannels }: AudioDecoderConfig): Uint8Array {
    const rate = Math.max(0, ADTS_RATES.indexOf(sampleRate));
    return Uint8Array.of((2 << 3) | (rate >> 1), ((rate & 1) << 7) | (numberOfChannels << 3));
  }
}

function packetLane(sink: EncodedPacketSink, base: number, form: PacketForm): FileLane {
  const line = new PacketLine();
  const packets = sink.packets();
  let next: number | undefined;
  let ended = false;
  return {
    get codecs() {
      return form.codecs;
    },
    until: async (end) => {
      const border = end * form.timescale;
      while (!ended && !line.reaches(border)) {
        const { value: packet } = await packets.next();
        if (!packet) {
          ended = true;
          break;
        }
        const { data, duration } = form.read(packet);
        const stamped = Math.round((packet.timestamp - base) * form.timescale);
        // Containers round times; packets that were one after the other stay so.
        const time: number =
          next !== undefined && Math.abs(stamped - next) < duration / 2 ? next : stamped;
        if (next !== undefined && time < next) continue;
        // The packet across the first frame is kept if most of it is heard; what lies before is not.
        const early = Math.max(0, -time);
        if (early > duration / 2) continue;
        next = time + duration;
        line.push({ data, time: time + early, duration: duration - early, key: true });
      }
      return line.take(border, form.track());
    },
    close: () => void packets.return(undefined),
  };
}

function encodedLane(sink: EncodedPacketSink, base: number, config: AudioDecoderConfig): FileLane {
  const line = new OpusLine();
  const packets = sink.packets();
  let failure: unknown;
  let wake = () => {};
  let ended = false;
  const decoder = new AudioDecoder({
    error: (error) => {
      failure ??= error;
      wake();
    },
    output: (data) => {
      try {
        line.add(data, data.timestamp / 1e6);
      } catch (error) {
        failure ??= error;
      }
      wake();
    },
  });
  decoder.addEventListener("dequeue", () => wake());
  decoder.configure(config);
  const tick = () =>
    new Promise<void>((resolve) => {
      wake = resolve;
    });
  return {
    codecs: "opus",
    until: async (end) => {
      // Three packets past the border must be written before the encoder gives the one on it.
      while (!ended && line.written < end + 0.06) {
        const { value: packet } = await packets.next();
        if (!packet) {
          ended = true;
          await decoder.flush().catch((error: unknown) => {
            failure ??= error;
          });
          await line.finish();
          break;
        }
        decoder.decode(
          new EncodedAudioChunk({
            type: packet.type,
            timestamp: Math.round((packet.timestamp - base) * 1e6),
            duration: Math.round(packet.duration * 1e6),
            data: packet.data as Uint8Array<ArrayBuffer>,
          }),
        );
        while (failure === undefined && decoder.decodeQueueSize > QUEUE) await tick();
        if (failure !== undefined) throw corrupt(packet.timestamp - base, failure);
        await line.drained(64);
      }
      if (failure !== undefined) throw corrupt(line.written, failure);
      if (!ended) await line.reached(end);
      return line.take(end);
    },
    close: () => {
      void packets.return(undefined);
      if (decoder.state !== "closed") decoder.close();
      line.close();
    },
  };
}
