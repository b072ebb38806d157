import { fromHex, toHex } from "@tabcast/runtime";
import { describe, expect, test } from "vitest";
import vectors from "../vectors/private.json" with { type: "json" };
import * as P from "./index.ts";
import { revive } from "./testing.ts";

const stream = fromHex(vectors.stream);
const secrets = await P.crewKeys(stream, fromHex(vectors.crewKey));
const watching = await P.watchKeys(stream, fromHex(vectors.watchKey));
type Purpose = Exclude<keyof P.CrewKeys, "watch" | "token">;

/** The same bytes with one bit of one of them turned. */
const flipped = (bytes: Uint8Array, at: number) => bytes.with(at, (bytes[at] ?? 0) ^ 1);

const refusal = (code: string) =>
  expect.objectContaining({ reason: expect.objectContaining({ code }) });

describe("a private stream's vectors", () => {
  test("the crew's key gives the viewers' key and the crew's token, as other teams derive them", () => {
    expect(`0x${toHex(secrets.watch)}`).toBe(vectors.watchKey);
    expect(`0x${toHex(secrets.token)}`).toBe(vectors.token);
    expect(P.keyText(fromHex(vectors.crewKey))).toBe(vectors.crewKeyText);
    expect(toHex(P.parseKey(vectors.watchKeyText))).toBe(vectors.watchKey.slice(2));
  });

  test.each(vectors.encrypted)(
    "$purpose $number $name is encrypted as other teams encrypt it",
    async ({ purpose, number, name, plain, encrypted }) => {
      const cipher = secrets[purpose as Purpose];
      const got = await cipher.encrypt(fromHex(plain), { number, name });
      expect(`0x${toHex(got)}`).toBe(encrypted);
      expect(got.byteLength).toBe(fromHex(plain).byteLength + P.ENCRYPTED_MORE);
      expect(`0x${toHex(await cipher.decrypt(got, { number, name }))}`).toBe(plain);
    },
  );

  test.each(vectors.sealed)("a private $kind is signed as other teams sign it", async (vector) => {
    const signer = await P.Keys.fromSeed(fromHex(vector.seed));
    const value = revive(vector.value);
    const [seal, open] = {
      announce: [
        () => P.sealPrivateAnnounce(signer, value as P.Announce, secrets),
        (bytes: Uint8Array) => P.openPrivateAnnounce(bytes, watching, {}),
      ] as const,
      entry: [
        () => P.sealPrivateEntry(signer, value as P.Entry, secrets),
        (bytes: Uint8Array) => P.openPrivateEntry(bytes, watching),
      ] as const,
      offer: [
        () => P.sealPrivateOffer(signer, value as P.Offer, secrets),
        (bytes: Uint8Array) => P.openPrivateOffer(bytes, secrets, {}),
      ] as const,
    }[vector.kind as "announce" | "entry" | "offer"];
    expect(`0x${toHex(await seal())}`).toBe(vector.envelope);
    expect(await open(fromHex(vector.envelope))).toEqual(value);
    for (let at = 0; at < fromHex(vector.envelope).byteLength; at++)
      await expect(open(flipped(fromHex(vector.envelope), at)), `byte ${at}`).rejects.toThrow(
        P.ProtocolError,
      );
  });
});

describe("what is encrypted", () => {
  const of = { number: 7, name: "720p" };
  const plain = new TextEncoder().encode("one segment");

  test("does not open with any of its bytes changed, cut short, or under another key", async () => {
    const encrypted = await secrets.media.encrypt(plain, of);
    const refused = refusal("PROTOCOL_ENCRYPTED");
    for (let at = 0; at < encrypted.byteLength; at++)
      await expect(secrets.media.decrypt(flipped(encrypted, at), of)).rejects.toThrow(refused);
    for (let length = 0; length < encrypted.byteLength; length++)
      await expect(secrets.media.decrypt(encrypted.subarray(0, length), of)).rejects.toThrow(
        refused,
      );
    const other = await P.crewKeys(stream, new Uint8Array(32).fill(1));
    await expect(other.media.decrypt(encrypted, of)).rejects.toThrow(refused);
  });

  test("does not open as another segment, another rung, another kind, or of another stream", async () => {
    const encrypted = await secrets.media.encrypt(plain, of);
    const refused = refusal("PROTOCOL_ENCRYPTED");
    for (const wrong of [{ number: 8, name: "720p" }, { number: 7, name: "360p" }, { number: 7 }])
      await expect(secrets.media.decrypt(encrypted, wrong)).rejects.toThrow(refused);
    await expect(secrets.init.decrypt(encrypted, of)).rejects.toThrow(refused);
    const elsewhere = await P.crewKeys(stream.with(0, 1), fromHex(vectors.crewKey));
    await expect(elsewhere.media.decrypt(encrypted, of)).rejects.toThrow(refused);
  });

  test("has a nonce that comes again only with the same bytes of the same thing", async () => {
    const nonces = new Set<string>();
    let made = 0;
    for (const bytes of [plain, flipped(plain, 0), new Uint8Array(0), new Uint8Array(64)])
      for (const number of [7, 8])
        for (const name of ["720p", "audio"]) {
          const encrypted = await secrets.media.encrypt(bytes, { number, name });
          expect(await watching.media.encrypt(bytes, { number, name })).toEqual(encrypted);
          nonces.add(toHex(encrypted.subarray(0, 12)));
          made++;
        }
    expect(nonces.size).toBe(made);
  });

  test("opens only under the nonce that its bytes give: whoever chose another is refused", async () => {
    // The same key and additional data as the protocol's, and a nonce of one's own.
    const ikm = await crypto.subtle.importKey("raw", secrets.watch, "HKDF", false, ["deriveKey"]);
    const info = new TextEncoder().encode("tabcast/1/private/media");
    const how = { name: "HKDF", hash: "SHA-256", salt: stream, info };
    const aes = { name: "AES-GCM", length: 256 };
    const key = await crypto.subtle.deriveKey(how, ikm, aes, false, ["encrypt"]);
    const number = new Uint8Array(8).with(7, 7);
    const name = new TextEncoder().encode("720p");
    const additionalData = Uint8Array.from([...stream, ...number, ...name]);
    const right = await secrets.media.encrypt(plain, of);
    for (const iv of [right.slice(0, 12), new Uint8Array(12)]) {
      const by = { name: "AES-GCM", iv, additionalData };
      const made = new Uint8Array(await crypto.subtle.encrypt(by, key, plain));
      const opened = secrets.media.decrypt(Uint8Array.from([...iv, ...made]), of);
      if (iv.some((byte) => byte > 0)) expect(await opened).toEqual(plain);
      else await expect(opened).rejects.toThrow(refusal("PROTOCOL_ENCRYPTED"));
    }
  });
});

test("a viewer's key opens no offer, and does not give the crew's token", async () => {
  const [sealed] = vectors.sealed.filter(({ kind }) => kind === "offer");
  const pretended = await P.crewKeys(stream, fromHex(vectors.watchKey));
  const opening = P.openPrivateOffer(fromHex(sealed?.envelope ?? ""), pretended, {});
  await expect(opening).rejects.toThrow(refusal("PROTOCOL_ENCRYPTED"));
  expect(pretended.token).not.toEqual(secrets.token);
});

test("what a private message says outside of its box must be what is inside", async () => {
  const signer = await P.Keys.fromSeed(fromHex(vectors.sealed[0]?.seed ?? ""));
  const entry = revive(vectors.sealed.find(({ kind }) => kind === "entry")?.value ?? {}) as P.Entry;
  const { seq, broadcaster } = entry;
  const inside = { ...entry, seq: seq + 1 };
  const box = await secrets.entry.encrypt(P.Entry.encode(inside), { number: seq });
  const payload = P.PrivateEntry.encode({ stream, broadcaster, seq, box });
  const sealed = await P.Envelope.seal(signer, "privateentry", payload);
  await expect(P.openPrivateEntry(sealed, watching)).rejects.toThrow(refusal("PROTOCOL_FIELD"));
});

test.each([
  ["nothing", ""],
  ["a key cut short", vectors.watchKeyText.slice(0, -1)],
  ["a key with one character more", `${vectors.watchKeyText}A`],
  ["a key with another character", `${vectors.watchKeyText.slice(0, -1)}+`],
  ["a key whose spare bits are set", `${vectors.watchKeyText.slice(0, -1)}_`],
])("%s is refused, by its length alone", (_, written) => {
  let thrown: unknown;
  try {
    P.parseKey(written);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toMatchObject({ reason: { code: "PROTOCOL_KEY", characters: written.length } });
  if (written.length > 4) expect(String(thrown)).not.toContain(written.slice(0, 6));
});

test("a key of another length than 32 bytes gives no keys", async () => {
  for (const length of [0, 16, 31, 33])
    for (const open of [P.watchKeys, P.crewKeys])
      await expect(open(stream, new Uint8Array(length))).rejects.toThrow(refusal("PROTOCOL_KEY"));
});
