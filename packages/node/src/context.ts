import type { Mesh } from "@tabcast/mesh";
import { type Clock, type Random, secureRandom, systemClock } from "@tabcast/runtime";

/** What a node is given of the outside. */
export interface Outside {
  readonly mesh: Mesh;
  /** Default: the machine's own. */
  readonly clock?: Clock;
  /** Default: the platform's cryptographic randomness. */
  readonly random?: Random;
  /** Ends all that was begun. */
  readonly signal: AbortSignal;
}

/**
 * What every part of a node is given first: whom it talks to, what time it is, chance, and when it ends. Its own few options come second
 * and repeat none of these. A part that needs one or two of them names those: `Pick<Context, "clock">`. Whoever opens a part for a
 * shorter life gives it another signal, `{ ...context, signal }`. What ends one call only is an option of that call, not of the part.
 */
export type Context = Required<Outside>;

/** Where nothing is given, time and chance are the machine's own. */
export const contextOf = ({
  mesh,
  clock = systemClock,
  random = secureRandom,
  signal,
}: Outside): Context => ({ mesh, clock, random, signal });
