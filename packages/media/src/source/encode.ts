import { concatBytes } from "@tabcast/runtime";
import { isKeyPacket } from "../bitstream.ts";
import { chunkBytes } from "../codecs.ts";
import { MediaError, messageOf } from "../errors.ts";
import { readInit } from "../mp4/read.ts";
import { microsOf, type Sample, type VideoTrack } from "../mp4/track.ts";
import { writeChunk, writeInit, writeMedia } from "../mp4/write.ts";
import { encoderConfigOf, videoTrackOf } from "../transcode/lane.ts";
import type { Fragment } from "../types.ts";

/** Frames that may wait at an encoder before its feeder waits too. */
const QUEUE = 4;
/**
 * Length of a chunk of a segment that is handed out while it is made, in seconds: what is left to transcode at the
 * segment's end is one chunk, and each costs about 150 bytes.
 */
const CHUNK = 0.25;

/** How a source's own rung is encoded: always H.264. Sizes in pixels, ticks per second, bits per second. */
export interface EncodeSettings {
  readonly width: number;
  readonly height: number;
  readonly bitrate: number;
  readonly frameRate: number;
  readonly timescale: number;
}

/** A GOP whose first packet is there. Times in microseconds. */
export interface Begun {
  readonly start: number;
  /** What it is going to be, unless the source ends before. */
  readonly duration: number;
  readonly frameRate: number;
  readonly init: Uint8Array<ArrayBuffer>;
}

/** Takes the bytes of a GOP as they are made: the pieces in a row are its media segment. */
export type Pieces = (piece: Uint8Array<ArrayBuffer>) => void;

/** Called when a GOP has begun; what it throws ends the source. */
export type Begin = (begun: Begun) => Pieces;

/** One closed GOP under way: a fresh encoder, whose first frame is a key. */
class Gop {
  readonly start: number;
  readonly #settings: EncodeSettings;
  readonly #sequence: number;
  readonly #begin: (init: Uint8Array<ArrayBuffer>) => Pieces | undefined;
  readonly #encoder: VideoEncoder;
  readonly #chunks: EncodedVideoChunk[] = [];
  readonly #times: number[] = [];
  /** Places in `#times`, by microseconds. */
  readonly #places = new Map<number, number>();
  readonly #samples: Sample[] = [];
  readonly #pieces: Uint8Array<ArrayBuffer>[] = [];
  /** Samples that are in a piece. */
  #given = 0;
  #track: VideoTrack | undefined;
  #init: Uint8Array<ArrayBuffer> | undefined;
  #give: Pieces | undefined;
  #failure: unknown;
  #wake = () => {};

  /** `begin` is given the init segment; it returns nothing where nobody wants the bytes before the GOP is complete. */
  constructor(
    settings: EncodeSettings,
    start: number,
    sequence: number,
    begin: (init: Uint8Array<ArrayBuffer>) => Pieces | undefined,
  ) {
    this.#settings = settings;
    this.start = start;
    this.#sequence = sequence;
    this.#begin = begin;
    this.#encoder = new VideoEncoder({
      error: (error) => {
        this.#failure ??= error;
        this.#wake();
      },
      output: (chunk, meta) => {
        try {
          this.#chunks.push(chunk);
          this.#open(chunk, meta?.decoderConfig);
          this.#settle();
          this.#hand(CHUNK);
        } catch (error) {
          this.#failure ??= error;
          this.#wake();
        }
      },
    });
    this.#encoder.addEventListener("dequeue", () => this.#wake());
    this.#encoder.configure(encoderConfigOf("avc", settings, settings.frameRate));
  }

  /** Takes a frame shown at `time` ticks and closes it; waits while the encoder is behind. */
  async add(frame: VideoFrame, time: number): Promise<void> {
    const timestamp = microsOf(time, this.#settings.timescale);
    this.#places.set(timestamp, this.#times.length);
    this.#times.push(time);
    try {
      const timed =
        frame.timestamp === timestamp && frame.duration !== null
          ? frame
          : new VideoFrame(frame, {
              timestamp,
              duration: Math.round(1e6 / this.#settings.frameRate),
            });
      try {
        if (this.#failure === undefined)
          this.#encoder.encode(timed, { keyFrame: this.#times.length === 1 });
      } finally {
        timed.close();
      }
    } finally {
      frame.close();
    }
    while (this.#failure === undefined && this.#encoder.encodeQueueSize > QUEUE)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    if (this.#failure !== undefined) throw this.#error(this.#failure);
  }

  /** The fragment, once every frame is out. `end` is when the last frame ends, in ticks. */
  async finish(end: number): Promise<Fragment> {
    try {
      await this.#encoder.flush();
    } catch (error) {
      throw this.#error(this.#failure ?? error);
    } finally {
      this.close();
    }
    if (this.#failure !== undefined) throw this.#error(this.#failure);
    this.#settle(end);
    const samples = this.#samples;
    if (samples.length !== this.#times.length || !this.#track || !this.#init)
      throw new MediaError(
        { code: "MEDIA_INCOMPLETE", frames: samples.length, expected: this.#times.length },
        `the source encoder gave ${samples.length} of ${this.#times.length} frames`,
      );
    this.#hand(0);
    return {
      init: this.#init,
      media: this.#give
        ? concatBytes(...this.#pieces)
        : writeMedia(this.#track, samples, this.#sequence),
      codecs: readInit(this.#init).codecs,
      frames: samples.length,
    };
  }

  close(): void {
    if (this.#encoder.state !== "closed") this.#encoder.close();
  }

  /** The first packet says what the track is. */
  #open(chunk: EncodedVideoChunk, config: VideoDecoderConfig | undefined): void {
    if (this.#init) return;
    const first = chunkBytes(chunk);
    this.#track = videoTrackOf("avc", this.#settings, this.#settings.timescale, config, first);
    if (!isKeyPacket("avc", first, this.#track.description))
      throw this.#error("its first frame is no key frame");
    this.#init = writeInit(this.#track);
    this.#give = this.#begin(this.#init);
  }

  /** Makes samples of the packets whose duration is known: to the next frame, or to the `end` of all. */
  #settle(end?: number): void {
    for (let chunk = this.#chunks[0]; chunk !== undefined; chunk = this.#chunks[0]) {
      const place = this.#places.get(chunk.timestamp);
      if (place === undefined) throw this.#error(`it made a frame at ${chunk.timestamp} us`);
      const time = this.#times[place] as number;
      const next = this.#times[place + 1] ?? end;
      if (next === undefined) return;
      this.#chunks.shift();
      const key = chunk.type === "key";
      this.#samples.push({ data: chunkBytes(chunk), time, duration: next - time, key });
    }
  }

  /** Gives out the samples that were not, if they last `least` seconds. */
  #hand(least: number): void {
    const samples = this.#samples.slice(this.#given);
    const track = this.#track;
    if (!this.#give || !track || samples.length === 0) return;
    const ticks = samples.reduce((sum, { duration }) => sum + duration, 0);
    if (ticks < least * track.timescale) return;
    // Frames that an encoder has reordered must not be parted.
    const last = samples.reduce((most, { time }) => Math.max(most, time), 0);
    if (last !== this.#times[this.#given + samples.length - 1]) return;
    const place = this.#given === 0 ? "first" : "later";
    const piece = writeChunk(track, samples, this.#sequence, place);
    this.#given += samples.length;
    this.#pieces.push(piece);
    this.#give(piece);
  }

  #error(cause: unknown): MediaError {
    if (cause instanceof MediaError) return cause;
    const { width, height } = this.#settings;
    return new MediaError(
      { code: "MEDIA_ENCODER", codec: "avc" },
      `encoding the source at ${width}x${height} failed: ${messageOf(cause)}`,
      { cause },
    );
  }
}

/** A closed GOP of the source's own rung. Times in ticks; the fragment follows when its encoder is done. */
export interface VideoCut {
  readonly start: number;
  readonly end: number;
  readonly video: Promise<Fragment>;
}

/** Encodes frames and cuts them at whole multiples of the segment length. */
export class Cutter {
  readonly settings: EncodeSettings;
  readonly #length: number;
  readonly #begin: Begin | undefined;
  #gop: Gop | undefined;
  #border = 0;
  #seq = 0;

  /** `length` in ticks, not necessarily whole. With `begin`, GOPs are chunked CMAF and given out while they are made. */
  constructor(settings: EncodeSettings, length: number, begin?: Begin) {
    this.settings = settings;
    this.#length = length;
    this.#begin = begin;
  }

  /** Takes a frame; returns the GOP before it if it begins a new one. Waits while the encoder is behind. */
  async add(frame: VideoFrame, time: number): Promise<VideoCut | undefined> {
    const before = this.isBorder(time) ? this.cut(time) : undefined;
    while (this.isBorder(time)) this.#border += this.#length;
    this.#gop ??= this.#open(time);
    await this.#gop.add(frame, time);
    return before;
  }

  /** True if a frame shown at `time` ticks begins a new GOP. */
  isBorder(time: number): boolean {
    // Containers that count in milliseconds may give the frame on the border up to one too early.
    return time + this.settings.timescale / 1000 >= this.#border;
  }

  /** Ends the GOP in hand, whose last frame ends at `end` ticks. */
  cut(end: number): VideoCut | undefined {
    const gop = this.#gop;
    if (!gop) return undefined;
    this.#gop = undefined;
    const video = gop.finish(end);
    video.catch(() => {}); // whoever takes the cut hears of it
    return { start: gop.start, end, video };
  }

  close(): void {
    this.#gop?.close();
    this.#gop = undefined;
  }

  #open(time: number): Gop {
    const { timescale, frameRate } = this.settings;
    const start = microsOf(time, timescale);
    const duration = microsOf(this.#border, timescale) - start;
    return new Gop(this.settings, time, ++this.#seq, (init) =>
      this.#begin?.({ start, duration, frameRate, init }),
    );
  }
}
