/** Listeners that leave when their signal fires. The same function may be added twice. */
export interface Listeners<T> {
  readonly size: number;
  /** `left` is called once, when the listener leaves. */
  add(on: (value: T) => void, signal: AbortSignal, left?: () => void): void;
  tell(value: T): void;
}

/** No listeners yet. One that throws does not keep the others from hearing. */
export function listeners<T>(): Listeners<T> {
  const all = new Set<(value: T) => void>();
  return {
    get size() {
      return all.size;
    },
    add(on, signal, left = () => {}) {
      if (signal.aborted) return left();
      const each = (value: T) => on(value);
      all.add(each);
      signal.addEventListener(
        "abort",
        () => {
          all.delete(each);
          left();
        },
        { once: true },
      );
    },
    tell(value) {
      for (const on of [...all])
        try {
          on(value);
        } catch (thrown) {
          // Reported as any uncaught error is, but not to whoever brought the news.
          reportError(thrown);
        }
    },
  };
}

/** Resolves once `now()` is true, asked again at each piece of news; rejects with the signal's reason. */
export function when<T>(
  news: Listeners<T>,
  now: () => boolean,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) return Promise.reject(signal.reason);
  if (now()) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const done = new AbortController();
    const onAbort = () => {
      done.abort();
      reject(signal.reason);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    news.add(() => {
      if (!now()) return;
      signal.removeEventListener("abort", onAbort);
      done.abort();
      resolve();
    }, done.signal);
  });
}
