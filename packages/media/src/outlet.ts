import type { Micros } from "@tabcast/runtime";
import { MediaError } from "./errors.ts";
import type { Fragment, SourceSegment } from "./types.ts";

/** A GOP that a producer has cut: its span in microseconds, and its fragments as they become ready. */
export interface Cut {
  readonly start: number;
  readonly end: number;
  /** Unix milliseconds. */
  readonly capturedAt: number;
  readonly video: Promise<Fragment>;
  /** Called once the cuts before it have their audio, so that audio is handed out in order. */
  readonly audio?: () => Promise<Fragment | undefined>;
}

/** How segments leave a source's worker. */
export interface OutletOptions {
  /** Sends a segment to the page. */
  readonly send: (segment: SourceSegment) => void;
  /** "wait": the producer waits while `bound` segments are unread. "refuse": it fails with MEDIA_OVERRUN. */
  readonly full: "wait" | "refuse";
  readonly bound: number;
  /** Gives a segment out no earlier than its end, counted from the first one. */
  readonly realTime: boolean;
}

/** Sends cuts in order as segments, with a bound on how many the page has not read. */
export class Outlet {
  readonly #options: OutletOptions;
  #seq = 0;
  #unread = 0;
  #origin: number | undefined;
  #before: Promise<void> = Promise.resolve();
  #wake = () => {};

  constructor(options: OutletOptions) {
    this.#options = options;
  }

  /** The page has read one segment. */
  taken(): void {
    this.#unread--;
    this.#wake();
  }

  /** Queues a cut. Resolves when the one before it has left, so at most two are in hand. */
  async emit(cut: Cut): Promise<void> {
    const before = this.#before;
    const own = before.then(() => this.#leave(cut));
    own.catch(() => {}); // the next emit, or finish, hears of it
    this.#before = own;
    await before;
  }

  /** Resolves when everything has left. */
  finish(): Promise<void> {
    return this.#before;
  }

  async #leave({ start, end, capturedAt, video, audio }: Cut): Promise<void> {
    const { full, bound, realTime, send } = this.#options;
    const sound = await audio?.();
    const picture = await video;
    if (full === "refuse" && this.#unread >= bound) {
      const seq = this.#seq - this.#unread;
      throw new MediaError(
        { code: "MEDIA_OVERRUN", seq, bound },
        `segment ${seq} was not read while ${bound} more were captured`,
      );
    }
    while (full === "wait" && this.#unread >= bound)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    if (realTime) {
      this.#origin ??= performance.now() - start / 1000;
      const due = this.#origin + end / 1000;
      const left = due - performance.now();
      if (left > 0) await new Promise((resolve) => setTimeout(resolve, left));
    }
    this.#unread++;
    send({
      seq: this.#seq++,
      start: start as Micros,
      duration: (end - start) as Micros,
      capturedAt,
      video: picture,
      ...(sound ? { audio: sound } : {}),
    });
  }
}

/** What a producer is given: where its segments go, and when to stop. */
export interface Studio {
  readonly outlet: Outlet;
  /** Aborted when the input is to end after the GOP in hand. */
  readonly stop: AbortSignal;
}
