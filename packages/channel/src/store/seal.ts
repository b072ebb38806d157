import { fromHex, toHex } from "@tabcast/runtime";
import { type Sealed, StoreError } from "./store.ts";

/** A new AES-GCM key that WebCrypto will use but never show. */
export function newSealKey(): Promise<CryptoKey> {
  return crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

/** `secret` encrypted under `key` with a fresh nonce, bound to what it is about. */
export async function seal(key: CryptoKey, secret: Uint8Array, about: string): Promise<Sealed> {
  // biome-ignore lint/plugin: a nonce must never repeat, so no seed may give it.
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const data = await crypto.subtle.encrypt(
    { name: "AES-GCM", iv, additionalData: bytesOf(about) },
    key,
    Uint8Array.from(secret),
  );
  return { iv: toHex(iv), data: toHex(new Uint8Array(data)), about };
}

/** The secret again. Throws STORE_SEAL_BROKEN. */
export async function unseal(key: CryptoKey, sealed: Sealed, about: string): Promise<Uint8Array> {
  const bound = sealed.about === undefined ? {} : { additionalData: bytesOf(about) };
  try {
    return new Uint8Array(
      await crypto.subtle.decrypt(
        { name: "AES-GCM", iv: fromHex(sealed.iv), ...bound },
        key,
        fromHex(sealed.data),
      ),
    );
  } catch (cause) {
    throw sealBroken(cause);
  }
}

/** STORE_SEAL_BROKEN in words. */
export function sealBroken(cause?: unknown): StoreError {
  return new StoreError(
    { code: "STORE_SEAL_BROKEN" },
    "the stored key was changed, is another's, or belongs to another browser profile",
    { cause },
  );
}

const bytesOf = (text: string) => new TextEncoder().encode(text);
