import { chunkBytes } from "../codecs.ts";
import { MediaError, messageOf } from "../errors.ts";
import { readInit } from "../mp4/read.ts";
import type { AudioTrack, Sample } from "../mp4/track.ts";
import { writeInit, writeMedia } from "../mp4/write.ts";
import type { Fragment } from "../types.ts";
import { OPUS_RATE, opusDuration, opusTrack } from "./opus.ts";
import { mixed, type Planes, planesOf, silentPlanes } from "./pcm.ts";
import { Resampler } from "./resample.ts";

/** Bits per second per channel of what we encode. */
const OPUS_BITRATE = 64_000;
/** A difference between stamps and samples beyond this is a hole or an overlap, filled or cut at once, in seconds. */
const JUMP = 0.02;
/** A smaller one is a clock that runs fast or slow; below this it is nothing but rounding, in seconds. */
const ROUNDING = 0.001;
/** How long differences are averaged, and in what time one is made good, in seconds. */
const [WATCHED, SETTLED] = [1, 5];
/** Most that samples are stretched or squeezed for it, of their length: 2 in 1000 is 3.5 hundredths of a semitone. */
const MOST_STRETCH = 0.002;
/** Most silence that one piece of input is worth, in seconds: a longer hole is filled by several. */
const MOST_SILENCE = 30;

/** The audio of a source as packets on one unbroken line of ticks, given out up to a point at a time. */
export interface AudioLane {
  /**
   * The packets up to the packet border nearest to `end` seconds, from where the last call ended. Undefined where there
   * are none.
   */
  until(end: number): Promise<Fragment | undefined>;
  close(): void;
}

/** Packets that wait for their segment, and the fragments made of them. */
export class PacketLine {
  #waiting: Sample[] = [];
  #seq = 0;
  #end: number | undefined;

  /** Where the last packet ends, in ticks; undefined before the first. */
  get end(): number | undefined {
    return this.#end;
  }

  push(sample: Sample): void {
    this.#waiting.push(sample);
    this.#end = sample.time + sample.duration;
  }

  /** True if a packet past the border nearest to `end` ticks is here, so that all before it are. */
  reaches(end: number): boolean {
    const last = this.#waiting.at(-1);
    return last !== undefined && !belongs(last, end);
  }

  take(end: number, track: AudioTrack): Fragment | undefined {
    this.#seq++;
    const samples = this.#waiting.filter((sample) => belongs(sample, end));
    if (samples.length === 0) return undefined;
    this.#waiting = this.#waiting.slice(samples.length);
    const init = writeInit(track);
    return {
      init,
      media: writeMedia(track, samples, this.#seq),
      codecs: readInit(init).codecs,
      frames: samples.length,
    };
  }
}

const belongs = ({ time, duration }: Sample, end: number) => time + duration / 2 <= end;

/**
 * Encodes PCM of any rate to Opus once, on a line of its own without hole or overlap. Mono and stereo; more is mixed down.
 * Stamps decide where samples belong: holes are filled with silence, overlaps cut, and a clock that runs fast or slow is
 * followed by stretching the samples a little, so that an hour later the line is still where its stamps are.
 */
export class OpusLine {
  readonly #line = new PacketLine();
  #encoder: AudioEncoder | undefined;
  /** Of the input: hertz. */
  #rate = OPUS_RATE;
  #resampler: Resampler | undefined;
  #channels = 0;
  /** Samples per channel given to the encoder. */
  #encoded = 0;
  /** Mean difference between stamps and samples, in seconds; positive: the samples are late. Undefined after silence. */
  #drift: number | undefined;
  /** Ticks of the packets that have come out. */
  #next = 0;
  #track: AudioTrack | undefined;
  #failure: unknown;
  #wake = () => {};

  /** Adds samples that begin at `at` seconds and closes them. Those before zero are left out. The first number of channels stays. */
  add(data: AudioData, at: number): void {
    try {
      this.#place(data, at);
    } finally {
      data.close();
    }
  }

  #place(data: AudioData, at: number): void {
    const { numberOfFrames: frames, sampleRate, numberOfChannels } = data;
    const length = frames / sampleRate;
    if (frames === 0 || at + length <= 0) return;
    this.open(sampleRate, numberOfChannels);
    const off = at - this.written;
    if (this.#drift !== undefined && Math.abs(off) <= JUMP) {
      this.#drift += (off - this.#drift) * Math.min(1, length / WATCHED);
      this.append(planesOf(data), sampleRate);
      return;
    }
    // What comes first, or after a hole or an overlap, is placed exactly.
    this.#drift = undefined;
    if (off > 0) this.#silence(Math.min(off, MOST_SILENCE));
    const skip = Math.round(Math.max(0, -off) * sampleRate);
    if (skip >= frames || off > MOST_SILENCE) return;
    this.append(planesOf(data, skip), sampleRate);
    this.#drift = 0;
  }

  /** Adds samples that follow the last ones. `rate` in hertz. */
  append(planes: Planes, rate: number): void {
    this.open(rate, planes.length);
    if (rate !== this.#rate) {
      this.#encode(this.#resampler?.flush());
      this.#resampler = undefined;
      this.#rate = rate;
    }
    const step = rate / OPUS_RATE;
    this.#resampler ??= new Resampler(this.#channels, step);
    const drift = this.#drift ?? 0;
    const excess = Math.sign(drift) * Math.max(0, Math.abs(drift) - ROUNDING);
    const stretch = Math.max(-MOST_STRETCH, Math.min(MOST_STRETCH, excess / SETTLED));
    this.#resampler.step = step * (1 - stretch);
    this.#encode(this.#resampler.add(mixed(planes, this.#channels)));
  }

  /** Writes silence up to `end` seconds. */
  silence(end: number): void {
    this.#silence(end - this.written);
    this.#drift = undefined;
  }

  #silence(seconds: number): void {
    let left = Math.round(seconds * this.#rate);
    for (; left > 0; left -= this.#rate)
      this.append(silentPlanes(this.#channels, Math.min(left, this.#rate)), this.#rate);
  }

  /** Seconds written so far. */
  get written(): number {
    return this.#encoded / OPUS_RATE + (this.#resampler?.pending ?? 0) / this.#rate;
  }

  /** True once all packets before `end` seconds are out. */
  reaches(end: number): boolean {
    return this.#line.reaches(end * OPUS_RATE);
  }

  /** Waits until `reaches(end)`; samples to at least three packets (60 ms) past it must have been added. */
  async reached(end: number): Promise<void> {
    while (!this.reaches(end)) {
      this.#check();
      if (this.#encoder?.state !== "configured") return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Waits until the encoder has at most `depth` inputs waiting. */
  async drained(depth: number): Promise<void> {
    while (
      this.#failure === undefined &&
      this.#encoder?.state === "configured" &&
      this.#encoder.encodeQueueSize > depth
    )
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    this.#check();
  }

  /** Waits until the encoder has given out everything it was given. Ends the line. */
  async finish(): Promise<void> {
    this.#encode(this.#resampler?.flush());
    if (this.#encoder?.state === "configured") await this.#encoder.flush().catch(() => {});
    this.#check();
  }

  /** The fragment up to `end` seconds of what has come out so far. */
  take(end: number): Fragment | undefined {
    this.#check();
    return this.#track ? this.#line.take(end * OPUS_RATE, this.#track) : undefined;
  }

  close(): void {
    if (this.#encoder && this.#encoder.state !== "closed") this.#encoder.close();
    this.#wake();
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#error(messageOf(this.#failure));
  }

  #error(why: string): MediaError {
    return new MediaError(
      { code: "MEDIA_ENCODER", codec: "opus" },
      `encoding audio to Opus failed: ${why}`,
      { cause: this.#failure },
    );
  }

  /** Settles the number of channels (1 or 2; more become 2) of the line, and its first input's rate (hertz), if no sample has yet. */
  open(rate: number, channels: number): void {
    if (this.#encoder) return;
    this.#rate = rate;
    this.#channels = Math.min(2, channels);
    this.#encoder = new AudioEncoder({
      error: (error) => {
        this.#failure ??= error;
        this.#wake();
      },
      output: (chunk, meta) => this.#packet(chunk, meta?.decoderConfig),
    });
    this.#encoder.addEventListener("dequeue", () => this.#wake());
    this.#encoder.configure({
      codec: "opus",
      sampleRate: OPUS_RATE,
      numberOfChannels: this.#channels,
      bitrate: OPUS_BITRATE * this.#channels,
    });
  }

  #packet(chunk: EncodedAudioChunk, config: AudioDecoderConfig | undefined): void {
    this.#track ??= opusTrack(config, this.#channels);
    const data = chunkBytes(chunk);
    const duration = opusDuration(data);
    this.#line.push({ data, time: this.#next, duration, key: true });
    this.#next += duration;
    this.#wake();
  }

  #encode(planes: Planes | undefined): void {
    this.#check();
    const frames = planes?.[0]?.length ?? 0;
    if (!planes || frames === 0) return;
    const all = new Float32Array(frames * planes.length);
    planes.forEach((plane, i) => {
      all.set(plane, i * frames);
    });
    const data = new AudioData({
      format: "f32-planar",
      sampleRate: OPUS_RATE,
      numberOfFrames: frames,
      numberOfChannels: planes.length,
      timestamp: Math.round((this.#encoded * 1e6) / OPUS_RATE),
      data: all,
    });
    this.#encoded += frames;
    this.#encoder?.encode(data);
    data.close();
  }
}
