/**
 * WebCrypto for virtual time. Hashes are real, and ready at once: the machine's own come from a thread pool in an order of
 * their own; so are keys derived, and what is encrypted or authenticated under them, so that nothing opens without its key. Signatures
 * are modelled: hashes that only our own code keeps honest. Production code has no way in here.
 */
import { createCipheriv, createDecipheriv, createHmac, hash, hkdfSync } from "node:crypto";
import { concatBytes, equalBytes, type Random } from "@tabcast/runtime";

interface ModelKey {
  readonly publicKey: Uint8Array;
}

/** A key of HKDF, AES-GCM or HMAC. */
interface SecretKey {
  readonly secret: Uint8Array;
}

/** Bytes of AES-GCM's tag, after what is encrypted. */
const TAG = 16;
const SECRET_KINDS = ["HKDF", "AES-GCM", "HMAC"];

/** A buffer of its own, as WebCrypto answers. */
const owned = (...parts: readonly Uint8Array[]): ArrayBuffer => concatBytes(...parts).buffer;

/** What a node on virtual time uses of keys that two sides share: the platform's own, at once. */
const shared = {
  async deriveBits(
    { salt, info }: { readonly salt: BufferSource; readonly info: BufferSource },
    { secret }: SecretKey,
    bits: number,
  ): Promise<ArrayBuffer> {
    return owned(new Uint8Array(hkdfSync("sha256", secret, view(salt), view(info), bits / 8)));
  },
  async encrypt({ iv, additionalData }: AesGcmParams, { secret }: SecretKey, data: BufferSource) {
    const cipher = createCipheriv("aes-256-gcm", secret, view(iv));
    if (additionalData !== undefined) cipher.setAAD(view(additionalData));
    const most = cipher.update(view(data));
    return owned(most, cipher.final(), cipher.getAuthTag());
  },
  /** Throws for what was not encrypted under this key. */
  async decrypt({ iv, additionalData }: AesGcmParams, { secret }: SecretKey, data: BufferSource) {
    const bytes = view(data);
    const cipher = createDecipheriv("aes-256-gcm", secret, view(iv), { authTagLength: TAG });
    if (additionalData !== undefined) cipher.setAAD(view(additionalData));
    cipher.setAuthTag(bytes.slice(-TAG));
    const most = cipher.update(bytes.slice(0, -TAG));
    return owned(most, cipher.final());
  },
};

const digest = (bytes: Uint8Array): Uint8Array<ArrayBuffer> =>
  new Uint8Array(hash("sha256", bytes, "buffer").buffer as ArrayBuffer); // whose 32 bytes are its own
const view = (data: BufferSource): Uint8Array =>
  data instanceof Uint8Array
    ? data
    : data instanceof ArrayBuffer
      ? new Uint8Array(data)
      : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** Both halves of a signature. */
const halfOf = ({ publicKey }: ModelKey, data: Uint8Array) => digest(concatBytes(publicKey, data));

/** The part of WebCrypto that a node on virtual time uses. Anything else throws. */
export function modelCrypto(random: Random): Pick<Crypto, "getRandomValues"> & { subtle: object } {
  const subtle = {
    ...shared,
    digest: async (algorithm: string, data: BufferSource) => {
      if (algorithm !== "SHA-256") throw new TypeError(`not modelled: ${algorithm}`);
      return digest(view(data)).buffer;
    },
    generateKey: async (): Promise<CryptoKeyPair> => {
      const key: ModelKey = { publicKey: digest(random.bytes(32)) };
      return { privateKey: key, publicKey: key } as unknown as CryptoKeyPair;
    },
    /** The last 32 bytes are the seed of a private key, or a public key itself. */
    importKey: async (
      format: string,
      data: BufferSource,
      algorithm: string | { readonly name: string },
    ): Promise<ModelKey | SecretKey> => {
      const name = typeof algorithm === "string" ? algorithm : algorithm.name;
      if (SECRET_KINDS.includes(name)) return { secret: view(data).slice() };
      const last = view(data).slice(-32);
      return { publicKey: format === "raw" ? last : digest(last) };
    },
    exportKey: async (format: string, { publicKey }: ModelKey) =>
      format === "raw"
        ? publicKey.slice().buffer
        : { x: Buffer.from(publicKey).toString("base64url") },
    sign: async (_: string, key: ModelKey | SecretKey, data: BufferSource) => {
      if ("secret" in key)
        return owned(createHmac("sha256", key.secret).update(view(data)).digest());
      const half = halfOf(key, view(data));
      return concatBytes(half, half).buffer;
    },
    verify: async (_: string, key: ModelKey, signature: BufferSource, data: BufferSource) => {
      const half = halfOf(key, view(data));
      const got = view(signature);
      return equalBytes(half, got.subarray(0, 32)) && equalBytes(half, got.subarray(32));
    },
  };
  return {
    subtle,
    getRandomValues: (array) => {
      const bytes = view(array as BufferSource);
      bytes.set(random.bytes(bytes.byteLength));
      return array;
    },
  };
}

/** Puts models in place of the process's own globals until the returned function is called. One run at a time in a process. */
export function lend(models: Readonly<Record<string, unknown>>): () => void {
  const owns = Object.keys(models).map((name) => {
    const own = Object.getOwnPropertyDescriptor(globalThis, name);
    if (own?.configurable !== true) throw new TypeError(`this platform does not lend its ${name}`);
    return [name, own] as const;
  });
  for (const [name, value] of Object.entries(models))
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  return () => {
    for (const [name, own] of owns) Object.defineProperty(globalThis, name, own);
  };
}
