import { MeshError } from "./error.ts";
import type { PeerId } from "./mesh.ts";

const ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
/** identity multihash, 36 bytes long | protobuf: key type Ed25519, data of 32 bytes. Source: libp2p specs, peer-ids. */
const PREFIX = Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20);
const LENGTH = PREFIX.byteLength + 32;

/** The peer id of an Ed25519 public key of 32 bytes: "12D3Koo…". Throws MESH_BAD_ADDRESS for any other length. */
export function peerIdFromPublicKey(key: Uint8Array): PeerId {
  if (key.byteLength !== 32)
    throw new MeshError(
      { code: "MESH_BAD_ADDRESS", address: `${key.byteLength} bytes` },
      `an Ed25519 public key has 32 bytes, got ${key.byteLength}`,
    );
  const bytes = new Uint8Array(LENGTH);
  bytes.set(PREFIX);
  bytes.set(key, PREFIX.byteLength);
  let number = 0n;
  for (const byte of bytes) number = (number << 8n) | BigInt(byte);
  let text = "";
  for (; number > 0n; number /= 58n) text = ALPHABET.charAt(Number(number % 58n)) + text;
  return `1${text}`; // the leading zero byte
}

/** The Ed25519 public key, 32 bytes, inside a peer id. Throws MESH_BAD_ADDRESS for anything else. */
export function publicKeyFromPeerId(peer: PeerId): Uint8Array<ArrayBuffer> {
  const bad = (why: string): never => {
    throw new MeshError(
      { code: "MESH_BAD_ADDRESS", address: peer.slice(0, 80) },
      `not an Ed25519 peer id: ${peer.slice(0, 80)} (${why})`,
    );
  };
  // An id has 52 characters; the check keeps a long text from becoming a long number.
  if (peer.length !== 52 || !peer.startsWith("12D3Koo")) return bad("expected 52 characters");
  let number = 0n;
  for (const char of peer) {
    const digit = ALPHABET.indexOf(char);
    if (digit < 0) return bad(`unexpected ${JSON.stringify(char)}`);
    number = number * 58n + BigInt(digit);
  }
  const bytes = new Uint8Array(LENGTH);
  for (let at = LENGTH - 1; at >= 0; at--, number >>= 8n) bytes[at] = Number(number & 0xffn);
  if (number > 0n || PREFIX.some((byte, i) => byte !== bytes[i])) return bad("not an Ed25519 key");
  return bytes.slice(PREFIX.byteLength);
}
