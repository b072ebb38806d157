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
