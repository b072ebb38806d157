/** Runs tasks of one kind strictly one after the other. A failed task does not stop the next. */
export interface SerialQueue {
  run<T>(task: () => Promise<T>): Promise<T>;
}

/** For what only one may use at a time: the uplink, a wallet, a file. */
export function openSerialQueue(): SerialQueue {
  let last: Promise<unknown> = Promise.resolve();
  return {
    run(task) {
      const next = last.then(task, task);
      last = next.catch(() => {});
      return next;
    },
  };
}

/** A condition that others wait for: `wake` lets every waiter ask again whether it is true. */
export interface Condition {
  wake(): void;
  /** Resolves when `ready` gives a value other than undefined; rejects with the signal's reason. */
  until<T>(ready: () => T | undefined, options: { signal: AbortSignal }): Promise<T>;
}

export function openCondition(): Condition {
  const waiters = new Set<() => void>();
  return {
    wake() {
      for (const ask of [...waiters]) ask();
    },
    until(ready, { signal }) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        const ask = () => {
          const value = ready();
          if (value === undefined) return;
          end();
          resolve(value);
        };
        const stop = () => {
          end();
          reject(signal.reason);
        };
        const end = () => {
          waiters.delete(ask);
          signal.removeEventListener("abort", stop);
        };
        waiters.add(ask);
        signal.addEventListener("abort", stop, { once: true });
        ask();
      });
    },
  };
}
