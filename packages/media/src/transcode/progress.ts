/** Reports come no closer together than this, in milliseconds. */
const REPORT_MS = 100;

/** Tells how many frames are done, not too often, and never late: the last count is told even if no frame follows. */
export interface Reporter {
  done(frames: number): void;
  /** Tells the final count at once. */
  last(frames: number): void;
  close(): void;
}

export function reporter(progress: ((frames: number) => void) | undefined): Reporter {
  let told = performance.now();
  let frames = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tell = () => {
    timer = undefined;
    told = performance.now();
    progress?.(frames);
  };
  const close = () => clearTimeout(timer);
  return {
    done(count) {
      if (count <= frames) return; // a pass that begins again repeats what was told
      frames = count;
      timer ??= setTimeout(tell, Math.max(0, told + REPORT_MS - performance.now()));
    },
    last(count) {
      close();
      frames = count;
      tell();
    },
    close,
  };
}

/** Counts the time from its making that was work: what passes in `idle` after the last `stir` is not. */
export class Stopwatch {
  readonly #began = performance.now();
  #idle = 0;
  #stirred = this.#began;

  /** A coder gave something. */
  stir(): void {
    this.#stirred = performance.now();
  }

  /** Waits for something that is not this job's own work. */
  async idle<T>(wait: Promise<T>): Promise<T> {
    const from = performance.now();
    try {
      return await wait;
    } finally {
      this.#idle += Math.max(0, performance.now() - Math.max(from, this.#stirred));
    }
  }

  /** Milliseconds of work so far. */
  get workMs(): number {
    return performance.now() - this.#began - this.#idle;
  }
}
