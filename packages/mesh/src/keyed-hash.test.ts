import { seededRandom } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { keyedHash } from "./keyed-hash.ts";

const random = seededRandom(3, "keyed hash");

test("texts that differ in one bit, in length or in their key look different", () => {
  const hash = keyedHash([1, 2]);
  const seen = new Set<string>();
  const base = random.bytes(67);
  for (let bit = 0; bit < 8 * base.byteLength; bit++) {
    const other = base.slice();
    other[bit >> 3] = (other[bit >> 3] as number) ^ (1 << (bit & 7));
    seen.add(hash(other));
  }
  for (let length = 0; length <= base.byteLength; length++) seen.add(hash(new Uint8Array(length)));
  seen.add(hash(base));
  seen.add(keyedHash([1, 3])(base));
  seen.add(keyedHash([0, 2])(base));
  expect(seen.size).toBe(8 * base.byteLength + base.byteLength + 1 + 3);
});

test("one text looks the same wherever it lies", () => {
  const hash = keyedHash([7, 9]);
  const bytes = random.bytes(101);
  for (let at = 0; at < 5; at++) {
    const whole = new Uint8Array(at + bytes.byteLength);
    whole.set(bytes, at);
    expect(hash(whole.subarray(at))).toBe(hash(bytes));
  }
});

test("is HalfSipHash-2-4 of 64 bits", () => {
  // From its authors' vectors_hsip64, whose key is 00 01 ... 07 and whose texts are 00 01 02 ...
  const hash = keyedHash([0x03020100, 0x07060504]);
  expect(hash(new Uint8Array(0))).toBe("591f8d21 c83cb8b9");
});
