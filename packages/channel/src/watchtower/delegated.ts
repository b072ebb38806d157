import { type Amount, CodedError, type Wei } from "@tabcast/runtime";
import type { LaneState, PotState } from "../chain/chain.ts";
import { type Change, type Json, type Store, StoreError } from "../store/store.ts";
import type { Address, Hex, PotConfig, SignedVoucher } from "../types.ts";
import { laneKey } from "../voucher.ts";
import { type Value, valued } from "./value.ts";

/** Vouchers that are kept at most, and of these: of one pot, and of one payer. A full share lets go of what is worth least. */
export interface Room {
  readonly all: number;
  readonly ofPot: number;
  readonly ofPayer: number;
}

/** Default room: a look at all of it is five requests. */
export const ROOM: Room = { all: 512, ofPot: 64, ofPayer: 128 };

export type WatchtowerReason =
  /** No room for what was brought: all that is kept is worth as much. Do: nothing; its owner hands it to another peer. */
  | { code: "WATCHTOWER_FULL"; most: number }
  /** The chain would pay the voucher less than its claim costs, wei. Do: bring it again when more is owed, or gas is cheaper. */
  | { code: "WATCHTOWER_WORTHLESS"; value: Amount; cost: Amount }
  /** The watchtower's own account has less than two claims cost, wei. Do: its owner sends the account some of the chain's coin. */
  | { code: "WATCHTOWER_NO_GAS"; account: Address; have: Wei; need: Wei };

/** A watchtower keeps no such voucher. */
export class WatchtowerError extends CodedError<WatchtowerReason> {}

/** A voucher that is kept. */
export interface Kept {
  readonly voucher: SignedVoucher;
  readonly cumulative: Amount;
  /** Its lane as the chain had it at the last look. */
  readonly lane: Pick<LaneState, "claimed" | "ceiling" | "until">;
  readonly value: Value;
  /** What the chain was to pay when a claim of it brought less than its gas, wei: it is not brought for so little again. */
  readonly bounced?: Amount;
}

/** A pot of which vouchers are kept. */
export interface WatchedPot {
  readonly config: PotConfig;
  /** By `Voucher.laneKey`. */
  readonly kept: Map<string, Kept>;
}

/** A pot and its lanes, at the chain's unix second `now`. */
export interface Seen {
  readonly pot: PotState;
  readonly lanes: ReadonlyMap<string, LaneState>;
  readonly now: number;
}

/** Names on disk, which stay: books of version 0.1.0 have them. */
const PREFIX = "tower/";

const keyOf = (voucher: SignedVoucher) => `${PREFIX}${voucher.potId}/${laneKey(voucher)}`;
const UNSEEN = { claimed: 0n as Amount, ceiling: 0n as Amount, until: 0 };

/** The vouchers that others delegated to us, on disk before they count. One writer: the caller's queue and lock. */
export class Delegated {
  readonly pots = new Map<Hex, WatchedPot>();
  readonly #store: Store;
  readonly #room: Room;

  private constructor(store: Store, room: Room) {
    this.#store = store;
    this.#room = room;
  }

  /** What was kept before. Throws STORE_CORRUPT. */
  static async read(store: Store, room: Room): Promise<Delegated> {
    const found = new Delegated(store, room);
    for (const [key, value] of await store.list(PREFIX)) {
      const { config, bounced, ...voucher } = read(key, value);
      const { cumulative } = voucher;
      found.#set(config, {
        voucher,
        cumulative,
        lane: UNSEEN,
        // As much as it can be, until the chain was asked: nothing must take its room before.
        value: { sure: cumulative, all: cumulative },
        ...(bounced !== undefined && { bounced: BigInt(bounced) as Amount }),
      });
    }
    return found;
  }

  all(): readonly Kept[] {
    return [...this.pots.values()].flatMap(({ kept }) => [...kept.values()]);
  }

  known(voucher: SignedVoucher): Kept | undefined {
    return this.pots.get(voucher.potId)?.kept.get(laneKey(voucher));
  }

  /** Throws WATCHTOWER_FULL where there is no room for a new lane, whatever the chain says of it. */
  requireRoom(config: PotConfig, voucher: SignedVoucher): void {
    const { cumulative } = voucher;
    this.#leaving(config, voucher, { sure: cumulative, all: cumulative });
  }

  /** Takes a lane's higher voucher: it needs no more room, and no look at the chain. */
  async raise(config: PotConfig, voucher: SignedVoucher): Promise<void> {
    const known = this.known(voucher);
    if (known === undefined || known.cumulative >= voucher.cumulative) return;
    // What bounced may be worth a try with more to bring; what the chain would pay decides, as ever.
    const next: Kept = { ...known, voucher, cumulative: voucher.cumulative };
    await this.#store.write([[keyOf(voucher), record(config, next)]]);
    this.#set(config, next);
  }

  /**
   * Keeps a voucher of a lane that was just looked at, in the place of what is worth least where a share is full. Throws
   * WATCHTOWER_WORTHLESS, WATCHTOWER_FULL.
   */
  async put(
    config: PotConfig,
    voucher: SignedVoucher,
    seen: Seen,
    { cost }: { readonly cost: Amount },
  ): Promise<void> {
    const key = laneKey(voucher);
    const lane = seen.lanes.get(key) ?? UNSEEN;
    const rows = [...(this.pots.get(voucher.potId)?.kept.values() ?? [])].filter(
      (one) => laneKey(one.voucher) !== key,
    );
    const { cumulative } = voucher;
    const [{ value }] = valued(seen.pot, [{ cumulative, lane }, ...rows], seen.now);
    if (value.all <= cost)
      throw new WatchtowerError(
        { code: "WATCHTOWER_WORTHLESS", value: value.all, cost },
        `the chain would pay the voucher ${value.all} parts, and its claim costs ${cost}`,
      );
    const leaving = this.#leaving(config, voucher, value);
    await this.#store.write([
      ...leaving.map((one): Change => [keyOf(one), undefined]),
      [keyOf(voucher), record(config, { voucher })],
    ]);
    for (const one of leaving) this.#delete(one);
    this.#set(config, { voucher, cumulative, lane, value });
  }

  /** Takes what a look showed of a pot's lanes, and values them by it. */
  see(potId: Hex, { pot, lanes, now }: Seen): void {
    const watched = this.pots.get(potId);
    if (watched === undefined) return;
    const kept = [...watched.kept].map(([key, one]) => ({
      ...one,
      lane: lanes.get(key) ?? one.lane,
    }));
    for (const { row, value } of valued(pot, kept, now))
      watched.kept.set(laneKey(row.voucher), { ...row, value });
  }

  /** Remembers that a claim of these brought less than its gas, when the chain was to pay `pays` wei. */
  async bounce(
    rows: readonly { readonly voucher: SignedVoucher; readonly pays: Amount }[],
  ): Promise<void> {
    const next = rows.flatMap(({ voucher, pays }) => {
      const config = this.pots.get(voucher.potId)?.config;
      const known = this.known(voucher);
      return config && known ? [{ config, kept: { ...known, bounced: pays } }] : [];
    });
    if (next.length === 0) return;
    await this.#store.write(
      next.map(({ config, kept }): Change => [keyOf(kept.voucher), record(config, kept)]),
    );
    for (const { config, kept } of next) this.#set(config, kept);
  }

  /** Forgets a pot that is final. */
  async forget(potId: Hex): Promise<void> {
    const kept = this.pots.get(potId)?.kept.values() ?? [];
    await this.#store.write([...kept].map(({ voucher }): Change => [keyOf(voucher), undefined]));
    this.pots.delete(potId);
  }

  /** What must go for a voucher of this value. Throws WATCHTOWER_FULL where all that is kept is worth as much. */
  #leaving(config: PotConfig, voucher: SignedVoucher, value: Value): readonly SignedVoucher[] {
    const room = this.#room;
    const ofPot = [...(this.pots.get(voucher.potId)?.kept.values() ?? [])];
    const ofPayer = this.#of(config.payer);
    // In its own pot and among its payer's, what is guaranteed counts before what made-up lanes share.
    const shares = [
      { rows: ofPot, most: room.ofPot, under: lessSure },
      { rows: ofPayer, most: room.ofPayer, under: lessSure },
      { rows: this.all(), most: room.all, under: less },
    ];
    const leaving = new Map<string, SignedVoucher>();
    for (const { rows, most, under } of shares) {
      const staying = rows.filter((one) => !leaving.has(keyOf(one.voucher)));
      if (staying.length < most) continue;
      const last = staying.reduce((a, b) => (under(b.value, a.value) ? b : a));
      if (!under(last.value, value))
        throw new WatchtowerError(
          { code: "WATCHTOWER_FULL", most },
          `at most ${most} vouchers are kept here, and each is worth as much as this one`,
        );
      leaving.set(keyOf(last.voucher), last.voucher);
    }
    return [...leaving.values()];
  }

  #of(payer: Address): readonly Kept[] {
    return [...this.pots.values()]
      .filter(({ config }) => config.payer.toLowerCase() === payer.toLowerCase())
      .flatMap(({ kept }) => [...kept.values()]);
  }

  #set(config: PotConfig, kept: Kept): void {
    const { potId } = kept.voucher;
    const pot = this.pots.get(potId) ?? { config, kept: new Map() };
    pot.kept.set(laneKey(kept.voucher), kept);
    this.pots.set(potId, pot);
  }

  #delete(voucher: SignedVoucher): void {
    const pot = this.pots.get(voucher.potId);
    pot?.kept.delete(laneKey(voucher));
    if (pot?.kept.size === 0) this.pots.delete(voucher.potId);
  }
}

const less = (a: Value, b: Value) => a.all < b.all;
const lessSure = (a: Value, b: Value) => a.sure < b.sure || (a.sure === b.sure && a.all < b.all);

function record(config: PotConfig, { voucher, bounced }: Pick<Kept, "voucher" | "bounced">): Json {
  const { cumulative, ...rest } = voucher;
  return {
    ...rest,
    cumulative: cumulative.toString(),
    config: { ...config },
    ...(bounced !== undefined && { bounced: bounced.toString() }),
  };
}

function read(
  key: string,
  value: Json,
): SignedVoucher & { readonly config: PotConfig; readonly bounced?: string } {
  const stored = value as unknown as SignedVoucher & { config?: PotConfig; cumulative: unknown };
  if (typeof stored?.cumulative !== "string" || stored.config === undefined)
    throw new StoreError({ code: "STORE_CORRUPT", key }, `the kept voucher ${key} is unreadable`);
  return { ...stored, cumulative: BigInt(stored.cumulative) as Amount, config: stored.config };
}
