/**
 * How long one holder is waited for. It is looked at once a second: whoever brought less in it than makes the whole in time is slow,
 * and the next holder is asked as well, who may overtake it.
 */

/** How often a holder is looked at, in milliseconds. */
export const LOOK_MS = 1_000;
/** A holder that goes on as it is has to be through within so long, in milliseconds: two segments of two seconds. */
const IN_TIME_MS = 4_000;
/** Holders that send at once: more of them would only share the downlink. */
export const MOST_AT_ONCE = 3;
/** One that brings less than this part of what makes the whole in time for so many looks in a row is given up. */
const HOPELESS = { part: 1 / 10, looks: 10 } as const;

/** A holder that is being waited for. */
export interface Waiting {
  /** Bytes that came until the last look. */
  readonly bytes: number;
  /** It was slow at the last look, or at one before. */
  readonly slow: boolean;
  /** Looks in a row that found next to nothing. */
  readonly idle: number;
}

export const asked: Waiting = { bytes: 0, slow: false, idle: 0 };

/** `more`: ask the next holder as well. `end`: this one is given up. */
export type Verdict = "wait" | "more" | "end";

/** One look at a holder: `bytes` have come in all, of `size`. Another is asked for it once, when it is found slow for the first time. */
export function look(before: Waiting, bytes: number, size: number): readonly [Waiting, Verdict] {
  const due = (size * LOOK_MS) / IN_TIME_MS;
  const came = bytes - before.bytes;
  const slow = came < due;
  const idle = came < HOPELESS.part * due ? before.idle + 1 : 0;
  const after = { bytes, slow: before.slow || slow, idle };
  if (idle >= HOPELESS.looks) return [after, "end"];
  return [after, slow && !before.slow ? "more" : "wait"];
}

/** Which of those that send makes room for one more: the slow one that brought least; undefined while there is room. */
export function makesRoom<Holder extends Waiting>(all: readonly Holder[]): Holder | undefined {
  if (all.length < MOST_AT_ONCE) return undefined;
  return all.filter(({ slow }) => slow).toSorted((a, b) => a.bytes - b.bytes)[0];
}
