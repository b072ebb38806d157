import { compliance } from "@tabcast/channel/compliance";
import { expect, test } from "vitest";
import { openSecret } from "../secret.ts";
import { indexedDb } from "./indexed-db.ts";
import type { Sealed } from "./store.ts";

let places = 0;

compliance("IndexedDB", async () => {
  const name = `tabcast-test-${Date.now()}-${++places}`;
  return { open: () => indexedDb(name) };
});

test("the key that seals secrets cannot leave the browser", async () => {
  const name = `tabcast-test-${Date.now()}-key`;
  const store = await indexedDb(name);
  const db = await new Promise<IDBDatabase>((resolve, reject) => {
    const request = indexedDB.open(name);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const key = await new Promise<CryptoKey>((resolve) => {
    const request = db.transaction("keys").objectStore("keys").get("seal");
    request.onsuccess = () => resolve(request.result);
  });
  db.close();
  expect(key.extractable).toBe(false);
  await expect(crypto.subtle.exportKey("raw", key)).rejects.toThrow();
  await store.close();
});

test("a stored burner wallet holds no readable private key", async () => {
  const { openBurner } = await import("../burner.ts");
  const store = await indexedDb(`tabcast-test-${Date.now()}-burner`);
  const { address } = await openBurner({ store });
  const sealed = (await store.get("burner")) as unknown as Sealed;
  expect(Object.keys(sealed).sort()).toEqual(["about", "address", "data", "iv"]);
  // 32 bytes of key and 16 of authentication.
  expect(sealed.data).toHaveLength(2 * 48);
  expect((await openSecret(store, sealed)).address).toBe(address);
  await store.close();
});
