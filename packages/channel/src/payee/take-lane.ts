import type { Random } from "@tabcast/runtime";
import * as Share from "../share.ts";
import { type Store, StoreError } from "../store/store.ts";
import type { Address } from "../types.ts";
import { isLane } from "../voucher.ts";
import { readLanes, type StoredLane } from "./lane-record.ts";
import { mostFirst, outstanding } from "./payee.ts";

const prefixOf = (payee: Address) => `purse/${payee.toLowerCase()}/`;

/** The lock that whoever writes a lane of this payee holds. */
export const lockOf = (payee: Address, lane: number) => `${prefixOf(payee)}${lane}`;

/** Milliseconds that another tab's lock is waited for: those that are open are looked at one after the other. */
const PATIENCE = 50;

/** What releases a lane of this payee; undefined while another tab has it open. Throws StoreError. */
export async function lockUnlessOpen(
  store: Store,
  payee: Address,
  lane: number,
  { signal }: { readonly signal: AbortSignal },
): Promise<(() => void) | undefined> {
  try {
    return await store.lock(lockOf(payee, lane), { signal, patience: PATIENCE });
  } catch (error) {
    if (error instanceof StoreError && error.code === "STORE_LOCKED") return undefined;
    throw error;
  }
}

export interface TakeLaneOptions {
  /** Percent that the lane is to leave to watchtowers, where none is given. */
  readonly share: number;
  readonly random: Random;
  readonly signal: AbortSignal;
}

/**
 * A lane of this payee that no other tab writes, and what releases it. Throws STORE_LOCKED if the one wanted is taken, RangeError for
 * a share that no lane can leave.
 */
export async function takeLane(
  store: Store,
  payee: Address,
  wanted: number | undefined,
  { share, random, signal }: TakeLaneOptions,
): Promise<{ lane: number; release: () => void }> {
  const prefix = prefixOf(payee);
  const taken = async (lane: number, release: () => void) => {
    try {
      await store.write([[lockOf(payee, lane), true]]);
    } catch (error) {
      release();
      throw error;
    }
    return { lane, release };
  };
  const take = async (lane: number) =>
    taken(lane, await store.lock(lockOf(payee, lane), { signal }));
  if (wanted !== undefined) {
    if (!isLane(wanted)) throw new RangeError(`a lane is a 32-bit number, got ${wanted}`);
    return take(wanted);
  }
  const known = (await store.list(prefix)).map(([key]) => Number(key.slice(prefix.length)));
  // A tab that opens again goes on where most is held; what is held in others is looked after beside it.
  const held = heldBy(await readLanes(store, payee));
  const worth = (lane: number) => held.get(lane) ?? 0n;
  // One that leaves another share is looked after, and not worked on: vouchers of a lane that is bid from now on leave what is wanted.
  const suitable = known.filter((lane) => Math.floor(lane / Share.LANES) === share);
  for (const lane of suitable.sort((a, b) => mostFirst(worth(a), worth(b)))) {
    const release = await lockUnlessOpen(store, payee, lane, { signal });
    if (release !== undefined) return taken(lane, release);
  }
  return take(Share.laneOf(share, random.below(Share.LANES)));
}

/** Amount that each of these lanes holds and was not paid, over all its pots. */
export function heldBy(lanes: readonly StoredLane[]): ReadonlyMap<number, bigint> {
  const held = new Map<number, bigint>();
  for (const { lane, book } of lanes) held.set(lane, (held.get(lane) ?? 0n) + outstanding(book));
  return held;
}
