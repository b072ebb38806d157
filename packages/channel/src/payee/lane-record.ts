/** What the store holds of a worker's lane in one pot, and how it is read again. Amounts are decimal strings. */
import type { Wei } from "@tabcast/runtime";
import { type Change, type Store, StoreError } from "../store/store.ts";
import type { Address, Hex, PotConfig } from "../types.ts";
import type * as Payee from "./payee.ts";

interface LaneRecord {
  readonly config: PotConfig;
  readonly accrued: string;
  readonly cumulative?: string;
  readonly signature?: Hex;
  readonly claimed: string;
  readonly balance: string;
  readonly closeAt: number;
  readonly ceiling?: string;
  readonly until?: number;
  readonly credited?: string;
  readonly unpaid?: string;
  readonly forgiven?: string;
}

/** A lane's book in one pot. */
export interface StoredLane {
  readonly potId: Hex;
  readonly config: PotConfig;
  readonly book: Payee.Book;
}

/** Whose lanes are meant: each worker tab has its own number, and one book in each pot. */
export interface LaneOwner {
  readonly payee: Address;
  readonly lane: number;
}

const prefixOf = ({ payee, lane }: LaneOwner) => `purse-lane/${payee.toLowerCase()}/${lane}/`;

/** The books of a tab's lane in every pot. Throws STORE_CORRUPT. */
export async function readLanes(store: Store, owner: LaneOwner): Promise<readonly StoredLane[]> {
  const prefix = prefixOf(owner);
  return (await store.list(prefix)).map(([key, value]) => {
    const record = value as unknown as LaneRecord;
    if (typeof record?.accrued !== "string" || typeof record.claimed !== "string")
      throw new StoreError({ code: "STORE_CORRUPT", key }, `the stored lane ${key} is unreadable`);
    return {
      potId: key.slice(prefix.length) as Hex,
      config: record.config,
      book: bookOf(record),
    };
  });
}

function bookOf(record: LaneRecord): Payee.Book {
  const { cumulative, signature } = record;
  // Books from before there were guarantees gave credit for all they held.
  const credited = BigInt(record.credited ?? cumulative ?? 0);
  const accrued = BigInt(record.accrued);
  return {
    ceiling: BigInt(record.ceiling ?? 0) as Wei,
    until: record.until ?? 0,
    credited: credited as Wei,
    accrued: accrued as Wei,
    unpaid: BigInt(record.unpaid ?? (accrued > credited ? accrued - credited : 0n)) as Wei,
    forgiven: BigInt(record.forgiven ?? 0) as Wei,
    claimed: BigInt(record.claimed) as Wei,
    balance: BigInt(record.balance) as Wei,
    closeAt: record.closeAt,
    ...(cumulative !== undefined &&
      signature !== undefined && {
        highest: { cumulative: BigInt(cumulative) as Wei, signature },
      }),
  };
}

/** The change that writes a lane's book. */
export function laneChange(owner: LaneOwner, { potId, config, book }: StoredLane): Change {
  const { accrued, highest, claimed, balance, closeAt, ceiling, until, credited } = book;
  const { unpaid, forgiven } = book;
  return [
    `${prefixOf(owner)}${potId}`,
    {
      config: { ...config },
      accrued: accrued.toString(),
      ...(highest && { cumulative: highest.cumulative.toString(), signature: highest.signature }),
      claimed: claimed.toString(),
      balance: balance.toString(),
      closeAt,
      ceiling: ceiling.toString(),
      until,
      credited: credited.toString(),
      unpaid: unpaid.toString(),
      forgiven: forgiven.toString(),
    },
  ];
}
