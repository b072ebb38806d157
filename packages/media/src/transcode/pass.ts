import { CodedError, Frames, type Micros } from "@tabcast/runtime";
import { MAX_FRAME_RATE } from "../bounds.ts";
import { MediaError, messageOf } from "../errors.ts";
import { frameRateOf, microsOf, type Sample, type VideoTrack } from "../mp4/track.ts";
import { losesRange } from "../range.ts";
import { Planes } from "../rgb.ts";
import type { CodecName, Made, Rung, SourceLimits } from "../types.ts";
import type { SegmentInput } from "./input.ts";
import { type Lane, openLane } from "./lane.ts";
import type { Reporter, Stopwatch } from "./progress.ts";
import type { StreamRates } from "./rate.ts";
import { Shape } from "./shape.ts";
import type { Turn } from "./turns.ts";

/** Frames that may wait at the decoder, and at each encoder. */
const QUEUE = 4;

/** One decoding of a segment and its encoding at every rung. */
export interface PassOptions {
  readonly codec: CodecName;
  readonly rungs: readonly Rung[];
  readonly track: VideoTrack;
  readonly decoder: VideoDecoderConfig;
  /** What to ask of the encoders; the decoder is only ever asked for software. */
  readonly acceleration: HardwareAcceleration;
  readonly limits?: SourceLimits;
  /** Frames per second, if they are known before the first sample. */
  readonly frameRate?: number;
  /** What to ask software encoders for. */
  readonly rates: StreamRates;
  readonly signal: AbortSignal;
  readonly turn: Turn;
  readonly watch: Stopwatch;
  readonly report: Reporter;
  readonly made?: ((made: Made) => void) | undefined;
}

/**
 * Runs a segment through one decoder and the rungs' encoders, from its first sample on. Gives the lanes with all their
 * chunks; coders are closed whatever happens. Throws what the input, a coder or the signal gave.
 */
export async function runPass(input: SegmentInput, options: PassOptions): Promise<readonly Lane[]> {
  const { signal } = options;
  const pass = new Pass(input, options);
  const stop = () => pass.fail(signal.reason);
  signal.addEventListener("abort", stop);
  try {
    signal.throwIfAborted();
    return await pass.run();
  } catch (error) {
    // A closed coder throws its own DOMException; the failure that closed it says why.
    throw pass.failure ?? asMediaError(error, options.codec);
  } finally {
    signal.removeEventListener("abort", stop);
    pass.close();
  }
}

class Pass {
  readonly #input: SegmentInput;
  readonly #options: PassOptions;
  readonly #coders: (VideoDecoder | VideoEncoder)[] = [];
  readonly #broken = Promise.withResolvers<never>();
  readonly #shape: Shape;
  #planes = new Planes(false);
  /** Times of the samples so far, in microseconds; and the newest. */
  readonly #times = new Set<number>();
  #last = 0;
  #frames = 0;
  #wake = () => {};
  /** What broke it, first. */
  failure: unknown;

  constructor(input: SegmentInput, options: PassOptions) {
    this.#input = input;
    this.#options = options;
    this.#shape = new Shape(options.limits?.pixels);
    this.#broken.promise.catch(() => {}); // seen by whoever waits, if anyone does
  }

  close(): void {
    for (const coder of this.#coders) if (coder.state !== "closed") coder.close();
  }

  fail(error: unknown): void {
    this.failure ??= error;
    this.close();
    this.#wake();
    this.#broken.reject(this.failure);
  }

  async run(): Promise<readonly Lane[]> {
    const { turn } = this.#options;
    const { colorSpace } = this.#options.decoder;
    this.#planes = new Planes(colorSpace?.fullRange === true && (await this.#others(losesRange())));
    const lanes = await this.#openLanes();
    this.#mustBeWhole();
    const decoder = this.#openDecoder(lanes);
    for (let index = 0; ; index++) {
      if (this.#input.peek(index) === undefined) turn.give();
      const sample = this.#input.peek(index) ?? (await this.#others(this.#input.at(index)));
      if (sample === undefined) break;
      await this.#others(turn.take());
      this.#decode(decoder, sample);
      while (!this.failure && this.#full(decoder, lanes))
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
    await this.#others(turn.take());
    await decoder.flush().catch(this.#corrupt);
    this.#mustBeWhole();
    decoder.close(); // its frames are memory that the encoders no longer need
    await Promise.all(lanes.map(({ encoder }) => encoder.flush()));
    this.#mustBeWhole();
    return lanes;
  }

  async #openLanes(): Promise<readonly Lane[]> {
    const { codec, rungs, track, acceleration, rates, turn, made, frameRate } = this.#options;
    const input = this.#input;
    if (frameRate === undefined) await this.#others(input.at(0));
    if (input.peek(0) !== undefined) await this.#others(turn.take()); // no encoders open that could not work yet
    const rate = frameRate ?? frameRateOf(input.announced, track.timescale);
    const bounded = Math.min(MAX_FRAME_RATE, Math.max(1, rate));
    const opened = (coder: VideoEncoder) => void this.#coders.push(coder);
    const fail = (error: unknown) => this.fail(error);
    return Promise.all(
      rungs.map((rung, i) =>
        openLane(codec, rung, Frames.rate(rung, bounded), acceleration, opened, fail, {
          rates,
          made: made && ((at, bytes) => made({ rung: i, at, bytes })),
        }),
      ),
    );
  }

  #openDecoder(lanes: readonly Lane[]): VideoDecoder {
    const { decoder: config, acceleration, watch } = this.#options;
    const output = (frame: VideoFrame) => this.#decoded(frame, lanes);
    const decoder = new VideoDecoder({ error: this.#corrupt, output });
    this.#coders.push(decoder);
    for (const coder of this.#coders)
      coder.addEventListener("dequeue", () => {
        watch.stir();
        this.#wake();
      });
    // Hardware is asked of encoders only: decoding costs a tenth, and who has it uses it unasked.
    decoder.configure({
      ...config,
      hardwareAcceleration: acceleration === "prefer-software" ? acceleration : "no-preference",
    });
    return decoder;
  }

  #decoded(decoded: VideoFrame, lanes: readonly Lane[]): void {
    let frame = decoded;
    // Only the first is asked to be a key; the encoder may add keys of its own.
    const keyFrame = this.#frames++ === 0;
    try {
      this.#shape.check(frame);
      frame = this.#planes.of(frame);
      for (const { encoder } of lanes) encoder.encode(frame, { keyFrame });
    } catch (error) {
      this.fail(error);
    } finally {
      frame.close();
    }
    this.#options.report.done(this.#frames);
  }

  #decode(decoder: VideoDecoder, sample: Sample): void {
    const { timescale } = this.#options.track;
    const time = microsOf(sample.time, timescale);
    this.#last = time;
    if (!Number.isSafeInteger(time))
      throw new MediaError({ code: "MEDIA_MALFORMED", at: 0 }, `a frame at ${time} microseconds`);
    if (this.#times.has(time))
      throw new MediaError({ code: "MEDIA_MALFORMED", at: 0 }, "two frames have the same time");
    this.#times.add(time);
    const chunk = new EncodedVideoChunk({
      type: sample.key ? "key" : "delta",
      timestamp: time,
      duration: microsOf(sample.duration, timescale),
      data: sample.data as Uint8Array<ArrayBuffer>,
    });
    try {
      decoder.decode(chunk);
    } catch (error) {
      this.#corrupt(error); // a first frame that is no key
      throw this.failure;
    }
  }

  #full(decoder: VideoDecoder, lanes: readonly Lane[]): boolean {
    return (
      decoder.decodeQueueSize > QUEUE ||
      lanes.some(({ encoder }) => encoder.encodeQueueSize > QUEUE)
    );
  }

  readonly #corrupt = (error: unknown): void => {
    const at = this.#last as Micros;
    this.fail(
      new MediaError(
        { code: "MEDIA_CORRUPT", at },
        `corrupt video at ${(at / 1e6).toFixed(3)} s: ${messageOf(error)}`,
        { cause: error },
      ),
    );
  };

  #mustBeWhole(): void {
    if (this.failure) throw this.failure;
  }

  /** Waits for what is not ours to do. A coder's failure or an abort ends the wait. */
  #others<T>(wait: Promise<T>): Promise<T> {
    return this.#options.watch.idle(Promise.race([wait, this.#broken.promise]));
  }
}

const asMediaError = (error: unknown, codec: CodecName) =>
  error instanceof CodedError
    ? error
    : new MediaError(
        { code: "MEDIA_ENCODER", codec },
        `transcoding to ${codec} failed: ${messageOf(error)}`,
        { cause: error },
      );
