import { concatBytes, fromHex } from "@tabcast/runtime";

/** An Ed25519 key that signs: a stream's, or a peer's. */
export interface Signer {
  /** Raw, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** The signature, 64 bytes. */
  sign(bytes: Uint8Array): Promise<Uint8Array>;
}

/** A PKCS8 wrapping of a bare Ed25519 seed. Source: RFC 8410. */
const pkcs8 = fromHex("302e020100300506032b657004220420");

function signer(key: CryptoKey, publicKey: Uint8Array): Signer {
  return {
    publicKey,
    sign: async (bytes) =>
      new Uint8Array(await crypto.subtle.sign("Ed25519", key, bytes as Uint8Array<ArrayBuffer>)),
  };
}

/** Ed25519 keys through WebCrypto; the private half never leaves it. */
export const Keys = {
  /** A new key. It is lost with the page: use `fromSeed` for one that must be kept. */
  async generate(): Promise<Signer> {
    const pair = await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]);
    if (!("publicKey" in pair)) throw new TypeError("Ed25519 gave no key pair");
    return signer(
      pair.privateKey,
      new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)),
    );
  },

  /** The key of a 32-byte seed: the same seed gives the same key, also as libp2p's. Throws RangeError on another length. */
  async fromSeed(seed: Uint8Array): Promise<Signer> {
    if (seed.byteLength !== 32) throw new RangeError(`a seed has 32 bytes, got ${seed.byteLength}`);
    const wrapped = concatBytes(pkcs8, seed);
    // WebCrypto tells a public key only while the private one may be exported, so it is imported twice.
    const open = await crypto.subtle.importKey("pkcs8", wrapped, "Ed25519", true, ["sign"]);
    const { x } = await crypto.subtle.exportKey("jwk", open);
    if (x === undefined) throw new TypeError("Ed25519 gave no public key");
    const raw = atob(x.replaceAll("-", "+").replaceAll("_", "/"));
    const key = await crypto.subtle.importKey("pkcs8", wrapped, "Ed25519", false, ["sign"]);
    return signer(
      key,
      Uint8Array.from(raw, (char) => char.charCodeAt(0)),
    );
  },

  /** True if `signature` is `publicKey`'s over `bytes`. A key that is no point of the curve verifies nothing. */
  async verify(publicKey: Uint8Array, signature: Uint8Array, bytes: Uint8Array): Promise<boolean> {
    try {
      const raw = publicKey as Uint8Array<ArrayBuffer>;
      const key = await crypto.subtle.importKey("raw", raw, "Ed25519", false, ["verify"]);
      return await crypto.subtle.verify(
        "Ed25519",
        key,
        signature as Uint8Array<ArrayBuffer>,
        bytes as Uint8Array<ArrayBuffer>,
      );
    } catch {
      return false;
    }
  },
};
