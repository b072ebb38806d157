/**
 * How long a worker may be silent. Its signs of life come every 100 ms; on a busy machine or a bad path they come in gusts. So it
 * is suspected after a multiple of the longest silence that it lately came back from, within bounds.
 */
import type { Config } from "./config.ts";

export interface History {
  /** Longest gap between two signs of life, in milliseconds: of the time since `since`, and of as long before. */
  readonly longest: number;
  readonly before: number;
  /** When the present count began, in milliseconds; undefined: nothing was heard yet. */
  readonly since: number | undefined;
  /** Signs of life so far. */
  readonly count: number;
}

export const noHistory: History = { longest: 0, before: 0, since: undefined, count: 0 };

/** A sign of life came, `gapMs` after the one before. */
export function beat(history: History, gapMs: number, now: number, { quiet }: Config): History {
  const { longest, since } = history;
  const count = history.count + 1;
  if (since === undefined) return { longest: gapMs, before: 0, since: now, count };
  if (now - since < quiet.memoryMs) return { ...history, longest: Math.max(longest, gapMs), count };
  // What was longer ago than twice the memory is forgotten.
  const before = now - since < 2 * quiet.memoryMs ? longest : 0;
  return { longest: gapMs, before, since: now, count };
}

/** Silence after which a worker is suspected, in milliseconds: the most there is where fewer than `quiet.after` heartbeats were heard. */
export function patience(
  { longest, before, count }: History,
  { quiet, suspectMs }: Config,
): number {
  if (count < quiet.after) return suspectMs;
  const usual = quiet.times * Math.max(longest, before);
  return Math.min(suspectMs, Math.max(quiet.leastMs, usual));
}
