import { CodedError, type Wei } from "@tabcast/runtime";
import { type Change, type Json, type Store, StoreError } from "../store/store.ts";
import type { Hex, PotConfig, SignedVoucher } from "../types.ts";
import { laneKey } from "../voucher.ts";

/** Pots whose vouchers are kept. */
export const MOST_POTS = 32;
/** Lanes kept of one pot: a payer can sign for as many made-up workers as it likes, and we pay the gas. */
export const MOST_IN_POT = 16;

/** No room for what was brought. Do: nothing; its owner hands it to another peer. */
export class WatchtowerError extends CodedError<{ code: "WATCHTOWER_FULL"; most: number }> {}

/** A pot of which vouchers are kept. */
export interface WatchedPot {
  readonly config: PotConfig;
  /** By `Voucher.laneKey`. */
  readonly vouchers: Map<string, SignedVoucher>;
}

/** Names on disk, which stay: books of version 0.1.0 have them. */
const PREFIX = "tower/";

const keyOf = (voucher: SignedVoucher) => `${PREFIX}${voucher.potId}/${laneKey(voucher)}`;

/** The vouchers that others delegated to us, on disk before they count. One writer: the caller's queue and lock. */
export class Delegated {
  readonly pots = new Map<Hex, WatchedPot>();
  readonly #store: Store;

  private constructor(store: Store) {
    this.#store = store;
  }

  /** What was kept before. Throws STORE_CORRUPT. */
  static async read(store: Store): Promise<Delegated> {
    const found = new Delegated(store);
    for (const [key, value] of await store.list(PREFIX)) {
      const { config, ...voucher } = read(key, value);
      found.#add(config, voucher);
    }
    return found;
  }

  all(): readonly SignedVoucher[] {
    return [...this.pots.values()].flatMap(({ vouchers }) => [...vouchers.values()]);
  }

  /** False if as much is kept of the lane already. Throws WATCHTOWER_FULL. */
  admits(voucher: SignedVoucher): boolean {
    const pot = this.pots.get(voucher.potId);
    const known = pot?.vouchers.get(laneKey(voucher));
    if (known !== undefined) return voucher.cumulative > known.cumulative;
    if (pot === undefined && this.pots.size >= MOST_POTS) throw full(MOST_POTS, "pots");
    if (pot !== undefined && pot.vouchers.size >= MOST_IN_POT)
      throw full(MOST_IN_POT, "lanes of a pot");
    return true;
  }

  /** Keeps a voucher that `admits` let in, in the place of its lane's lower one. */
  async put(config: PotConfig, voucher: SignedVoucher): Promise<void> {
    await this.#store.write([[keyOf(voucher), record(config, voucher)]]);
    this.#add(config, voucher);
  }

  /** Forgets a pot that is final. */
  async forget(potId: Hex): Promise<void> {
    const vouchers = this.pots.get(potId)?.vouchers.values() ?? [];
    await this.#store.write([...vouchers].map((one): Change => [keyOf(one), undefined]));
    this.pots.delete(potId);
  }

  #add(config: PotConfig, voucher: SignedVoucher): void {
    const pot = this.pots.get(voucher.potId) ?? { config, vouchers: new Map() };
    pot.vouchers.set(laneKey(voucher), voucher);
    this.pots.set(voucher.potId, pot);
  }
}

function full(most: number, what: string): WatchtowerError {
  return new WatchtowerError(
    { code: "WATCHTOWER_FULL", most },
    `at most ${most} ${what} are watched`,
  );
}

function record(config: PotConfig, { cumulative, ...voucher }: SignedVoucher): Json {
  return { ...voucher, cumulative: cumulative.toString(), config: { ...config } };
}

function read(key: string, value: Json): SignedVoucher & { readonly config: PotConfig } {
  const stored = value as unknown as SignedVoucher & { config?: PotConfig; cumulative: unknown };
  if (typeof stored?.cumulative !== "string" || stored.config === undefined)
    throw new StoreError({ code: "STORE_CORRUPT", key }, `the kept voucher ${key} is unreadable`);
  return { ...stored, cumulative: BigInt(stored.cumulative) as Wei, config: stored.config };
}
