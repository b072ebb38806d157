/** What the store holds of a pot and its lanes, and how it is read again. Amounts are decimal strings. */
import type { Amount } from "@tabcast/runtime";
import { getAddress } from "viem";
import { PotError } from "../config.ts";
import { type Change, type Json, type Sealed, type Store, StoreError } from "../store/store.ts";
import type { Address, Domain, Hex, PotConfig, Settlement } from "../types.ts";
import { laneKey } from "../voucher.ts";
import type { Authorization } from "./authorization.ts";
import type { Way } from "./fund.ts";
import type * as Payer from "./payer.ts";

export interface PotRecord {
  readonly domain: Domain;
  readonly config: PotConfig;
  readonly state: Payer.Book["state"];
  readonly deposited: string;
  /** Gone when nothing is left to sign or to bring back. */
  readonly key?: Sealed;
  /** The key's seal is broken: what it still has cannot be brought home. */
  readonly keyLost?: boolean;
  /** Block before the deposit: where the pot's events begin. */
  readonly from: string;
  /** The deposit's signed transaction: a chain that goes back gets it again, and nothing else. */
  readonly raw?: Hex;
  /** A deposit on its way into the open pot, with its signed transaction if the key is in this tab: never signed twice. */
  readonly topUp?: { readonly amount: string } & Way;
  /** Top-ups that arrived, oldest first, as they were signed: a chain that goes back gets them again. At most 16. */
  readonly toppedUp?: readonly ({ readonly amount: string } & Way)[];
  /** Gas on its way to the session key beside the deposit's: as `topUp`, in wei. */
  readonly gasTopUp?: { readonly amount: string } & Pick<Way, "raw" | "asked">;
  /** Gas of top-ups that were let go of, oldest first, which may still arrive. At most 16. */
  readonly gasSent?: readonly Pick<Way, "raw" | "asked">[];
  /** The deposit of tokens, as the payer's wallet authorized it. */
  readonly authorization?: Authorization;
  /** Where the session key's last coins go. Missing: to the payer. */
  readonly gasFrom?: Address;
  readonly openGas?: string;
  readonly withdrawn?: Hex;
  readonly settlement?: Json;
}

/** A pot in the store that is not settled yet. */
export interface StoredPot {
  readonly potId: Hex;
  readonly domain: Domain;
  readonly config: PotConfig;
  /** Amount. */
  readonly deposited: Amount;
}

/** The pot's key in the store, and the name of the lock of its only writer. */
export const potKey = (potId: Hex) => `pot/${potId.toLowerCase()}`;

/** The change that writes a pot's record. */
export const potChange = (potId: Hex, record: PotRecord): Change => [
  potKey(potId),
  { ...record } as unknown as Json,
];

/** The change that writes a lane's book. */
export function laneChange(potId: Hex, lane: Payer.LaneBook): Change {
  const { payee, intent, signed, since, debt } = lane;
  return [
    `${lanePrefix(potId)}${laneKey(lane)}`,
    {
      payee,
      lane: lane.lane,
      intent: intent.toString(),
      ...(since !== undefined && { since }),
      ...(debt !== undefined && { debt: debt.toString() }),
      ...(signed && { signed: signed.cumulative.toString(), signature: signed.signature }),
    },
  ];
}

const lanePrefix = (potId: Hex) => `pot-lane/${potId.toLowerCase()}/`;

/** A pot's record. Throws POT_UNKNOWN, STORE_CORRUPT. */
export async function readPot(store: Store, potId: Hex): Promise<PotRecord> {
  const value = await store.get(potKey(potId));
  if (value === undefined)
    throw new PotError({ code: "POT_UNKNOWN", potId }, `this browser has no pot ${potId}`);
  const record = value as unknown as PotRecord;
  if (
    typeof record !== "object" ||
    typeof record.deposited !== "string" ||
    typeof record.from !== "string" ||
    typeof record.config?.salt !== "string" ||
    typeof record.domain?.contract !== "string"
  )
    throw new StoreError(
      { code: "STORE_CORRUPT", key: potKey(potId) },
      `the stored pot ${potId} is unreadable`,
    );
  return record;
}

/** The books of a pot's lanes. Throws STORE_CORRUPT. */
export async function readLanes(store: Store, potId: Hex): Promise<readonly Payer.LaneBook[]> {
  const records = await store.list(lanePrefix(potId));
  return records.map(([key, value]) => {
    const record = value as {
      payee: Address;
      lane: number;
      intent: string;
      since?: number;
      debt?: string;
      signed?: string;
      signature?: Hex;
    };
    if (typeof record?.intent !== "string" || !Number.isInteger(record.lane))
      throw new StoreError({ code: "STORE_CORRUPT", key }, `the stored lane ${key} is unreadable`);
    const { payee, lane, intent, since, debt, signed, signature } = record;
    return {
      payee,
      lane,
      intent: BigInt(intent) as Amount,
      // A worker of a former start counts as gone until it earns again.
      ...(since !== undefined && {
        since,
        earned: { at: since, intent: BigInt(intent) as Amount },
      }),
      ...(debt !== undefined && { debt: BigInt(debt) as Amount }),
      ...(signed !== undefined &&
        signature !== undefined && {
          signed: { cumulative: BigInt(signed) as Amount, signature },
        }),
    };
  });
}

/** The pots in the store that still hold money, as far as this browser knows. Throws STORE_CORRUPT. */
export async function unsettled(store: Store): Promise<readonly StoredPot[]> {
  const found: StoredPot[] = [];
  for (const [key] of await store.list("pot/")) {
    const potId = key.slice("pot/".length) as Hex;
    const record = await readPot(store, potId);
    const { domain, config, deposited, settlement } = record;
    // A session key that has not gone home still has coins.
    const left = record.key !== undefined && record.keyLost !== true;
    if (settlement === undefined || left)
      found.push({ potId, domain, config, deposited: BigInt(deposited) as Amount });
  }
  return found;
}

/** A settlement as the store holds it. */
export function settlementRecord(settlement: Settlement): Json {
  return JSON.parse(
    JSON.stringify(settlement, (_, value) => (typeof value === "bigint" ? `${value}` : value)),
  );
}

/** The settlement again. */
export function readSettlement(value: Json | undefined): Settlement {
  type Text<T> = T extends bigint ? string : T extends object ? { [K in keyof T]: Text<T[K]> } : T;
  const s = value as unknown as Text<Settlement>;
  const wei = (text: string) => BigInt(text) as Amount;
  return {
    chainId: s.chainId,
    contract: getAddress(s.contract),
    potId: s.potId as Hex,
    deposited: wei(s.deposited as string),
    paid: wei(s.paid as string),
    refunded: wei(s.refunded as string),
    lanes: (s.lanes as readonly { payee: Address; lane: number; paid: string }[]).map(
      ({ payee, lane, paid }) => ({ payee, lane, paid: wei(paid) }),
    ),
    gas: {
      open: BigInt(s.gas.open),
      claimOrPay: BigInt(s.gas.claimOrPay),
      close: BigInt(s.gas.close),
    },
  };
}
