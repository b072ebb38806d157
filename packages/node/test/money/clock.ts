import { type Clock, type Millis, systemClock } from "@tabcast/runtime";
import { counted, underWay } from "./under-way.ts";

/** Waits of a pot longer than this, in milliseconds, are for time to pass; shorter ones are for the chain, which is quick here. */
const POT_MS = 20_000;

/** The same of a connection to a chain: shorter ones are between two tries, longer ones for a chain that is away. */
const CHAIN_MS = 500;

/** Waits of this length, or less, are what a chain that answers at once needs, in milliseconds. */
const QUICK_MS = 2;

/** Turns of the event loop in which nothing is under way. */
const CALM = 6;

const short: Clock["sleep"] = (ms, options) =>
  counted(systemClock.sleep(Math.min(ms, QUICK_MS), options));

/** For a connection to a chain that always answers: it is asked again soon. */
export const quick: Clock = { ...systemClock, sleep: short };

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

/** Time that passes when the test says so, for everybody in it. */
export class HandClock {
  #now = 1_000_000;
  #sleepers: Sleeper[] = [];
  readonly #begun = Date.now();

  /** All waits are for time to pass. */
  readonly node: Clock = {
    now: () => this.#now as Millis,
    unix: () => (this.#begun + this.#now) as Millis,
    sleep: (ms, { signal } = {}) => this.#sleep(ms, signal),
    timeout: (ms) => {
      const late = new AbortController();
      this.#at(ms, () => late.abort(new DOMException("the time is over", "TimeoutError")));
      return late.signal;
    },
  };

  /** For a pot: only long waits are for time to pass, for a test waits for its calls. */
  readonly pot: Clock = { ...this.#longer(POT_MS), timeout: systemClock.timeout };

  /** For a connection to a chain that may be away: what waits for it to come back waits for time to pass. */
  readonly chain: Clock = this.#longer(CHAIN_MS);

  /** Time passes at once; whoever waited for it goes on, in order. */
  async pass(ms: number): Promise<void> {
    const until = this.#now + ms;
    for (;;) {
      await this.settle();
      const next = this.#sleepers
        .filter(({ at }) => at <= until)
        .reduce((first, { at }) => Math.min(first, at), Number.POSITIVE_INFINITY);
      if (next === Number.POSITIVE_INFINITY) break;
      this.#now = Math.max(this.#now, next);
      const due = this.#sleepers.filter(({ at }) => at <= next);
      this.#sleepers = this.#sleepers.filter(({ at }) => at > next);
      for (const { wake } of due) wake();
    }
    this.#now = until;
  }

  /** Resolves when nothing goes on any more but waits for time. */
  async settle(): Promise<void> {
    for (let calm = 0; calm < CALM; ) {
      await new Promise((resolve) => setImmediate(resolve));
      calm = underWay() === 0 ? calm + 1 : 0;
    }
  }

  /** Lets time pass in steps until something has happened; `undefined` where it has not after `most` steps. */
  async until<T>(work: Promise<T>, { step = 100, most = 100 } = {}): Promise<T | undefined> {
    let over: { readonly value: T } | undefined;
    let failure: { readonly error: unknown } | undefined;
    work.then(
      (value) => {
        over = { value };
      },
      (error: unknown) => {
        failure = { error };
      },
    );
    for (let count = 0; count < most; count++) {
      await this.settle();
      if (failure !== undefined) throw failure.error;
      if (over !== undefined) return over.value;
      await this.pass(step);
    }
    return undefined;
  }

  #longer(least: number): Clock {
    const { node } = this;
    return { ...node, sleep: (ms, options) => (ms >= least ? node.sleep : short)(ms, options) };
  }

  #at(ms: number, wake: () => void): Sleeper {
    const sleeper = { at: this.#now + Math.max(0, ms), wake };
    this.#sleepers.push(sleeper);
    return sleeper;
  }

  #sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const stop = () => {
        this.#sleepers = this.#sleepers.filter((one) => one !== sleeper);
        reject(signal?.reason);
      };
      const sleeper = this.#at(ms, () => {
        signal?.removeEventListener("abort", stop);
        resolve();
      });
      signal?.addEventListener("abort", stop, { once: true });
    });
  }
}
