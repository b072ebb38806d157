import { fromHex, toHex } from "@tabcast/runtime";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import messages from "../vectors/messages.json" with { type: "json" };
import { ProtocolError } from "./index.ts";
import { nouns, revive } from "./testing.ts";

const { SEED, FC_PATH = "", RUNS = "300" } = process.env;
const replay = { seed: Number(SEED ?? Date.now() | 0), path: FC_PATH, numRuns: Number(RUNS) };

/** Decodes or refuses with our error; what decodes, encodes and decodes to the same again. */
function settles(name: string, bytes: Uint8Array): void {
  const noun = nouns.get(name);
  if (noun === undefined) throw new Error(`no noun ${name}`);
  let message: object;
  try {
    message = noun.decode(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
    return;
  }
  const again = noun.encode(message);
  expect(noun.decode(again)).toEqual(message);
}

/** Vectors of one message, all of them. */
const samples = (name: string) =>
  messages.filter(({ message }) => message === name).map(({ hex }) => fromHex(hex));

describe(`decoders (SEED=${replay.seed})`, () => {
  test.each([...nouns.keys()])("%s takes any bytes without another error than ours", (name) => {
    const size = Math.min(nouns.get(name)?.limit ?? 0, 600) + 40;
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: size }), (bytes) => settles(name, bytes)),
      replay,
    );
  });

  test.each([...nouns.keys()])("%s takes changed, cut, doubled and spliced messages", (name) => {
    const whole = fc.constantFrom(...samples(name));
    const edit = fc.oneof(
      fc.record({ at: fc.nat(), byte: fc.nat(255), op: fc.constantFrom("set", "insert") }),
      fc.record({ at: fc.nat(), length: fc.nat(40), op: fc.constantFrom("cut", "double", "end") }),
    );
    fc.assert(
      fc.property(whole, fc.array(edit, { minLength: 1, maxLength: 6 }), (bytes, edits) => {
        let list = [...bytes];
        for (const change of edits) {
          const at = change.at % (list.length + 1);
          if ("byte" in change) list.splice(at, change.op === "set" ? 1 : 0, change.byte);
          else if (change.op === "cut") list.splice(at, change.length);
          else if (change.op === "double")
            list.splice(at, 0, ...list.slice(at, at + change.length));
          else list = list.slice(0, at);
        }
        settles(name, Uint8Array.from(list));
      }),
      replay,
    );
  });

  test.each([...nouns.keys()])("%s refuses every message cut short", (name) => {
    for (const bytes of samples(name))
      for (let length = 0; length < bytes.length; length++)
        settles(name, bytes.subarray(0, length));
  });

  test("an unknown field of a later version changes nothing", () => {
    for (const { message: name, hex, value } of messages) {
      const noun = nouns.get(name);
      // Field 1000 as bytes, varint, fixed 64 and fixed 32.
      for (const extra of ["c23e03010203", "c03e05", "c13e0102030405060708", "c53e01020304"])
        expect(noun?.decode(fromHex(hex + extra))).toEqual(revive(value));
    }
  });

  test("bytes that decode have one meaning: no other bytes of known fields give the same message", () => {
    for (const { message: name, hex } of messages) {
      const noun = nouns.get(name);
      const again = noun?.encode(noun.decode(fromHex(hex)));
      expect(again && toHex(again)).toBe(hex);
    }
  });
});

describe(`encoders (SEED=${replay.seed})`, () => {
  test("write every number of bits, at both its ends, so that it is read again", () => {
    const ends = Array.from({ length: 64 }, (_, bits) => 1n << BigInt(bits)).flatMap((power) => [
      power - 1n,
      power,
    ]);
    let tried = 0;
    for (const { message: name, value } of messages) {
      const noun = nouns.get(name);
      const known = revive(value) as Record<string, unknown>;
      for (const [field, usual] of Object.entries(known))
        for (const end of ends) {
          const number = typeof usual === "bigint" ? end : Number(end);
          if (typeof usual !== "bigint" && typeof usual !== "number") continue;
          let bytes: Uint8Array;
          try {
            bytes = noun?.encode({ ...known, [field]: number }) ?? new Uint8Array();
          } catch {
            continue; // out of the field's range
          }
          tried++;
          expect(noun?.decode(bytes), `${name}.${field} = ${end}`).toMatchObject({
            [field]: number,
          });
        }
    }
    expect(tried).toBeGreaterThan(500);
  });

  test("refuse what a peer would refuse, for each field of each message", () => {
    const odd = fc.constantFrom<unknown>(
      -1,
      1.5,
      Number.NaN,
      2 ** 53,
      -1n,
      1n << 64n,
      "\ud800",
      "x".repeat(9_000),
      new Uint8Array(9_999),
      null,
      {},
      Array.from({ length: 100 }, () => "/a"),
    );
    for (const { message: name, value } of messages) {
      const noun = nouns.get(name);
      const known = revive(value) as Record<string, unknown>;
      const property = fc.property(fc.constantFrom(...Object.keys(known)), odd, (field, bad) => {
        try {
          noun?.encode({ ...known, [field]: bad });
          throw new Error(`${name}.${field} took ${String(bad)}`);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      });
      fc.assert(property, { ...replay, numRuns: 60 });
    }
  });
});
