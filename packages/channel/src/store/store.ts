import { CodedError } from "@tabcast/runtime";

/** What a record may hold: amounts go in as decimal strings, never as numbers. */
export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [key: string]: Json };

/** One record to put, or with `undefined` to delete. */
export type Change = readonly [key: string, value: Json | undefined];

/** A secret under a key that cannot leave the store: useless outside it. */
export interface Sealed {
  /** Hex. */
  readonly iv: string;
  /** Hex. */
  readonly data: string;
}

/** Where books are kept. Knows nothing of what they say. */
export interface Store {
  /** One record. */
  get(key: string): Promise<Json | undefined>;
  /** Every record whose key starts with `prefix`, ordered by key. */
  list(prefix: string): Promise<readonly (readonly [key: string, value: Json])[]>;
  /** Writes all changes or none. When it resolves, they survive a crash. */
  write(changes: readonly Change[]): Promise<void>;
  /** Encrypts a secret under this store's own key, which cannot be exported. */
  seal(secret: Uint8Array): Promise<Sealed>;
  /** The secret again. Throws STORE_SEAL_BROKEN if it was changed or sealed by another store. */
  unseal(sealed: Sealed): Promise<Uint8Array>;
  /**
   * The only writer of `name`, among all tabs of this origin where the store is shared by tabs. Resolves to what releases
   * it; throws STORE_LOCKED if another holds it for longer than `patience` milliseconds (default 2000).
   */
  lock(name: string, options: { signal: AbortSignal; patience?: number }): Promise<() => void>;
  /** Ends the use of the store. May be called twice. */
  close(): Promise<void>;
}

export type StoreReason =
  | { code: "STORE_LOCKED"; name: string }
  | { code: "STORE_SEAL_BROKEN" }
  | { code: "STORE_CLOSED" }
  /** The browser gives no storage: private mode, full disk, a blocked upgrade. */
  | { code: "STORE_UNAVAILABLE" }
  /** A record of ours that we cannot read. */
  | { code: "STORE_CORRUPT"; key: string };

/** Books that cannot be read or written. */
export class StoreError extends CodedError<StoreReason> {}
