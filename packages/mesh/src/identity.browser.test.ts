import { equalBytes } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { loadIdentity } from "./identity.ts";

const namespace = `test-${crypto.randomUUID()}`;

/** Resolves when nobody holds the slot's lock any more. */
const freed = (slot: number) =>
  navigator.locks.request(`${namespace}-identity-${slot}`, async () => {});

test("tabs that are open together get identities of their own, and find them again", async () => {
  const first = new AbortController();
  const second = new AbortController();
  const a = await loadIdentity(namespace, { signal: first.signal });
  const b = await loadIdentity(namespace, { signal: second.signal });
  expect([a.slot, b.slot]).toEqual([0, 1]);
  expect(a.seed.byteLength).toBe(32);
  expect(equalBytes(a.seed, b.seed)).toBe(false);
  first.abort();
  await freed(0);
  const again = new AbortController();
  const c = await loadIdentity(namespace, { signal: again.signal });
  expect(c.slot).toBe(0);
  expect(equalBytes(c.seed, a.seed)).toBe(true);
  second.abort();
  again.abort();
  await Promise.all([freed(0), freed(1)]);
});

test("what lies in IndexedDB shows neither the seed nor the key", async () => {
  const own = new AbortController();
  const { seed, slot } = await loadIdentity(namespace, { signal: own.signal });
  const stored = await new Promise<{ key: CryptoKey; seed: ArrayBuffer }>((resolve, reject) => {
    const opened = indexedDB.open(`${namespace}-identity`);
    opened.onerror = () => reject(opened.error);
    opened.onsuccess = () => {
      const got = opened.result.transaction("identities").objectStore("identities").get(slot);
      got.onsuccess = () => {
        opened.result.close();
        resolve(got.result);
      };
      got.onerror = () => reject(got.error);
    };
  });
  expect(stored.key.extractable).toBe(false);
  await expect(crypto.subtle.exportKey("raw", stored.key)).rejects.toThrow();
  const sealed = new Uint8Array(stored.seed);
  expect(sealed.byteLength).toBe(48);
  for (let at = 0; at + 8 <= seed.byteLength; at += 8)
    expect(sealed.join().includes(seed.subarray(at, at + 8).join())).toBe(false);
  own.abort();
  await freed(slot);
});

test("a damaged record gives a new identity instead of none", async () => {
  const first = new AbortController();
  const { seed, slot } = await loadIdentity(namespace, { signal: first.signal });
  first.abort();
  await freed(slot);
  await new Promise<void>((resolve, reject) => {
    const opened = indexedDB.open(`${namespace}-identity`);
    opened.onerror = () => reject(opened.error);
    opened.onsuccess = () => {
      const transaction = opened.result.transaction("identities", "readwrite");
      transaction.objectStore("identities").put({ key: null, iv: new Uint8Array(1) }, slot);
      transaction.oncomplete = () => {
        opened.result.close();
        resolve();
      };
    };
  });
  const second = new AbortController();
  const made = await loadIdentity(namespace, { signal: second.signal });
  expect(made.slot).toBe(slot);
  expect(equalBytes(made.seed, seed)).toBe(false);
  second.abort();
  await freed(slot);
});
