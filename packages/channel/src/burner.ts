import type { LocalAccount } from "viem";
import { newSecret, openSecret } from "./secret.ts";
import { type Sealed, type Store, StoreError } from "./store/store.ts";
import type { Address } from "./types.ts";

/** A wallet that lives in this browser profile alone: for play money on a local chain. */
export interface Burner {
  readonly address: Address;
  readonly account: LocalAccount;
}

/** The store's burner wallet; made on the first call, the same ever after. Throws STORE_SEAL_BROKEN, STORE_LOCKED. */
export async function openBurner({
  store,
  signal = new AbortController().signal,
}: {
  readonly store: Store;
  readonly signal?: AbortSignal;
}): Promise<Burner> {
  // Two tabs that start together must end with one wallet.
  const release = await store.lock("burner", { signal });
  try {
    const held = await store.get("burner");
    if (held !== undefined) {
      const { address, ...sealed } = held as unknown as Sealed & { address?: Address };
      if (typeof sealed?.iv !== "string" || typeof sealed.data !== "string")
        throw new StoreError(
          { code: "STORE_CORRUPT", key: "burner" },
          "the stored burner wallet is unreadable",
        );
      const account = await openSecret(store, sealed, address);
      return { address: account.address, account };
    }
    const { account, sealed } = await newSecret(store);
    await store.write([["burner", { ...sealed, address: account.address }]]);
    return { address: account.address, account };
  } finally {
    release();
  }
}
