import { fromHex, toHex } from "@tabcast/runtime";
import { type Sealed, StoreError } from "./store.ts";

/** A new AES-GCM key that WebCrypto will use but never show. */
export function newSealKey(): Promise<CryptoKey> {
  return crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

/** `secret` encrypted under `key` with a fresh nonce. */
export async function seal(key: CryptoKey, secret: Uint8Array): Promise<Sealed> {
  // biome-ignore lint/plugin: a nonce must never repeat, so no seed may give it.
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const data = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, Uint8Array.from(secret));
  return { iv: toHex(iv), data: toHex(new Uint8Array(data)) };
}

/** The secret again. Throws STORE_SEAL_BROKEN. */
export async function unseal(key: CryptoKey, sealed: Sealed): Promise<Uint8Array> {
  try {
    return new Uint8Array(
      await crypto.subtle.decrypt(
        { name: "AES-GCM", iv: fromHex(sealed.iv) },
        key,
        fromHex(sealed.data),
      ),
    );
  } catch (cause) {
    throw new StoreError(
      { code: "STORE_SEAL_BROKEN" },
      "the stored key was changed, or belongs to another browser profile",
      { cause },
    );
  }
}
