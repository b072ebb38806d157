import { fromHex, toHex } from "@tabcast/runtime";
import type { PrivateKeyAccount } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import type { Sealed, Store } from "./store/store.ts";

/** A fresh secp256k1 key, and the same sealed for the store. Random, never derived from a wallet's signature. */
export async function newSecret(
  store: Store,
): Promise<{ readonly account: PrivateKeyAccount; readonly sealed: Sealed }> {
  const secret = generatePrivateKey();
  return { account: privateKeyToAccount(secret), sealed: await store.seal(fromHex(secret)) };
}

/** The key again. Throws STORE_SEAL_BROKEN. */
export async function openSecret(store: Store, sealed: Sealed): Promise<PrivateKeyAccount> {
  return privateKeyToAccount(`0x${toHex(await store.unseal(sealed))}`);
}
