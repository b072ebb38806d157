/** A value that others follow. */
export interface Store<T> {
  get(): T;
  /** Calls `on` after each change; returns the way to stop. */
  subscribe(on: () => void): () => void;
}

/** A store and the one who may change it. */
export interface Cell<T> extends Store<T> {
  set(next: T): void;
  update(change: (now: T) => T): void;
}

/** A cell holding `initial`. Setting the value it already has tells nobody. */
export function cell<T>(initial: T): Cell<T> {
  let value = initial;
  const listeners = new Set<() => void>();
  const set = (next: T) => {
    if (Object.is(next, value)) return;
    value = next;
    for (const listener of listeners) listener();
  };
  return {
    get: () => value,
    subscribe: (on) => {
      listeners.add(on);
      return () => listeners.delete(on);
    },
    set,
    update: (change) => set(change(value)),
  };
}
