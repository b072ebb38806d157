import { concatBytes } from "@tabcast/runtime";

const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
/** Identity multihash of a libp2p public key: protobuf {type: Ed25519, data: 32 bytes}. Source: libp2p's peer-ids.md. */
const prefix = Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20);

/** The raw Ed25519 public key inside a libp2p peer id ("12D3KooW..."), or undefined if it holds none. */
export function publicKeyOf(peer: string): Uint8Array<ArrayBuffer> | undefined {
  if (peer.length > 64) return undefined;
  let value = 0n;
  for (const char of peer) {
    const digit = alphabet.indexOf(char);
    if (digit < 0) return undefined;
    value = value * 58n + BigInt(digit);
  }
  const size = prefix.length + 32;
  if (!peer.startsWith("1") || peer.startsWith("11") || value >= 1n << BigInt(8 * size))
    return undefined;
  const bytes = new Uint8Array(size);
  for (let i = size - 1; i >= 0; i--, value >>= 8n) bytes[i] = Number(value & 0xffn);
  return prefix.every((byte, i) => bytes[i] === byte) ? bytes.slice(prefix.length) : undefined;
}

/** The libp2p peer id of a raw Ed25519 public key. Throws RangeError unless it has 32 bytes. */
export function peerIdOf(publicKey: Uint8Array): string {
  if (publicKey.byteLength !== 32)
    throw new RangeError(`an Ed25519 public key has 32 bytes, got ${publicKey.byteLength}`);
  let value = 0n;
  for (const byte of concatBytes(prefix, publicKey)) value = (value << 8n) | BigInt(byte);
  let text = "";
  for (; value > 0n; value /= 58n) text = (alphabet[Number(value % 58n)] as string) + text;
  return `1${text}`;
}
