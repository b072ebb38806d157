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
  /** What the secret is for: it opens for nothing else. Missing in what was sealed before 2026-12. */
  readonly about?: string;
}

/** Where books are kept. Knows nothing of what they say. */
export interface Store {
  /** One record. */
  get(key: string): Promise<Json | undefined>;
  /** Every record whose key starts with `prefix`, ordered by key. */
  list(prefix: string): Promise<readonly (readonly [key: string, value: Json])[]>;
  /** Writes all changes or none. When it resolves, they survive a crash. */
  write(changes: readonly Change[]): Promise<void>;
  /** Encrypts a secret under this store's own key, which cannot be exported, for one use. */
  seal(secret: Uint8Array, about: string): Promise<Sealed>;
  /** The secret again. Throws STORE_SEAL_BROKEN if it was changed, or sealed by another store or for another use. */
  unseal(sealed: Sealed, about: string): Promise<Uint8Array>;
  /**
   * The only writer of `name`, among all tabs of this origin where the store is shared by tabs. Resolves to what releases
   * it; throws STORE_LOCKED if another holds it for longer than `patience` milliseconds (default 2000).
   */
  lock(name: string, options: { signal: AbortSignal; patience?: number }): Promise<() => void>;
  /** Ends the use of the store. May be called twice. */
  close(): Promise<void>;
}

export type StoreReason =
  /** Another tab of this origin writes these books. Do: close the other tab, or wait until it is done. */
  | { code: "STORE_LOCKED"; name: string }
  /** A stored secret was changed, or sealed by another store. Do: restore the browser profile; the key cannot be recovered otherwise. */
  | { code: "STORE_SEAL_BROKEN" }
  /** The store was closed. Do: open it again; this is a mistake in the program unless the tab was closing. */
  | { code: "STORE_CLOSED" }
  /** The browser gives no storage: private mode, full disk, a blocked upgrade. Do: leave private mode, free disk space, close other tabs. */
  | { code: "STORE_UNAVAILABLE" }
  /** A record of ours that we cannot read. Do: report it; the other records are still read. */
  | { code: "STORE_CORRUPT"; key: string };

/** Books that cannot be read or written. */
export class StoreError extends CodedError<StoreReason> {}
