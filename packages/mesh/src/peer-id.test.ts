import { generateKeyPair } from "@libp2p/crypto/keys";
import { peerIdFromPrivateKey, peerIdFromString } from "@libp2p/peer-id";
import { seededRandom } from "@tabcast/runtime";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { MeshError } from "./error.ts";
import { peerIdFromPublicKey, publicKeyFromPeerId } from "./peer-id.ts";

const random = seededRandom(7, "peer ids");

test("peer ids are written and read as libp2p does", async () => {
  for (let i = 0; i < 50; i++) {
    const theirs = peerIdFromPrivateKey(await generateKeyPair("Ed25519"));
    const raw = theirs.publicKey.raw;
    expect(peerIdFromPublicKey(raw)).toBe(theirs.toString());
    expect(publicKeyFromPeerId(theirs.toString())).toEqual(new Uint8Array(raw));
  }
});

test("any 32 bytes come back from their peer id, and libp2p reads it", () => {
  const edges = [new Uint8Array(32), new Uint8Array(32).fill(255)];
  const some = Array.from({ length: 200 }, () => random.bytes(32));
  for (const key of [...edges, ...some]) {
    const text = peerIdFromPublicKey(key);
    expect(publicKeyFromPeerId(text)).toEqual(key);
    expect(peerIdFromString(text).toString()).toBe(text);
  }
});

test("a peer id of another length, another key type or other text is refused", async () => {
  const rsa = peerIdFromPrivateKey(await generateKeyPair("RSA", 2048)).toString();
  const secp = peerIdFromPrivateKey(await generateKeyPair("secp256k1")).toString();
  const good = peerIdFromPublicKey(random.bytes(32));
  const bad = { code: "MESH_BAD_ADDRESS" };
  for (const text of [
    rsa,
    secp,
    "",
    "12D3Koo",
    `${good}1`,
    good.slice(0, -1),
    `${good.slice(0, -1)}0`,
  ])
    expect(() => publicKeyFromPeerId(text), text).toThrow(expect.objectContaining(bad));
  for (const length of [0, 31, 33])
    expect(() => peerIdFromPublicKey(new Uint8Array(length))).toThrow(expect.objectContaining(bad));
});

test("any text is a key or MESH_BAD_ADDRESS, and a key's text is its own", async () => {
  const alike = fc
    .string({
      unit: fc.constantFrom(..."123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"),
      minLength: 45,
      maxLength: 45,
    })
    .map((rest) => `12D3Koo${rest}`);
  await fc.assert(
    fc.property(fc.oneof(fc.string(), alike), (text) => {
      try {
        expect(peerIdFromPublicKey(publicKeyFromPeerId(text))).toBe(text);
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(MeshError);
      }
    }),
    { seed: 7, numRuns: 500 },
  );
});
