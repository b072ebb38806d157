/** Runs tasks of one kind strictly one after the other. A failed task does not stop the next. */
export interface Line {
  run<T>(task: () => Promise<T>): Promise<T>;
}

/** A queue of one lane: the uplink, a wallet, a file. */
export function openLine(): Line {
  let last: Promise<unknown> = Promise.resolve();
  return {
    run(task) {
      const next = last.then(task, task);
      last = next.catch(() => {});
      return next;
    },
  };
}

/** A condition that others wait for: `wake` lets every waiter look again. */
export interface Bell {
  wake(): void;
  /** Resolves when `ready` gives a value other than undefined; rejects with the signal's reason. */
  until<T>(ready: () => T | undefined, options: { signal: AbortSignal }): Promise<T>;
}

export function openBell(): Bell {
  const waiters = new Set<() => void>();
  return {
    wake() {
      for (const look of [...waiters]) look();
    },
    until(ready, { signal }) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        const look = () => {
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
          waiters.delete(look);
          signal.removeEventListener("abort", stop);
        };
        waiters.add(look);
        signal.addEventListener("abort", stop, { once: true });
        look();
      });
    },
  };
}
