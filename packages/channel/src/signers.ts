/**
 * The public keys of the signers whose vouchers come again and again. A key is recovered from the first good signature; each later one
 * is then held against the key, at a third of what recovering it again costs. It answers yes only where recovering would give that
 * key, and nothing else: whatever it does not know is recovered.
 */
import { invert, mod } from "@noble/curves/abstract/modular";
import { secp256k1 } from "@noble/curves/secp256k1";
import { BoundedMap } from "@tabcast/runtime";
import type { Address, Hex } from "./types.ts";

const { ProjectivePoint: Point, CURVE, utils } = secp256k1;
type Point = typeof Point.BASE;

/** Signers that are remembered, each with a table of about 250 kB; the oldest makes room. A worker has eight streams at most. */
const MOST_SIGNERS = 16;
/** Bits of a window of a key's table: 848 points, which are made in about 10 ms when a second voucher comes. */
const WINDOW = 5;

const signers = new BoundedMap<string, { readonly key: Point; used: boolean }>(MOST_SIGNERS);

/** Remembers the uncompressed public key of an address, which a good signature gave. */
export function learn(signer: Address, publicKey: Hex): void {
  signers.set(signer.toLowerCase(), { key: Point.fromHex(publicKey.slice(2)), used: false });
}

/**
 * True if `signature`, 65 bytes whose form was checked, over `hash` is by a signer whose key is known: the point that r and v name is
 * (h G + r K) / s, so recovering the key would give K.
 */
export function signed(signer: Address, hash: Hex, signature: Hex): boolean {
  const known = signers.get(signer.toLowerCase());
  if (known === undefined) return false;
  const { n } = CURVE;
  const [r, s] = [2, 66].map((at) => BigInt(`0x${signature.slice(at, at + 64)}`)) as [
    bigint,
    bigint,
  ];
  if (r === 0n || r >= n || s === 0n || s >= n) return false;
  if (!known.used) utils.precompute(WINDOW, known.key);
  known.used = true;
  const inverse = invert(s, n);
  // `multiply` refuses zero, and `multiplyUnsafe` of @noble/curves 1.9.1 is wrong for a point that has a table.
  const of = mod(BigInt(hash) * inverse, n);
  if (of === 0n) return false;
  const named = Point.BASE.multiply(of).add(known.key.multiply(mod(r * inverse, n)));
  if (named.equals(Point.ZERO)) return false;
  const { x, y } = named.toAffine();
  const odd = Number.parseInt(signature.slice(130), 16) === 28;
  return x === r && ((y & 1n) === 1n) === odd;
}
