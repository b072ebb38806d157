/**
 * Virtual time. Between two events every promise that can go on has gone on, so nothing depends on how fast the machine is.
 * Ties break by insertion.
 */
import { type Clock, Millis } from "@tabcast/runtime";

/** Unix milliseconds at which every run begins: 2026-01-01. */
export const EPOCH = 1_767_225_600_000;
/** Events between two turns of the process: what is written and who interrupts must not wait for ever. */
const BREATH = 1_000;

/** What every timeout says: most fire long after anybody listens. */
const LATE = new DOMException("The operation was aborted due to timeout", "TimeoutError");

/** Takes an event back. */
export type Undo = () => void;

interface Event {
  readonly at: number;
  readonly order: number;
  run: (() => void) | undefined;
}

const before = (a: Event, b: Event) => a.at < b.at || (a.at === b.at && a.order < b.order);

/** A queue of events in time. */
export class Timeline {
  #heap: Event[] = [];
  #order = 0;
  #now = 0;
  /** Events that ran. */
  ran = 0;

  /** Milliseconds since the run began. */
  get now(): number {
    return this.#now;
  }

  /** Runs `run` in `ms` milliseconds; negative counts as none. */
  after(ms: number, run: () => void): Undo {
    return this.at(this.#now + Math.max(0, ms), run);
  }

  /** Runs `run` when `now` is `at`, which must not be past. */
  at(at: number, run: () => void): Undo {
    const event: Event = { at, order: this.#order++, run };
    this.#push(event);
    return () => {
      event.run = undefined;
    };
  }

  /** Lets time pass until `until` resolves, or nothing is left to happen. Throws RangeError if time would pass `most` first. */
  run(until: Promise<unknown>, most: number): Promise<void> {
    return new Promise((resolve, reject) => {
      let over = false;
      let failure: { readonly error: unknown } | undefined;
      until.then(
        () => {
          over = true;
        },
        (error: unknown) => {
          over = true;
          failure = { error };
        },
      );
      const turn = () => {
        if (failure !== undefined) return reject(failure.error);
        if (over) return resolve();
        let event = this.#pop();
        while (event !== undefined && event.run === undefined) event = this.#pop();
        if (event === undefined)
          return reject(new RangeError("nothing is left to happen, and the run is not over"));
        if (event.at > most)
          return reject(new RangeError(`not over after ${Math.round(most)} ms of network time`));
        this.#now = event.at;
        this.ran++;
        try {
          event.run?.();
        } catch (error) {
          return reject(error);
        }
        // All that hangs on this event runs before the next one: a tick that a promise asks for comes when no promise is left. Now
        // and then the process itself gets a turn, which takes longer than an event.
        if (this.ran % BREATH === 0) setImmediate(turn);
        else void drained.then(tick);
      };
      const tick = () => process.nextTick(turn);
      const drained = Promise.resolve(); // a reaction costs less than a microtask of Node's own
      setImmediate(turn);
    });
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = heap[up] as Event;
      if (!before(event, parent)) break;
      heap[at] = parent;
      at = up;
    }
    heap[at] = event;
  }

  #pop(): Event | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (top === undefined || last === undefined || heap.length === 0) return top;
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      if (down >= heap.length) break;
      if (down + 1 < heap.length && before(heap[down + 1] as Event, heap[down] as Event)) down++;
      const child = heap[down] as Event;
      if (!before(child, last)) break;
      heap[at] = child;
      at = down;
    }
    heap[at] = last;
    return top;
  }
}

/** A tab as far as time goes: it may stand still, be gone, or have a clock that is wrong. */
export class Tab {
  readonly #timeline: Timeline;
  #backlog: (() => void)[] | undefined;
  /** Crashed or closed: nothing of it happens any more. */
  gone = false;
  /** Milliseconds that its clock is ahead. */
  offset = 0;
  readonly clock: Clock;

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
    this.clock = {
      now: () => Millis.of(timeline.now),
      unix: () => Millis.of(EPOCH + timeline.now + this.offset),
      sleep: (ms, { signal } = {}) =>
        new Promise((resolve, reject) => {
          if (signal?.aborted) return reject(signal.reason);
          const undo = this.after(ms, () => {
            signal?.removeEventListener("abort", stop);
            resolve();
          });
          const stop = () => {
            undo();
            reject(signal?.reason);
          };
          signal?.addEventListener("abort", stop, { once: true });
        }),
      timeout: (ms) => {
        const late = new AbortController();
        this.after(ms, () => late.abort(LATE));
        return late.signal;
      },
    };
  }

  /** True while it stands still. */
  get stalled(): boolean {
    return this.#backlog !== undefined;
  }

  /** Runs `run` in this tab in `ms` milliseconds: later if it stands still then, never if it is gone. */
  after(ms: number, run: () => void): Undo {
    return this.#timeline.after(ms, () => this.enter(run));
  }

  /** Runs `run` in this tab now, under the same conditions. */
  enter(run: () => void): void {
    if (this.gone) return;
    if (this.#backlog === undefined) run();
    else this.#backlog.push(run);
  }

  stall(): void {
    this.#backlog ??= [];
  }

  /** All that came meanwhile is handled at once, in order. */
  resume(): void {
    const backlog = this.#backlog ?? [];
    this.#backlog = undefined;
    for (const run of backlog) this.#timeline.after(0, () => this.enter(run));
  }
}
