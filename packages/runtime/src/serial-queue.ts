/** Runs one after another what must not interleave; a failure does not stop the next. */
export class SerialQueue {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs `work` when everything before it has ended. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#last.then(work, work);
    this.#last = next.catch(() => undefined);
    return next;
  }

  /** Resolves when nothing is left to run. */
  idle(): Promise<void> {
    return this.#last.then(() => undefined);
  }
}
