import { CodedError, type Micros } from "@tabcast/runtime";
import { MAX_FRAME_RATE } from "../bounds.ts";
import { MediaError, messageOf } from "../errors.ts";
import { frameRateOf, microsOf, type VideoTrack } from "../mp4/track.ts";
import type { CodecName, Made, Rung } from "../types.ts";
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
export async function runPass(
  input: SegmentInput,
  {
    codec,
    rungs,
    track,
    decoder: config,
    acceleration,
    rates,
    signal,
    turn,
    watch,
    report,
    made,
    ...known
  }: PassOptions,
): Promise<readonly Lane[]> {
  let failure: unknown;
  let frames = 0;
  let last = 0;
  let wake = () => {};
  const coders: (VideoDecoder | VideoEncoder)[] = [];
  const broken = Promise.withResolvers<never>();
  broken.promise.catch(() => {}); // seen by whoever waits, if anyone does
  const close = () => {
    for (const coder of coders) if (coder.state !== "closed") coder.close();
  };
  const fail = (error: unknown) => {
    failure ??= error;
    close();
    wake();
    broken.reject(failure);
  };
  const corrupt = (error: unknown) =>
    fail(
      new MediaError(
        { code: "MEDIA_CORRUPT", at: last as Micros },
        `corrupt video at ${(last / 1e6).toFixed(3)} s: ${messageOf(error)}`,
        { cause: error },
      ),
    );
  const stop = () => fail(signal.reason);
  /** Waits for what is not ours to do. A coder's failure or an abort ends the wait. */
  const others = <T>(wait: Promise<T>) => watch.idle(Promise.race([wait, broken.promise]));
  signal.addEventListener("abort", stop);
  try {
    signal.throwIfAborted();
    if (known.frameRate === undefined) await others(input.at(0));
    if (input.peek(0) !== undefined) await others(turn.take()); // no encoders open that could not work yet
    const rate = known.frameRate ?? frameRateOf(input.announced, track.timescale);
    const frameRate = Math.min(MAX_FRAME_RATE, Math.max(1, rate));
    const lanes = await Promise.all(
      rungs.map((rung, i) =>
        openLane(codec, rung, frameRate, acceleration, (coder) => coders.push(coder), fail, {
          rates,
          made: made && ((at, bytes) => made({ rung: i, at, bytes })),
        }),
      ),
    );
    if (failure) throw failure;
    const shape = new Shape();
    const decoder = new VideoDecoder({
      error: corrupt,
      output: (frame) => {
        // Only the first is asked to be a key; the encoder may add keys of its own.
        const keyFrame = frames++ === 0;
        try {
          shape.check(frame);
          for (const { encoder } of lanes) encoder.encode(frame, { keyFrame });
        } catch (error) {
          fail(error);
        } finally {
          frame.close();
        }
        report.done(frames);
      },
    });
    coders.push(decoder);
    for (const coder of coders)
      coder.addEventListener("dequeue", () => {
        watch.stir();
        wake();
      });
    // Hardware is asked of encoders only: decoding costs a tenth, and who has it uses it unasked.
    decoder.configure({
      ...config,
      hardwareAcceleration: acceleration === "prefer-software" ? acceleration : "no-preference",
    });
    const times = new Set<number>();
    for (let index = 0; ; index++) {
      if (input.peek(index) === undefined) turn.give();
      const sample = input.peek(index) ?? (await others(input.at(index)));
      if (sample === undefined) break;
      await others(turn.take());
      last = microsOf(sample.time, track.timescale);
      if (!Number.isSafeInteger(last))
        throw new MediaError({ code: "MEDIA_MALFORMED", at: 0 }, `a frame at ${last} microseconds`);
      if (times.has(last))
        throw new MediaError({ code: "MEDIA_MALFORMED", at: 0 }, "two frames have the same time");
      times.add(last);
      const chunk = new EncodedVideoChunk({
        type: sample.key ? "key" : "delta",
        timestamp: last,
        duration: microsOf(sample.duration, track.timescale),
        data: sample.data as Uint8Array<ArrayBuffer>,
      });
      try {
        decoder.decode(chunk);
      } catch (error) {
        corrupt(error); // a first frame that is no key
        throw failure;
      }
      while (
        !failure &&
        (decoder.decodeQueueSize > QUEUE ||
          lanes.some(({ encoder }) => encoder.encodeQueueSize > QUEUE))
      )
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
    await others(turn.take());
    await decoder.flush().catch(corrupt);
    if (failure) throw failure;
    decoder.close(); // its frames are memory that the encoders no longer need
    await Promise.all(lanes.map(({ encoder }) => encoder.flush()));
    if (failure) throw failure;
    return lanes;
  } catch (error) {
    // A closed coder throws its own DOMException; the failure that closed it says why.
    throw failure ?? asMediaError(error, codec);
  } finally {
    signal.removeEventListener("abort", stop);
    close();
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
