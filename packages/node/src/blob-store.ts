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

/** How long something is kept, in milliseconds of a clock. */
export interface Keeping {
  readonly now: () => number;
  readonly forMs: number;
}

/**
 * A store of at most `most` bytes; one item alone may not exceed it. Default 256 MiB, about ten minutes of a ladder. With `keeping`
 * nothing is kept for longer.
 */
export function openBlobStore(
  most: Bytes = (256 * 2 ** 20) as Bytes,
  { now, forMs }: Keeping = { now: () => 0, forMs: Number.POSITIVE_INFINITY },
): BlobStore {
  const items = new Map<string, { readonly bytes: Uint8Array<ArrayBuffer>; readonly at: number }>();
  let size = 0;
  const drop = (hash: string) => {
    size -= items.get(hash)?.bytes.byteLength ?? 0;
    items.delete(hash);
  };
  const old = () => now() - forMs;
  return {
    put(hash, bytes) {
      if (bytes.byteLength > most) return;
      drop(hash); // set again below: it becomes the newest
      items.set(hash, { bytes, at: now() });
      size += bytes.byteLength;
      for (const [oldest, { at }] of items) {
        if (size <= most && at > old()) break;
        drop(oldest);
      }
    },
    get(hash) {
      const item = items.get(hash);
      return item !== undefined && item.at > old() ? item.bytes : undefined;
    },
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
