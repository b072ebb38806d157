import { crewKeys } from "@tabcast/protocol";
import { seededRandom } from "@tabcast/runtime";
import { afterEach, expect, test } from "vitest";
import { lend, modelCrypto } from "./crypto.ts";

type Three = [Uint8Array, Uint8Array, Uint8Array];
const random = seededRandom(Number(process.env.SEED ?? 1), "crypto");
let giveBack = () => {};
afterEach(() => giveBack());
const model = () => {
  giveBack = lend({ crypto: modelCrypto(random) });
};

test("what is encrypted under a private stream's key is what the platform's WebCrypto makes of it, and opens there", async () => {
  const [stream, key, plain] = [32, 32, 1_000].map((n) => random.bytes(n)) as Three;
  const of = { number: 7, name: "360p" };
  const real = await crewKeys(stream, key);
  const there = await real.media.encrypt(plain, of);
  model();
  const modelled = await crewKeys(stream, key);
  expect([modelled.watch, modelled.token]).toEqual([real.watch, real.token]);
  const here = await modelled.media.encrypt(plain, of);
  expect(here).toEqual(there);
  expect(await modelled.media.decrypt(there, of)).toEqual(plain);
  giveBack();
  expect(await real.media.decrypt(here, of)).toEqual(plain);
});

test("nothing opens under another key, as another segment, or with a byte changed", async () => {
  model();
  const [stream, key, plain] = [32, 32, 1_000].map((n) => random.bytes(n)) as Three;
  const { media } = await crewKeys(stream, key);
  const others = await crewKeys(stream, random.bytes(32));
  const of = { number: 7, name: "360p" };
  const box = await media.encrypt(plain, of);
  const changed = box.slice();
  changed[20] = (changed[20] ?? 0) ^ 1;
  const encrypted = { reason: { code: "PROTOCOL_ENCRYPTED" } };
  await expect(others.media.decrypt(box, of)).rejects.toMatchObject(encrypted);
  await expect(media.decrypt(box, { ...of, number: 8 })).rejects.toMatchObject(encrypted);
  await expect(media.decrypt(changed, of)).rejects.toMatchObject(encrypted);
});
