/** What the store holds of a worker's lane in one pot, and how it is read again. Amounts are decimal strings. */
import type { Amount } from "@tabcast/runtime";
import { type Change, type Store, StoreError } from "../store/store.ts";
import type { Address, Hex, PotConfig } from "../types.ts";
import * as Payee from "./payee.ts";

interface LaneRecord {
  readonly config: PotConfig;
  readonly accrued: string;
  readonly cumulative?: string;
  readonly signature?: Hex;
  readonly at?: number;
  readonly claimed: string;
  readonly balance: string;
  readonly reserved?: string;
  readonly closeAt: number;
  readonly ceiling?: string;
  readonly until?: number;
  readonly credited?: string;
  readonly unpaid?: string;
  readonly forgiven?: string;
  readonly taken?: string;
  readonly grace?: number;
  readonly began?: number;
  readonly before?: string;
}

/** A lane's book in one pot. */
export interface StoredLane {
  /** The worker tab's number. */
  readonly lane: number;
  readonly potId: Hex;
  readonly config: PotConfig;
  readonly book: Payee.Book;
}

const prefixOf = (payee: Address) => `purse-lane/${payee.toLowerCase()}/`;
const keyOf = (payee: Address, lane: number, potId: Hex) => `${prefixOf(payee)}${lane}/${potId}`;

/** The books of a payee's lanes in every pot, of all its tabs that share the store. Throws STORE_CORRUPT for one of lane `own`. */
export async function readLanes(
  store: Store,
  payee: Address,
  own?: number,
): Promise<readonly StoredLane[]> {
  const prefix = prefixOf(payee);
  return (await store.list(prefix)).flatMap(([key, value]) => {
    const [lane = "", potId = ""] = key.slice(prefix.length).split("/");
    const record = value as unknown as LaneRecord;
    if (typeof record?.accrued === "string" && typeof record.claimed === "string")
      return [
        { lane: Number(lane), potId: potId as Hex, config: record.config, book: bookOf(record) },
      ];
    if (Number(lane) !== own) return [];
    throw new StoreError({ code: "STORE_CORRUPT", key }, `the stored lane ${key} is unreadable`);
  });
}

function bookOf(record: LaneRecord): Payee.Book {
  const { cumulative, signature, at, began } = record;
  // Books from before there were guarantees gave credit for all they held.
  const credited = BigInt(record.credited ?? cumulative ?? 0);
  const accrued = BigInt(record.accrued);
  const unpaid = BigInt(record.unpaid ?? (accrued > credited ? accrued - credited : 0n)) as Amount;
  return {
    ceiling: BigInt(record.ceiling ?? 0) as Amount,
    until: record.until ?? 0,
    credited: credited as Amount,
    accrued: accrued as Amount,
    unpaid,
    forgiven: BigInt(record.forgiven ?? 0) as Amount,
    taken: record.taken === undefined ? Payee.takenBefore(unpaid) : BigInt(record.taken),
    grace: record.grace ?? 0,
    ...(began !== undefined && { began }),
    before: BigInt(record.before ?? 0) as Amount,
    claimed: BigInt(record.claimed) as Amount,
    balance: BigInt(record.balance) as Amount,
    reserved: BigInt(record.reserved ?? 0) as Amount,
    closeAt: record.closeAt,
    ...(cumulative !== undefined &&
      signature !== undefined && {
        highest: {
          cumulative: BigInt(cumulative) as Amount,
          signature,
          ...(at !== undefined && { at }),
        },
      }),
  };
}

/** The change that writes a lane's book. */
export function laneChange(payee: Address, { lane, potId, config, book }: StoredLane): Change {
  const { accrued, highest, claimed, balance, reserved, closeAt, ceiling, until, credited } = book;
  const { unpaid, forgiven, taken, grace, began, before } = book;
  return [
    keyOf(payee, lane, potId),
    {
      config: { ...config },
      accrued: accrued.toString(),
      ...(highest && {
        cumulative: highest.cumulative.toString(),
        signature: highest.signature,
        ...(highest.at !== undefined && { at: highest.at }),
      }),
      claimed: claimed.toString(),
      balance: balance.toString(),
      reserved: reserved.toString(),
      closeAt,
      ceiling: ceiling.toString(),
      until,
      credited: credited.toString(),
      unpaid: unpaid.toString(),
      forgiven: forgiven.toString(),
      taken: taken.toString(),
      grace,
      ...(began !== undefined && { began }),
      before: before.toString(),
    },
  ];
}

/** The change that forgets a lane's book. */
export function laneGone(
  payee: Address,
  { lane, potId }: Pick<StoredLane, "lane" | "potId">,
): Change {
  return [keyOf(payee, lane, potId), undefined];
}
