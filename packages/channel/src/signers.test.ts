import { toHex } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { recoverAddress } from "viem/utils";
import { expect, test } from "vitest";
import { learn, signed } from "./signers.ts";
import type { Hex } from "./types.ts";

const hashOf = (n: number) => toHex(BigInt(n) ** 40n + 7n, { size: 32 });
const half = (signature: Hex, at: number) => BigInt(`0x${signature.slice(at, at + 64)}`);
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

test("a signature is held against a known key, and one by anybody else or over anything else is not its signer's", async () => {
  const [key, other] = [generatePrivateKey(), generatePrivateKey()].map((one) =>
    privateKeyToAccount(one),
  ) as [ReturnType<typeof privateKeyToAccount>, ReturnType<typeof privateKeyToAccount>];
  for (let n = 1; n <= 20; n++) {
    const hash = hashOf(n);
    const signature = await key.sign({ hash });
    if (n === 1) expect(signed(key.address, hash, signature)).toBe(false); // nobody knows the key
    if (n === 1) learn(key.address, key.publicKey);
    expect(signed(key.address, hash, signature)).toBe(true);
    expect(signed(key.address.toLowerCase() as Hex, hash, signature)).toBe(true);
    expect(signed(key.address, hashOf(n + 1), signature)).toBe(false);
    expect(signed(key.address, hash, await other.sign({ hash }))).toBe(false);
  }
});

test("a signature whose parity or numbers the chain would recover another signer from is refused, though its curve point fits", async () => {
  const key = privateKeyToAccount(generatePrivateKey());
  learn(key.address, key.publicKey);
  const hash = hashOf(3);
  const signature = await key.sign({ hash });
  const [r, s] = [half(signature, 2), half(signature, 66)];
  const v = signature.slice(130) === "1b" ? 27 : 28;
  const of = (a: bigint, b: bigint, parity: number): Hex =>
    `0x${toHex(a, { size: 32 }).slice(2)}${toHex(b, { size: 32 }).slice(2)}${parity.toString(16)}`;
  expect(of(r, s, v)).toBe(signature);
  const flipped = of(r, s, 55 - v);
  expect(await recoverAddress({ hash, signature: flipped })).not.toBe(key.address);
  expect(signed(key.address, hash, flipped)).toBe(false);
  // The other root of s is the same signature to a curve, with the other parity.
  expect(signed(key.address, hash, of(r, ORDER - s, 55 - v))).toBe(true);
  expect(signed(key.address, hash, of(r, ORDER - s, v))).toBe(false);
  for (const [a, b] of [
    [0n, s],
    [r, 0n],
    [ORDER, s],
    [r, ORDER],
    [s, r],
    [r + 1n, s],
  ] as const)
    expect(signed(key.address, hash, of(a, b, v))).toBe(false);
});

test("the keys of 16 signers are kept, and that of the one that was learnt first makes room", async () => {
  const keys = Array.from({ length: 17 }, () => privateKeyToAccount(generatePrivateKey()));
  const hash = hashOf(5);
  for (const { address, publicKey } of keys) learn(address, publicKey);
  const first = keys.slice(0, 2);
  const known = await Promise.all(
    first.map(async (key) => signed(key.address, hash, await key.sign({ hash }))),
  );
  expect(known).toEqual([false, true]);
});
