/** How often a worker is asked whether it is still there, in milliseconds. */
const EVERY = 2_000;
/** Questions in a row without an answer after which it is stuck: ten seconds in which its code did not pause once. */
const UNANSWERED = 5;
/** Questions after which a file that is still being opened never will be: a minute. */
const OPENING = 30;

/** What a watchdog does. */
export interface WatchdogOptions {
  /** Asks the worker. Its answer goes to `heard`. */
  readonly ask: () => void;
  /** Called once, with the seconds it was waited for. */
  readonly stuck: (seconds: number) => void;
}

/**
 * Notices a worker that a damaged or hostile file keeps busy for ever. Counts questions and not time: the timers of a
 * hidden page, or of one whose computer slept, are late.
 */
export class Watchdog {
  readonly #options: WatchdogOptions;
  readonly #timer: ReturnType<typeof setInterval>;
  #asked = 0;
  #unanswered = 0;
  #open = false;

  constructor(options: WatchdogOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#tick(), EVERY);
  }

  /** The worker has answered. */
  heard(): void {
    this.#unanswered = 0;
  }

  /** The worker has opened its file; from now on it need only answer. */
  opened(): void {
    this.#open = true;
  }

  /** Asks no more. May be called twice. */
  close(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const silent = this.#unanswered >= UNANSWERED;
    if (silent || (!this.#open && this.#asked >= OPENING)) {
      this.close();
      this.#options.stuck(((silent ? UNANSWERED : OPENING) * EVERY) / 1000);
      return;
    }
    this.#asked++;
    this.#unanswered++;
    this.#options.ask();
  }
}
