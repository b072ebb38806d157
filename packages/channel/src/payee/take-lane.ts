import type { Random } from "@tabcast/runtime";
import * as Share from "../share.ts";
import { type Store, StoreError } from "../store/store.ts";
import type { Address } from "../types.ts";
import { isLane } from "../voucher.ts";
import { readLanes } from "./lane-record.ts";
import { outstanding } from "./payee.ts";

const prefixOf = (payee: Address) => `purse/${payee.toLowerCase()}/`;

/** The lock that whoever writes a lane of this payee holds. */
export const lockOf = (payee: Address, lane: number) => `${prefixOf(payee)}${lane}`;

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
  const take = async (lane: number, patience?: number) => {
    const release = await store.lock(lockOf(payee, lane), {
      signal,
      ...(patience !== undefined && { patience }),
    });
    try {
      await store.write([[lockOf(payee, lane), true]]);
    } catch (error) {
      release();
      throw error;
    }
    return { lane, release };
  };
  if (wanted !== undefined) {
    if (!isLane(wanted)) throw new RangeError(`a lane is a 32-bit number, got ${wanted}`);
    return take(wanted);
  }
  const known = (await store.list(prefix)).map(([key]) => Number(key.slice(prefix.length)));
  // A tab that opens again goes on where most is held; what is held in others is looked after beside it.
  const held = await heldIn(store, payee);
  const worth = (lane: number) => held.get(lane) ?? 0n;
  // One that leaves another share is looked after, and not worked on: vouchers of a lane that is bid from now on leave what is wanted.
  const first = Share.laneOf(share, 0);
  const suitable = known.filter((lane) => Math.floor(lane / Share.LANES) === share);
  for (const lane of suitable.sort((a, b) =>
    worth(a) < worth(b) ? 1 : worth(a) > worth(b) ? -1 : 0,
  )) {
    try {
      return await take(lane, 50);
    } catch (error) {
      if (!(error instanceof StoreError && error.code === "STORE_LOCKED")) throw error;
    }
  }
  return take(first + random.below(Share.LANES));
}

/** Amount that each lane of a payee holds and was not paid. */
async function heldIn(store: Store, payee: Address): Promise<ReadonlyMap<number, bigint>> {
  const held = new Map<number, bigint>();
  for (const { lane, book } of await readLanes(store, payee))
    held.set(lane, (held.get(lane) ?? 0n) + outstanding(book));
  return held;
}
