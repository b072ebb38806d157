import type { Micros } from "@tabcast/runtime";
import type { MediaError } from "../errors.ts";
import type { Opening, SourceSegment } from "../types.ts";
import type { Leaving } from "./outlet.ts";
import { Tape } from "./tape.ts";

type Closed = Omit<SourceSegment, "audio">;

/** A promise that nobody has to look at. */
function promised<T>(): PromiseWithResolvers<T> {
  const made = Promise.withResolvers<T>();
  made.promise.catch(() => {});
  return made;
}

/** A segment that is being made, put together in the page from what its worker says of it. */
export class Making {
  readonly opening: Opening;
  readonly #tape = new Tape();
  readonly #closed = promised<Closed>();
  readonly #whole = promised<SourceSegment>();
  #known: Closed | undefined;

  constructor(begun: Extract<Leaving, { begun: unknown }>["begun"]) {
    const { seq, start, duration, capturedAt, frameRate, init } = begun;
    this.opening = {
      seq,
      start: start as Micros,
      capturedAt,
      planned: {
        duration: duration as Micros,
        frames: Math.max(1, Math.round((duration * frameRate) / 1e6)),
      },
      frameRate,
      complete: false,
      init,
      media: () => this.#tape.read(),
      closed: this.#closed.promise,
      whole: this.#whole.promise,
    };
  }

  /** Takes the next thing that left the worker, in its order: pieces, closed, sound. */
  take(leaving: Extract<Leaving, { of: number }>): void {
    if ("piece" in leaving) this.#tape.add(leaving.piece);
    else if ("closed" in leaving) {
      const { seq, start, capturedAt, init } = this.opening;
      const { codecs, frames, duration } = leaving.closed;
      const video = { init, media: this.#tape.bytes(), codecs, frames };
      this.#known = { seq, start, duration: duration as Micros, capturedAt, video };
      this.#tape.end();
      this.#closed.resolve(this.#known);
    } else if (this.#known)
      this.#whole.resolve({ ...this.#known, ...(leaving.sound ? { audio: leaving.sound } : {}) });
  }

  /** Its source has ended before it was complete. */
  fail(error: MediaError): void {
    this.#tape.fail(error);
    this.#closed.reject(error);
    this.#whole.reject(error);
  }
}

/** A segment that was complete when it was first heard of. */
export function openedWhole(segment: SourceSegment, frameRate = 0): Opening {
  const { seq, start, duration, capturedAt, video } = segment;
  const tape = new Tape();
  tape.add(video.media);
  tape.end();
  return {
    seq,
    start,
    capturedAt,
    planned: { duration, frames: video.frames },
    frameRate: frameRate || (video.frames * 1e6) / duration,
    complete: true,
    init: video.init,
    media: () => tape.read(),
    closed: Promise.resolve(segment),
    whole: Promise.resolve(segment),
  };
}
