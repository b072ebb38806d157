import { bytesOf, chunkBytes } from "./codecs.ts";
import { MediaError, messageOf } from "./errors.ts";
import { readInit } from "./mp4/read.ts";
import type { AudioTrack, Sample } from "./mp4/track.ts";
import { writeInit, writeMedia } from "./mp4/write.ts";
import type { Fragment } from "./types.ts";

/** Opus always counts in these, whatever the input's rate. */
export const OPUS_RATE = 48_000;
/** Bits per second per channel of what we encode. */
const OPUS_BITRATE = 64_000;
/** A hole or overlap in the input longer than this is filled or cut; a shorter one is jitter, in seconds. */
const JITTER = 0.02;

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

  push(sample: Sample): void {
    this.#waiting.push(sample);
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

/** Encodes PCM to Opus once, on a line of its own without hole or overlap. Mono and stereo; more is mixed down. */
export class OpusLine {
  readonly #line = new PacketLine();
  #encoder: AudioEncoder | undefined;
  #rate = 0;
  #channels = 0;
  /** Samples per channel written, and ticks of the packets that have come out. */
  #written = 0;
  #next = 0;
  #track: AudioTrack | undefined;
  #failure: unknown;
  #wake = () => {};

  /**
   * Adds samples that begin at `at` seconds and closes them. A hole before them is filled with silence; what overlaps
   * what is already written, or lies before zero, is left out. The first rate and number of channels stay the line's own.
   */
  add(data: AudioData, at: number): void {
    const { numberOfFrames, sampleRate, numberOfChannels } = data;
    const planes = planesOf(data);
    data.close();
    if (at + numberOfFrames / sampleRate <= 0) return;
    this.open(sampleRate, Math.min(2, numberOfChannels));
    // The first is placed exactly; after it, small differences are jitter of the stamps.
    const jitter = this.#written === 0 ? 0 : JITTER;
    const drift = at - this.written;
    if (drift > jitter) this.#fill(Math.round(drift * this.#rate));
    const skip = drift < -jitter ? Math.round(-drift * sampleRate) : 0;
    if (skip >= numberOfFrames) return;
    const mixed = mix(planes, this.#channels, skip);
    this.#write(
      sampleRate === this.#rate
        ? mixed
        : mixed.map((plane) => resampled(plane, sampleRate / this.#rate)),
    );
  }

  /** Adds samples that follow the last ones, one array per channel. `rate` in hertz. */
  append(planes: readonly Float32Array<ArrayBuffer>[], rate: number): void {
    this.open(rate, planes.length);
    this.#write(planes);
  }

  /** Writes silence up to `end` seconds. */
  silence(end: number): void {
    this.#fill(Math.max(0, Math.round((end - this.written) * this.#rate)));
  }

  /** Seconds written so far. */
  get written(): number {
    return this.#rate === 0 ? 0 : this.#written / this.#rate;
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

  /** Settles rate (hertz) and channels (1 or 2) of the line, if no sample has yet. */
  open(rate: number, channels: number): void {
    if (this.#encoder) return;
    this.#rate = rate;
    this.#channels = channels;
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
      sampleRate: rate,
      numberOfChannels: channels,
      bitrate: OPUS_BITRATE * channels,
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

  #fill(frames: number): void {
    for (let left = frames; left > 0; left -= this.#rate) {
      const count = Math.min(left, this.#rate);
      this.#write(Array.from({ length: this.#channels }, () => new Float32Array(count)));
    }
  }

  #write(planes: readonly Float32Array<ArrayBuffer>[]): void {
    this.#check();
    const frames = planes[0]?.length ?? 0;
    const all = new Float32Array(frames * planes.length);
    planes.forEach((plane, i) => {
      all.set(plane, i * frames);
    });
    const data = new AudioData({
      format: "f32-planar",
      sampleRate: this.#rate,
      numberOfFrames: frames,
      numberOfChannels: planes.length,
      timestamp: Math.round((this.#written * 1e6) / this.#rate),
      data: all,
    });
    this.#written += frames;
    this.#encoder?.encode(data);
    data.close();
  }
}

function planesOf(data: AudioData): Float32Array<ArrayBuffer>[] {
  return Array.from({ length: data.numberOfChannels }, (_, planeIndex) => {
    const plane = new Float32Array(data.numberOfFrames);
    data.copyTo(plane, { planeIndex, format: "f32-planar" });
    return plane;
  });
}

/** The planes from sample `skip` on, as `channels` of them: 5.1 and the like keep front and centre, and a little of the back. */
function mix(
  planes: readonly Float32Array<ArrayBuffer>[],
  channels: number,
  skip: number,
): Float32Array<ArrayBuffer>[] {
  const cut = planes.map((plane) => (skip === 0 ? plane : plane.slice(skip)));
  if (cut.length <= channels) {
    const [first = new Float32Array(0)] = cut;
    return Array.from({ length: channels }, (_, i) => cut[i] ?? first);
  }
  const [left, right, centre, , ...back] = cut;
  if (channels === 1 || !left || !right) return [left ?? new Float32Array(0)];
  const side = (own: Float32Array, behind: Float32Array | undefined) =>
    own.map((v, i) => (v + 0.7 * (centre?.[i] ?? 0) + 0.7 * (behind?.[i] ?? 0)) / 2.4);
  return [
    side(left, back[0]) as Float32Array<ArrayBuffer>,
    side(right, back[1]) as Float32Array<ArrayBuffer>,
  ];
}

/** A plane at another rate, by straight lines between samples: for a device that changes its rate in mid-stream. */
function resampled(plane: Float32Array, step: number): Float32Array<ArrayBuffer> {
  const last = plane.length - 1;
  return Float32Array.from({ length: Math.floor(plane.length / step) }, (_, i) => {
    const at = i * step;
    const from = Math.floor(at);
    const [a, b] = [plane[from] ?? 0, plane[Math.min(last, from + 1)] ?? 0];
    return a + (b - a) * (at - from);
  });
}

/** Length of an Opus packet in samples at 48 kHz, from its first bytes (RFC 6716 section 3.1). */
export function opusDuration(packet: Uint8Array): number {
  const toc = packet[0] ?? 0;
  const config = toc >> 3;
  const frame =
    config < 12
      ? [480, 960, 1920, 2880][config & 3]
      : config < 16
        ? [480, 960][config & 1]
        : [120, 240, 480, 960][config & 3];
  const code = toc & 3;
  const count = code === 0 ? 1 : code < 3 ? 2 : (packet[1] ?? 0) & 63;
  return (frame ?? 960) * count;
}

/** The track of an Opus decoder configuration; its description is an OpusHead, made here if it is missing. */
export function opusTrack(config: AudioDecoderConfig | undefined, channels: number): AudioTrack {
  const given = config?.description ? bytesOf(config.description) : undefined;
  const count = config?.numberOfChannels ?? channels;
  const head = Uint8Array.from([
    ...[0x4f, 0x70, 0x75, 0x73, 0x48, 0x65, 0x61, 0x64, 1, count],
    ...[0x38, 1, 0x80, 0xbb, 0, 0, 0, 0, 0], // 312 samples of pre-skip, 48 kHz, no gain, family 0
  ]);
  return {
    kind: "audio",
    codec: "opus",
    codecs: "opus",
    timescale: OPUS_RATE,
    sampleRate: OPUS_RATE,
    channels: count,
    description: given && given.length >= 19 ? given : head,
  };
}
