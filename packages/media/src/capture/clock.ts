/** How long an arrival counts as the quickest, in microseconds: until the end of the window after its own. */
const WINDOW = 5e6;
/** How fast the offset may grow, per microsecond: ten times what a bad crystal drifts (500 ppm), too slow to be heard. */
const SLEW = 0.005;
/** A timestamp further behind than this is no late frame: the track's clock, or this one, has jumped. In microseconds. */
const JUMP = 3e6;

/**
 * Puts a track's timestamps on this worker's clock. Chromium stamps video and audio from different origins (measured: 50
 * minutes apart), so what they share is when they come, and the quickest arrival has the least delay in it. Only the
 * last arrivals count, because a device's crystal and the computer's do not run alike. All times in microseconds.
 */
export class TrackClock {
  #offset = Number.POSITIVE_INFINITY;
  #quickest = Number.POSITIVE_INFINITY;
  #quickestBefore = Number.POSITIVE_INFINITY;
  #windowEnd = 0;
  #last = 0;

  /** When the worker's clock showed `timestamp`, which arrived at `now`; never later than `now`. */
  seen(timestamp: number, now: number): number {
    const delay = now - timestamp;
    if (delay - this.#offset > JUMP) {
      this.#offset = this.#quickest = this.#quickestBefore = Number.POSITIVE_INFINITY;
      this.#windowEnd = 0;
    }
    if (now >= this.#windowEnd) {
      this.#quickestBefore = this.#quickest;
      this.#quickest = Number.POSITIVE_INFINITY;
      this.#windowEnd = now + WINDOW;
    }
    this.#quickest = Math.min(this.#quickest, delay);
    const least = Math.min(this.#quickest, this.#quickestBefore);
    this.#offset = Math.min(least, this.#offset + SLEW * (now - this.#last));
    this.#last = now;
    return timestamp + this.#offset;
  }
}
