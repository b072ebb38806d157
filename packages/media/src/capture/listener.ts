import { OpusLine } from "../sound/audio.ts";
import type { Fragment } from "../types.ts";
import { TrackClock } from "./clock.ts";

/** Sound that has not come this long after its video is not waited for, in milliseconds. */
const PATIENCE_MS = 500;
/** Sound that an Opus packet past a border needs, in seconds. */
const AHEAD = 0.06;

export interface ListenerOptions {
  /** Of the line that comes out, in hertz, and 1 or 2. */
  readonly sampleRate: number;
  readonly channels: number;
  /** This worker's clock, in microseconds. */
  readonly now: () => number;
  /** Seconds of media time of a moment on that clock; undefined before the stream has begun. */
  readonly place: (at: number) => number | undefined;
}

/** Makes one unbroken line of sound from whichever track is on; while there is none, or it is silent, silence. */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #line = new OpusLine();
  #reader: ReadableStreamDefaultReader<AudioData> | undefined;
  #failure: unknown;
  #wake = () => {};

  constructor(options: ListenerOptions) {
    this.#options = options;
    // Before any track says otherwise: the next one may have more channels.
    this.#line.open(options.sampleRate, options.channels);
  }

  /** Goes over to another track, or to none. `ended` is called if the track ends by itself. */
  listen(sound: ReadableStream<AudioData> | undefined, ended: () => void): void {
    void this.#reader?.cancel().catch(() => {});
    const reader = sound?.getReader();
    this.#reader = reader;
    if (reader)
      this.#hear(reader)
        .catch((error: unknown) => {
          this.#failure ??= error;
        })
        .finally(() => {
          if (this.#reader !== reader) return;
          this.#reader = undefined;
          ended();
          this.#wake();
        });
    this.#wake();
  }

  async #hear(reader: ReadableStreamDefaultReader<AudioData>): Promise<void> {
    const { now, place } = this.#options;
    const clock = new TrackClock();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      if (this.#reader !== reader) {
        value.close();
        return;
      }
      // Samples can come no earlier than their last one was heard.
      const length = (value.numberOfFrames * 1e6) / value.sampleRate;
      const at = place(clock.seen(value.timestamp + length, now()) - length);
      if (at === undefined) value.close();
      else this.#line.add(value, at);
      this.#wake();
    }
  }

  /** The packets up to `end` seconds, which were heard by now or soon are. `last`: no more will be asked for. */
  async until(end: number, last: boolean): Promise<Fragment | undefined> {
    const enough = end + AHEAD;
    const until = performance.now() + PATIENCE_MS;
    const patience = setTimeout(() => this.#wake(), PATIENCE_MS);
    while (this.#reader && this.#line.written < enough && performance.now() < until)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    clearTimeout(patience);
    this.check();
    // A microphone that is slow to start, muted or unplugged leaves silence, not a hole.
    if (this.#line.written < enough) this.#line.silence(enough);
    if (last) await this.#line.finish();
    else await this.#line.reached(end);
    return this.#line.take(end);
  }

  /** Throws what went wrong while listening. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  close(): void {
    const reader = this.#reader;
    this.#reader = undefined;
    void reader?.cancel().catch(() => {});
    this.#line.close();
    this.#wake();
  }
}
