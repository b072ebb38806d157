import { type Clock, type Millis, systemClock } from "@tabcast/runtime";

/** Waits longer than this of a pot, a purse or a watchtower are for time to pass; shorter ones are for the chain, which is quick here. */
const LONG_MS = 20_000;

/** Waits of this length, or less, are what a chain that answers at once needs, in milliseconds. */
const QUICK_MS = 2;

/** Turns of the event loop in which nothing is under way. */
const CALM = 6;

/** For a connection to a chain of our own: it is asked again soon. */
export const quick: Clock = {
  ...systemClock,
  sleep: (ms, options) => systemClock.sleep(Math.min(ms, QUICK_MS), options),
};

/** Calls of the platform's cryptography that are under way: they end by themselves, on other threads. */
let computing = 0;
for (const name of [
  "digest",
  "sign",
  "verify",
  "importKey",
  "exportKey",
  "encrypt",
  "decrypt",
  "generateKey",
] as const) {
  const { subtle } = crypto;
  const call = subtle[name].bind(subtle) as (...args: unknown[]) => Promise<unknown>;
  const counted = (...args: unknown[]) => {
    computing++;
    return call(...args).finally(() => {
      computing--;
    });
  };
  Object.defineProperty(subtle, name, { value: counted, configurable: true });
}

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

/** Time that passes when the test says so, for everybody in it. */
export class HandClock {
  #now = 1_000_000;
  #sleepers: Sleeper[] = [];
  readonly #begun = Date.now();
  /** Calls that are under way and end by themselves: of the chain. */
  pending = 0;

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

  /** Only long waits are: what waits for the chain looks often. */
  readonly money: Clock = {
    ...this.node,
    sleep: (ms, options) =>
      ms >= LONG_MS ? this.node.sleep(ms, options) : systemClock.sleep(Math.min(ms, 5), options),
    timeout: systemClock.timeout,
  };

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
      calm = this.pending + computing === 0 ? calm + 1 : 0;
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

  /** What it gives to a part in place of another, so that `settle` waits for its calls. */
  watched<T extends object>(part: T): T {
    return new Proxy(part, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        return (...args: unknown[]) => {
          const answer: unknown = value.apply(target, args);
          if (!(answer instanceof Promise)) return answer;
          this.pending++;
          return answer.finally(() => {
            this.pending--;
          });
        };
      },
    });
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
