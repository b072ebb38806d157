import type { Micros } from "@tabcast/runtime";
import { MediaError } from "../errors.ts";
import type { Fragment, SourceSegment } from "../types.ts";
import type { Begin, Begun } from "./encode.ts";

/** What leaves a source's worker. A segment leaves whole, or from its beginning on: begun, pieces, closed, sound. */
export type Leaving =
  | { readonly segment: SourceSegment }
  | { readonly begun: Begun & { readonly seq: number; readonly capturedAt: number } }
  | { readonly piece: Uint8Array<ArrayBuffer>; readonly of: number }
  /** All pieces have left. Microseconds. */
  | {
      readonly closed: Pick<Fragment, "codecs" | "frames"> & { readonly duration: number };
      readonly of: number;
    }
  /** Nothing more comes. */
  | { readonly sound: Fragment | undefined; readonly of: number };

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
  /** Sends to the page. */
  readonly send: (leaving: Leaving) => void;
  /** "wait": the producer waits while `bound` segments are unread. "refuse": it fails with MEDIA_OVERRUN. */
  readonly full: "wait" | "refuse";
  readonly bound: number;
  /** Begun segments are handed out while they are made; for a source that refuses when full. Default false. */
  readonly early?: boolean;
  /** Gives a segment out no earlier than its end, counted from the first one. */
  readonly realTime: boolean;
}

/** Sends cuts in order as segments, with a bound on how many the page has not read. */
export class Outlet {
  readonly #options: OutletOptions;
  /** Sequences of the segments that are known to the page and not complete, by when they start. */
  readonly #begun = new Map<number, number>();
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

  /**
   * What tells the page of a segment at its beginning; a cut with the same start completes it. Undefined unless `early`.
   * `capturedAt` says when what starts at so many microseconds was captured, in Unix milliseconds. Throws MEDIA_OVERRUN
   * when called.
   */
  opener(capturedAt: (start: number) => number): Begin | undefined {
    const { early, send } = this.#options;
    if (!early) return undefined;
    return (begun) => {
      this.#refuse();
      const seq = this.#seq++;
      this.#unread++;
      this.#begun.set(begun.start, seq);
      send({ begun: { ...begun, seq, capturedAt: capturedAt(begun.start) } });
      return (piece) => send({ piece, of: seq });
    };
  }

  /** Queues a cut. Resolves when the one before it has left, so at most two are in hand. */
  async emit(cut: Cut): Promise<void> {
    const before = this.#before;
    const closed = this.#close(cut);
    closed.catch(() => {}); // `#leave` waits for the same
    const own = before.then(() => this.#leave(cut));
    own.catch(() => {}); // the next emit, or finish, hears of it
    this.#before = own;
    await before;
  }

  /** Resolves when everything has left. */
  finish(): Promise<void> {
    return this.#before;
  }

  /** The page need not wait for the sound to know that the picture of a begun segment is complete. */
  async #close({ start, end, video }: Cut): Promise<void> {
    const { codecs, frames } = await video;
    const of = this.#begun.get(start);
    if (of !== undefined)
      this.#options.send({ closed: { codecs, frames, duration: end - start }, of });
  }

  async #leave({ start, end, capturedAt, video, audio }: Cut): Promise<void> {
    const { full, bound, realTime, send } = this.#options;
    const sound = await audio?.();
    const picture = await video;
    const of = this.#begun.get(start);
    if (of !== undefined) {
      this.#begun.delete(start);
      return send({ sound, of });
    }
    if (full === "refuse") this.#refuse();
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
      segment: {
        seq: this.#seq++,
        start: start as Micros,
        duration: (end - start) as Micros,
        capturedAt,
        video: picture,
        ...(sound ? { audio: sound } : {}),
      },
    });
  }

  #refuse(): void {
    const { bound } = this.#options;
    if (this.#unread < bound) return;
    const seq = this.#seq - this.#unread;
    throw new MediaError(
      { code: "MEDIA_OVERRUN", seq, bound },
      `segment ${seq} was not read while ${bound} more were captured`,
    );
  }
}

/** What a producer is given: where its segments go, and when to stop. */
export interface Studio {
  readonly outlet: Outlet;
  /** Aborted when the input is to end after the GOP in hand. */
  readonly stop: AbortSignal;
}
