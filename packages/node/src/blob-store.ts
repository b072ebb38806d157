import { type Bytes, CodedError, equalBytes, sha256, toHex } from "@tabcast/runtime";

/** Bytes by the hex of their SHA-256, the oldest dropped first when the bound is reached. */
export interface BlobStore {
  /** Keeps bytes under a hash the caller has computed or checked. */
  put(hash: string, bytes: Uint8Array<ArrayBuffer>): void;
  get(hash: string): Uint8Array<ArrayBuffer> | undefined;
  /** Total size now, in bytes. */
  size(): Bytes;
}

/** Something did not hash to what was promised. Do: nothing; the bytes are dropped and the next holder is asked. */
export class HashError extends CodedError<{
  code: "HASH_MISMATCH";
  expected: string;
  got: string;
}> {}

/** A store of at most `most` bytes; one item alone may not exceed it. Default 256 MiB, about ten minutes of a ladder. */
export function openBlobStore(most: Bytes = (256 * 2 ** 20) as Bytes): BlobStore {
  const items = new Map<string, Uint8Array<ArrayBuffer>>();
  let size = 0;
  return {
    put(hash, bytes) {
      if (bytes.byteLength > most) return;
      const before = items.get(hash);
      if (before !== undefined) {
        items.delete(hash); // set again below: it becomes the newest
        size -= before.byteLength;
      }
      items.set(hash, bytes);
      size += bytes.byteLength;
      if (size <= most) return;
      for (const [oldest, old] of items) {
        items.delete(oldest);
        size -= old.byteLength;
        if (size <= most) break;
      }
    },
    get: (hash) => items.get(hash),
    size: () => size as Bytes,
  };
}

/** Throws HASH_MISMATCH unless `bytes` hash to `expected` (32 bytes). */
export async function checkHash(bytes: Uint8Array, expected: Uint8Array): Promise<void> {
  const got = await sha256(bytes);
  if (!equalBytes(got, expected))
    throw new HashError(
      { code: "HASH_MISMATCH", expected: toHex(expected), got: toHex(got) },
      `expected bytes with SHA-256 ${toHex(expected).slice(0, 12)}…, got ${toHex(got).slice(0, 12)}… (${bytes.byteLength} bytes)`,
    );
}
