/** What the number of a lane leaves to a watchtower that claims for its payee. Source: ITabcastPot.watchtowerShare. */
import type { Amount } from "@tabcast/runtime";

/** Most that a lane can leave, in percent; a number that says more leaves nothing. Source: ITabcastPot.MAX_WATCHTOWER_SHARE. */
export const MOST = 20;

/**
 * What a worker leaves unless its owner says otherwise, in percent. The least that the default of the soft cap lets be owed without a
 * guarantee is what twenty claims cost: a twentieth of it is the gas of one.
 */
export const DEFAULT = 5;

/** How many lanes there are of each share: its five bits are the highest of 32. */
export const LANES = 2 ** 27;

/** What a lane leaves, in percent. */
export function of(lane: number): number {
  const percent = Math.floor(lane / LANES);
  return percent > MOST ? 0 : percent;
}

/** The lane number that leaves so many percent, of the LANES that do. Throws RangeError for no whole percentage from 0 to 20. */
export function laneOf(percent: number, which: number): number {
  if (!Number.isInteger(percent) || percent < 0 || percent > MOST)
    throw new RangeError(`a watchtower's share is 0 to ${MOST} whole percent, got ${percent}`);
  return percent * LANES + which;
}

/** The watchtower's part of what a late claim pays a lane, after the contract's fee; rounded down, as the contract does. */
export function part(lane: number, paid: Amount): Amount {
  return ((paid * BigInt(of(lane))) / 100n) as Amount;
}
