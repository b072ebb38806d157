import { isKeyPacket } from "./bitstream.ts";
import { chunkBytes } from "./codecs.ts";
import { MediaError, messageOf } from "./errors.ts";
import { encoderConfigOf, videoTrackOf } from "./lane.ts";
import { readInit } from "./mp4/read.ts";
import type { Sample } from "./mp4/track.ts";
import { writeInit, writeMedia } from "./mp4/write.ts";
import { microsOf } from "./transcode.ts";
import type { Fragment } from "./types.ts";

/** Frames that may wait at an encoder before its feeder waits too. */
const QUEUE = 4;

/** How a source's own rung is encoded: always H.264. Sizes in pixels, ticks per second, bits per second. */
export interface EncodeSettings {
  readonly width: number;
  readonly height: number;
  readonly bitrate: number;
  readonly frameRate: number;
  readonly timescale: number;
}

/** One closed GOP under way: a fresh encoder, whose first frame is a key. */
class Gop {
  readonly start: number;
  readonly #settings: EncodeSettings;
  readonly #encoder: VideoEncoder;
  readonly #chunks: EncodedVideoChunk[] = [];
  readonly #times: number[] = [];
  #config: VideoDecoderConfig | undefined;
  #failure: unknown;
  #wake = () => {};

  constructor(settings: EncodeSettings, start: number) {
    this.#settings = settings;
    this.start = start;
    this.#encoder = new VideoEncoder({
      error: (error) => {
        this.#failure ??= error;
        this.#wake();
      },
      output: (chunk, meta) => {
        this.#chunks.push(chunk);
        if (meta?.decoderConfig) this.#config ??= meta.decoderConfig;
      },
    });
    this.#encoder.addEventListener("dequeue", () => this.#wake());
    this.#encoder.configure(encoderConfigOf("avc", settings, settings.frameRate));
  }

  /** Takes a frame shown at `time` ticks and closes it; waits while the encoder is behind. */
  async add(frame: VideoFrame, time: number): Promise<void> {
    const timestamp = microsOf(time, this.#settings.timescale);
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
          this.#encoder.encode(timed, { keyFrame: this.#times.length === 0 });
      } finally {
        timed.close();
      }
    } finally {
      frame.close();
    }
    this.#times.push(time);
    while (this.#failure === undefined && this.#encoder.encodeQueueSize > QUEUE)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    if (this.#failure !== undefined) throw this.#error(this.#failure);
  }

  /** The fragment, once every frame is out. `end` is when the last frame ends, in ticks. */
  async finish(end: number, sequence: number): Promise<Fragment> {
    const { timescale } = this.#settings;
    try {
      await this.#encoder.flush();
    } catch (error) {
      throw this.#error(this.#failure ?? error);
    } finally {
      this.close();
    }
    const at = new Map(this.#times.map((time, i) => [microsOf(time, timescale), i]));
    const samples = this.#chunks.flatMap((chunk): Sample[] => {
      const i = at.get(chunk.timestamp);
      if (i === undefined) return [];
      const time = this.#times[i] as number;
      const next = this.#times[i + 1] ?? end;
      return [{ data: chunkBytes(chunk), time, duration: next - time, key: chunk.type === "key" }];
    });
    if (samples.length !== this.#times.length)
      throw new MediaError(
        { code: "MEDIA_INCOMPLETE", frames: samples.length, expected: this.#times.length },
        `the source encoder gave ${samples.length} of ${this.#times.length} frames`,
      );
    const track = videoTrackOf("avc", this.#settings, timescale, this.#config);
    const [first] = samples;
    if (!first || !isKeyPacket("avc", first.data, track.description))
      throw this.#error("its first frame is no key frame");
    const init = writeInit(track);
    return {
      init,
      media: writeMedia(track, samples, sequence),
      codecs: readInit(init).codecs,
      frames: samples.length,
    };
  }

  close(): void {
    if (this.#encoder.state !== "closed") this.#encoder.close();
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
  #gop: Gop | undefined;
  #border = 0;
  #seq = 0;

  /** `length` in ticks, not necessarily whole. */
  constructor(settings: EncodeSettings, length: number) {
    this.settings = settings;
    this.#length = length;
  }

  /** Takes a frame; returns the GOP before it if it begins a new one. Waits while the encoder is behind. */
  async add(frame: VideoFrame, time: number): Promise<VideoCut | undefined> {
    const before = this.isBorder(time) ? this.cut(time) : undefined;
    while (this.isBorder(time)) this.#border += this.#length;
    this.#gop ??= new Gop(this.settings, time);
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
    const video = gop.finish(end, ++this.#seq);
    video.catch(() => {}); // whoever takes the cut hears of it
    return { start: gop.start, end, video };
  }

  close(): void {
    this.#gop?.close();
    this.#gop = undefined;
  }
}
