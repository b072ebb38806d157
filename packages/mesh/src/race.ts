import { type Clock, toError } from "@tabcast/runtime";

export interface RaceOptions<T> {
  readonly clock: Clock;
  /** Milliseconds an attempt has the field to itself before the next begins. */
  readonly stagger: number;
  /** Ends all attempts. */
  readonly signal: AbortSignal;
  /** Given what an attempt brings after another has won. */
  spare(value: T): void;
}

/** Begins one attempt; its signal fires when another has won, or the race is called off. */
export type Attempt<T> = (signal: AbortSignal) => Promise<T>;

/**
 * Runs attempts until one succeeds: the next begins `stagger` after the one before it, or at once when one fails. `next` is
 * asked for each, and again at each turn after it had none. Rejects with an AggregateError when all have failed and there
 * is no other, or with the signal's reason.
 */
export function race<T>(
  next: () => Attempt<T> | undefined,
  { clock, stagger, signal, spare }: RaceOptions<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const own = new AbortController();
    const errors: Error[] = [];
    let running = 0;
    let turn = new AbortController();
    const over = () => own.signal.aborted;
    const end = (act: () => void, reason: unknown) => {
      if (over()) return;
      own.abort(reason);
      turn.abort();
      signal.removeEventListener("abort", onAbort);
      act();
    };
    const onAbort = () => end(() => reject(signal.reason), signal.reason);
    const begin = () => {
      if (over()) return;
      turn.abort();
      const attempt = next();
      if (attempt !== undefined) {
        running += 1;
        attempt(own.signal).then(
          (value) => (over() ? spare(value) : end(() => resolve(value), new Error("another won"))),
          (thrown) => {
            running -= 1;
            errors.push(toError(thrown));
            begin();
          },
        );
      } else if (running === 0) {
        const error = new AggregateError(errors, "every attempt failed");
        return end(() => reject(error), error);
      }
      turn = new AbortController();
      clock.sleep(stagger, { signal: turn.signal }).then(begin, () => {});
    };
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    else begin();
  });
}
