/** A slot this much later than its time is filled with the frame before it, in microseconds: a still screen sends none. */
export const LATE = 200_000;
/** A hole longer than this is left out of the stream instead of filled: the computer slept, or could not keep up. In microseconds. */
export const LONGEST_FILL = 5e6;
/**
 * How far from the middle of the next slot a frame may lie to fill it, in slots. A little more than half, so that frames
 * that come on the border between two slots do not jump to and fro.
 */
const REACH = 0.6;

/** What a moment does to the grid. */
export interface Due {
  /** Slots to fill with the frame before. */
  readonly repeats: number;
  /** True if the frame that came then fills the slot after those. */
  readonly own: boolean;
  /** Time that was left out, in microseconds. */
  readonly skipped: number;
}

/**
 * Where irregular frames go on a grid of k/fps: a slot that got none repeats the frame before it, an extra frame is
 * dropped, and slot k is k/fps after the first for ever, or since the last time that was left out. Knows no frame, only
 * their times, in microseconds.
 */
export class Grid {
  readonly #slot: number;
  #origin: number;
  #next = 0;

  /** Slot 0 is the frame at `origin`. */
  constructor(frameRate: number, origin: number) {
    this.#slot = 1e6 / frameRate;
    this.#origin = origin;
  }

  /** When slot 0 would have been, had no time been left out since. */
  get origin(): number {
    return this.#origin;
  }

  /** The slot to fill next. */
  get next(): number {
    return this.#next;
  }

  /** A frame of the moment `at` has come. The caller fills the slots that are due, in order. */
  arrive(at: number): Due {
    const skipped = this.#skip(at);
    const ahead = (at - this.#origin) / this.#slot - this.#next;
    const own = ahead > -REACH;
    const repeats = ahead > REACH ? Math.round(ahead) : 0;
    this.#next += repeats + (own ? 1 : 0);
    return { repeats, own, skipped };
  }

  /** No frame has come until `now`. */
  still(now: number): Due {
    const skipped = this.#skip(now);
    const ahead = (now - LATE - this.#origin) / this.#slot - this.#next;
    const repeats = Math.max(0, Math.floor(ahead) + 1);
    this.#next += repeats;
    return { repeats, own: false, skipped };
  }

  #skip(at: number): number {
    const hole = at - this.#origin - this.#next * this.#slot;
    if (hole <= LONGEST_FILL) return 0;
    this.#origin += hole;
    return hole;
  }
}
