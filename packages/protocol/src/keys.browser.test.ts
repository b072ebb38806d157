import { fromHex, toHex } from "@tabcast/runtime";
import { expect, test } from "vitest";
import envelopes from "../vectors/envelopes.json" with { type: "json" };
import messages from "../vectors/messages.json" with { type: "json" };
import * as P from "./index.ts";
import { nouns, revive } from "./testing.ts";

test.each(envelopes)("a page seals a $kind as Node does", async (vector) => {
  const signer = await P.Keys.fromSeed(fromHex(vector.seed));
  const sealed = await P.Envelope.seal(signer, vector.kind, fromHex(vector.payload));
  expect(`0x${toHex(sealed)}`).toBe(vector.envelope);
  await expect(P.Envelope.open(sealed, vector.kind)).resolves.toBeTruthy();
});

test("a page reads and writes every golden message", () => {
  for (const { message, hex, value } of messages) {
    const noun = nouns.get(message);
    expect(noun?.decode(fromHex(hex))).toEqual(revive(value));
  }
});

test("a page's new key cannot be read out, and signs what others can check", async () => {
  const signer = await P.Keys.generate();
  const bytes = new TextEncoder().encode("page");
  expect(await P.Keys.verify(signer.publicKey, await signer.sign(bytes), bytes)).toBe(true);
  expect(Object.keys(signer).sort()).toEqual(["publicKey", "sign"]);
});
