import { registerAacEncoder } from "@mediabunny/aac-encoder";
import {
  AudioSample,
  AudioSampleSource,
  type EncodedPacket,
  MkvOutputFormat,
  NullTarget,
  Output,
} from "mediabunny";
import { bytesOf } from "../codecs.ts";
import { MediaError, messageOf } from "../errors.ts";
import { readInit, readMedia } from "../mp4/read.ts";
import type { AudioTrack } from "../mp4/track.ts";
import type { Fragment } from "../types.ts";
import { PacketLine } from "./audio.ts";
import { OPUS_RATE, opusDuration, silentOpus } from "./opus.ts";
import { planesOf } from "./pcm.ts";

/** Bits per second per channel. */
const AAC_BITRATE = 64_000;
/** Samples in a packet. FFmpeg's encoder is one packet behind: its first holds nothing but what it needs to begin. */
const AAC_SAMPLES = 1024;
/** Longest hole between two fragments, in seconds; a source fills its holes itself. */
const MOST_HOLE = 10;

const failed = (cause: unknown) =>
  cause instanceof MediaError
    ? cause
    : new MediaError(
        { code: "MEDIA_ENCODER", codec: "aac" },
        `encoding audio to AAC failed: ${messageOf(cause)}`,
        { cause },
      );

/** Decodes a line of Opus and encodes it as AAC, sample for sample at the same times. */
export class AacLine {
  readonly #line = new PacketLine();
  #decoder: AudioDecoder | undefined;
  #heard: AudioData[] = [];
  #encoder: AudioSampleSource | undefined;
  #track: AudioTrack | undefined;
  /** Where the next Opus packet is due, and where the first AAC packet goes, in ticks of 48 kHz. */
  #due = 0;
  #next = 0;
  /** Samples encoded, and packets that came of them. */
  #encoded = 0;
  #packets = 0;
  #failure: unknown;
  #wake = () => {};

  /** The packets that are complete with this fragment. */
  async add({ init, media }: Pick<Fragment, "init" | "media">): Promise<Fragment | undefined> {
    const track = readInit(init);
    if (track.kind !== "audio" || track.codec !== "opus")
      throw new MediaError(
        { code: "MEDIA_CODEC", codec: track.codecs, track: "audio" },
        `an AAC twin is made of Opus, not of ${track.codecs}`,
      );
    const { samples } = readMedia(media);
    const [first] = samples;
    if (!first) return undefined;
    try {
      if (!this.#decoder) await this.#open(track, first.time);
      await this.#encode(await this.#decode(samples, first.time, track.channels));
    } catch (error) {
      throw failed(this.#failure ?? error);
    }
    return this.#track && this.#line.take(Number.POSITIVE_INFINITY, this.#track);
  }

  async #open({ channels, description }: AudioTrack, start: number): Promise<void> {
    this.#due = start;
    this.#next = start;
    this.#decoder = new AudioDecoder({
      output: (data) => {
        this.#heard.push(data);
        this.#wake();
      },
      error: (error) => this.#fail(error),
    });
    this.#decoder.configure({
      codec: "opus",
      sampleRate: OPUS_RATE,
      numberOfChannels: channels,
      description: bytesOf(description),
    });
    registerAacEncoder();
    this.#encoder = new AudioSampleSource({
      codec: "aac",
      bitrate: AAC_BITRATE * channels,
      onEncodedPacket: (packet, meta) => this.#packet(packet, meta?.decoderConfig, channels),
    });
    // mediabunny encodes into a file; ours is written by mp4/, so this one goes nowhere.
    const output = new Output({
      format: new MkvOutputFormat({ appendOnly: true }),
      target: new NullTarget(),
    });
    output.addAudioTrack(this.#encoder);
    await output.start();
  }

  /** One decoder for all segments: each packet leans on the one before it. Gives the samples of all that was fed. */
  async #decode(
    samples: readonly { readonly data: Uint8Array }[],
    start: number,
    channels: number,
  ): Promise<AudioData[]> {
    const silence = silentOpus(channels);
    const hole = Math.max(0, start - this.#due);
    if (hole > MOST_HOLE * OPUS_RATE)
      throw new MediaError(
        { code: "MEDIA_MALFORMED", at: 0 },
        `a hole of ${(hole / OPUS_RATE).toFixed(1)} s before an audio segment, at most ${MOST_HOLE} s`,
      );
    const missing = Array.from({ length: Math.round(hole / opusDuration(silence)) }, () => silence);
    const fed = [...missing, ...samples.map(({ data }) => data)];
    for (const data of fed) {
      const timestamp = Math.round((this.#due * 1e6) / OPUS_RATE);
      this.#due += opusDuration(data);
      this.#decoder?.decode(
        new EncodedAudioChunk({ type: "key", timestamp, data: data as Uint8Array<ArrayBuffer> }),
      );
    }
    await this.#until(() => this.#heard.length >= fed.length);
    return this.#heard.splice(0);
  }

  async #encode(heard: readonly AudioData[]): Promise<void> {
    for (const data of heard) {
      const planes = planesOf(data);
      data.close();
      const frames = planes[0]?.length ?? 0;
      const all = new Float32Array(frames * planes.length);
      planes.forEach((plane, i) => {
        all.set(plane, i * frames);
      });
      const sample = new AudioSample({
        data: all,
        format: "f32-planar",
        numberOfChannels: planes.length,
        sampleRate: OPUS_RATE,
        timestamp: this.#encoded / OPUS_RATE,
      });
      this.#encoded += frames;
      await this.#encoder?.add(sample);
      sample.close();
    }
    const complete = Math.floor(this.#encoded / AAC_SAMPLES) - 1;
    await this.#until(() => this.#packets >= complete);
  }

  #packet({ data }: EncodedPacket, config: AudioDecoderConfig | undefined, channels: number): void {
    if (config?.description)
      this.#track ??= {
        kind: "audio",
        codec: "aac",
        codecs: "mp4a.40.2",
        timescale: OPUS_RATE,
        sampleRate: OPUS_RATE,
        channels,
        description: bytesOf(config.description).slice(),
      };
    // What players would drop as priming, if they were told: left out, so that times need no correction.
    if (this.#packets++ > 0) {
      this.#line.push({ data, time: this.#next, duration: AAC_SAMPLES, key: true });
      this.#next += AAC_SAMPLES;
    }
    this.#wake();
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#wake();
  }

  async #until(done: () => boolean): Promise<void> {
    while (!done() && this.#failure === undefined)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    if (this.#failure !== undefined) throw this.#failure;
  }
}
