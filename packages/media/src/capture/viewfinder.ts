import { TrackClock } from "./clock.ts";

/** A frame, and when it was captured on this worker's clock in microseconds. */
export interface Sighting {
  readonly frame: VideoFrame;
  readonly at: number;
}

/** A track that is looked at. */
interface View {
  readonly reader: ReadableStreamDefaultReader<VideoFrame>;
  readonly clock: TrackClock;
  coming: Promise<Sighting | "ended">;
}

/** Gives the frames of whichever track is on. The caller closes them. */
export class Viewfinder {
  readonly #now: () => number;
  #view: View | undefined;
  #wake = () => {};

  /** `now` is this worker's clock, in microseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Goes over to another track; frames of the one before are not given any more. */
  look(picture: ReadableStream<VideoFrame>): void {
    this.#leave();
    const reader = picture.getReader();
    const clock = new TrackClock();
    this.#view = { reader, clock, coming: this.#read(reader, clock) };
    this.nudge();
  }

  /** The next frame; "ended" once if its track has ended; undefined after `ms` milliseconds or a nudge. */
  async next(ms: number): Promise<Sighting | "ended" | undefined> {
    const view = this.#view;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const nothing = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), ms);
      this.#wake = () => resolve(undefined);
    });
    const got = await (view ? Promise.race([view.coming, nothing]) : nothing);
    clearTimeout(timer);
    if (!got || !view || view !== this.#view) return undefined; // what came was of the track before
    if (got === "ended") this.#view = undefined;
    else view.coming = this.#read(view.reader, view.clock);
    return got;
  }

  /** Lets `next` return. */
  nudge(): void {
    this.#wake();
  }

  close(): void {
    this.#leave();
    this.nudge();
  }

  async #read(reader: View["reader"], clock: TrackClock): Promise<Sighting | "ended"> {
    const { value, done } = await reader.read();
    if (done) return "ended";
    return { frame: value, at: clock.seen(value.timestamp, this.#now()) };
  }

  #leave(): void {
    const view = this.#view;
    this.#view = undefined;
    // A frame that is on its way would never be closed, and its track would stall.
    view?.coming.then((late) => late !== "ended" && late.frame.close()).catch(() => {});
    void view?.reader.cancel().catch(() => {});
  }
}
