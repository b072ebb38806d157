import { fromHex, toHex } from "@tabcast/runtime";
import { describe, expect, test } from "vitest";
import envelopes from "../vectors/envelopes.json" with { type: "json" };
import messages from "../vectors/messages.json" with { type: "json" };
import refused from "../vectors/refused.json" with { type: "json" };
import * as P from "./index.ts";
import { nouns, revive } from "./testing.ts";

describe("golden vectors", () => {
  test("hold every message of the protocol", () => {
    expect(new Set(messages.map(({ message }) => message))).toEqual(new Set(nouns.keys()));
    expect(new Set(Object.keys(P.LIMITS))).toEqual(new Set(nouns.keys()));
  });

  test.each(messages.map((vector, i) => [i, vector.message, vector] as const))(
    "%i: %s decodes to its value and encodes to its bytes",
    (_, name, { hex, value }) => {
      const noun = nouns.get(name) as P.Noun<object>;
      const expected = revive(value);
      expect(noun.decode(fromHex(hex))).toEqual(expected);
      expect(toHex(noun.encode(expected))).toBe(hex);
      expect(hex.length / 2).toBeLessThanOrEqual(noun.limit);
    },
  );

  test("a voucher with the largest numbers takes at most 120 bytes", () => {
    const vector = messages.find(({ value }) => "voucher" in value);
    const whole = revive(vector?.value ?? {}) as P.Loose<P.Verdict>;
    const { voucher, ...bare } = whole;
    expect(voucher).toMatchObject({ lane: 4_000_000_000, cumulative: { byteLength: 12 } });
    const added = P.Verdict.encode(whole).byteLength - P.Verdict.encode(bare).byteLength;
    expect(added - 2).toBeLessThanOrEqual(120); // without the field's tag and length
  });

  test.each(envelopes)("a sealed $kind is signed as other teams sign it", async (vector) => {
    const signer = await P.Keys.fromSeed(fromHex(vector.seed));
    expect(`0x${toHex(signer.publicKey)}`).toBe(vector.publicKey);
    const sealed = await P.Envelope.seal(signer, vector.kind, fromHex(vector.payload));
    expect(`0x${toHex(sealed)}`).toBe(vector.envelope);
    const opened = await P.Envelope.open(fromHex(vector.envelope), vector.kind);
    expect(`0x${toHex(opened.payload)}`).toBe(vector.payload);
  });

  test.each(refused)("$message with $why is refused: $code", ({ message, hex, code }) => {
    const noun = nouns.get(message) as P.Noun<object>;
    expect(() => noun.decode(fromHex(hex))).toThrow(
      expect.objectContaining({ reason: expect.objectContaining({ code }) }),
    );
  });
});
