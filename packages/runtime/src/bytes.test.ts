import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concatBytes, equalBytes, fromHex, sha256, toHex } from "./index.ts";

const { SEED, FC_PATH = "", RUNS = "200" } = process.env;
const replay = { seed: Number(SEED ?? Date.now() | 0), path: FC_PATH, numRuns: Number(RUNS) };

describe(`bytes (SEED=${replay.seed})`, () => {
  test("hexadecimal gives every array back, with and without 0x", () => {
    const property = fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      expect(fromHex(toHex(bytes))).toEqual(bytes);
      expect(fromHex(`0x${toHex(bytes).toUpperCase()}`)).toEqual(bytes);
    });
    fc.assert(property, replay);
  });

  test.each(["0", "0x0", "zz", "0xgg", "00 ", "-1"])("%j is no hexadecimal", (text) => {
    expect(() => fromHex(text)).toThrow(RangeError);
  });

  test("arrays are equal by length and content, wherever they lie in memory", () => {
    const whole = Uint8Array.of(9, 1, 2, 3);
    expect(equalBytes(whole.subarray(1), Uint8Array.of(1, 2, 3))).toBe(true);
    expect(equalBytes(whole.subarray(1), Uint8Array.of(1, 2))).toBe(false);
    expect(equalBytes(whole.subarray(1), Uint8Array.of(1, 2, 4))).toBe(false);
    expect(equalBytes(new Uint8Array(), new Uint8Array())).toBe(true);
  });

  test("parts are joined in order", () => {
    const property = fc.property(fc.array(fc.uint8Array({ maxLength: 9 })), (parts) => {
      expect([...concatBytes(...parts)]).toEqual(parts.flatMap((part) => [...part]));
    });
    fc.assert(property, replay);
  });

  test("SHA-256 of abc is the standard's", async () => {
    // FIPS 180-2, appendix B.1.
    expect(toHex(await sha256(new TextEncoder().encode("abc")))).toBe(
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    );
  });
});
