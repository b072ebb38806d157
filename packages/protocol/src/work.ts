/** Work that a message shows: its hash begins with zeros, which are found by trying and seen at a glance. */
import { concatBytes, nextTurn, sha256 } from "@tabcast/runtime";

const PREFIX = new TextEncoder().encode("tabcast/1/work\0");
/** Tag of the last field, `nonce`, number 7 and a varint. Source: `tabcast.proto`. */
const NONCE = 7 << 3;
/** Tries between two turns of others in this tab, who draw its pictures: about 5 ms. */
const AT_ONCE = 64;

export interface FindWorkOptions {
  readonly signal: AbortSignal;
  /** Resolves when others have had their turn. Default: `nextTurn`. */
  readonly turn?: () => Promise<void>;
}

/** Zero bits that SHA-256("tabcast/1/work", 0x00, payload) begins with. */
export async function workOf(payload: Uint8Array): Promise<number> {
  return zeros(await sha256(concatBytes(PREFIX, payload)));
}

function zeros(hash: Uint8Array): number {
  const first = hash.findIndex((byte) => byte !== 0);
  return first < 0 ? 8 * hash.byteLength : 8 * first + Math.clz32(hash[first] as number) - 24;
}

/**
 * The nonce, 1 or more, with which `payload`, the encoding of a message without one, shows `bits` of work. Tries 2^bits on average.
 * Rejects with the signal's reason.
 */
export async function findWork(
  payload: Uint8Array,
  bits: number,
  { signal, turn = nextTurn }: FindWorkOptions,
): Promise<number> {
  for (let from = 1; ; from += AT_ONCE) {
    await turn();
    signal.throwIfAborted();
    const tries = Array.from({ length: AT_ONCE }, (_, i) =>
      workOf(concatBytes(payload, Uint8Array.of(NONCE), varint(from + i))),
    );
    const found = (await Promise.all(tries)).findIndex((work) => work >= bits);
    if (found >= 0) return from + found;
  }
}

/** A whole number as protobuf writes it. */
function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) return Uint8Array.from([...bytes, left]);
    bytes.push((left % 128) + 128);
  }
}
