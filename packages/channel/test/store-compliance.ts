import { describe, expect, test } from "vitest";
import { openBurner } from "../src/burner.ts";
import type { Json, Store } from "../src/store/store.ts";

/** A place for records that can be opened again, as after a closed tab. */
export interface Place {
  /** Another use of the same records: a second tab, or the next start. */
  open(): Promise<Store>;
}

const signal = AbortSignal.timeout(60_000);

/** Proves a store: what every one must do. `place` gives an empty one. To be called in a file of tests that Vitest runs. */
export function compliance(name: string, place: () => Promise<Place>): void {
  describe(`store compliance: ${name}`, () => {
    records(place);
    locks(place);
    secrets(place);
  });
}

/** Each record is there whole, or not at all. */
function records(place: () => Promise<Place>): void {
  test("a store gives back what was written, and nothing for what was not", async () => {
    const store = await (await place()).open();
    expect(await store.get("a")).toBeUndefined();
    const value = { amount: "79228162514264337593543950335", list: [1, "two", null, true] };
    await store.write([["a", value]]);
    expect(await store.get("a")).toEqual(value);
    await store.write([["a", undefined]]);
    expect(await store.get("a")).toBeUndefined();
    await store.close();
  });

  test("what was written is there at the next start", async () => {
    const here = await place();
    const store = await here.open();
    await store.write([["a", "1"]]);
    await store.close();
    const next = await here.open();
    expect(await next.get("a")).toBe("1");
    await next.close();
  });

  test("a value changed after it was written changes nothing in the store", async () => {
    const store = await (await place()).open();
    const value = { amount: "1" };
    await store.write([["a", value]]);
    value.amount = "2";
    expect(await store.get("a")).toEqual({ amount: "1" });
    const read = (await store.get("a")) as { amount: string };
    read.amount = "3";
    expect(await store.get("a")).toEqual({ amount: "1" });
    await store.close();
  });

  test("a store writes all changes or none", async () => {
    const store = await (await place()).open();
    await store.write([["a", "old"]]);
    // JSON has no bigint, and a structured clone takes no function.
    const unwritable = { amount: 1n, work: () => 1 } as unknown as Json;
    await expect(
      store.write([
        ["a", "new"],
        ["b", unwritable],
      ]),
    ).rejects.toThrow();
    expect(await store.get("a")).toBe("old");
    expect(await store.get("b")).toBeUndefined();
    await store.close();
  });

  test("a store lists by prefix, in order, and nothing beside it", async () => {
    const store = await (await place()).open();
    await store.write([
      ["pot/2", 2],
      ["pot/1", 1],
      ["pot", 0],
      ["pots/3", 3],
      ["other", 4],
    ]);
    expect(await store.list("pot/")).toEqual([
      ["pot/1", 1],
      ["pot/2", 2],
    ]);
    await store.close();
  });

  test("a store answers nothing after its end, which may come twice", async () => {
    const store = await (await place()).open();
    await store.close();
    await store.close();
    await expect(store.get("a")).rejects.toMatchObject({ code: "STORE_CLOSED" });
    await expect(store.write([["a", 1]])).rejects.toMatchObject({ code: "STORE_CLOSED" });
  });
}

/** A lock has one holder, and a wait for it an end. */
function locks(place: () => Promise<Place>): void {
  test("a lock lets one writer in, and the next when the first has left", async () => {
    const here = await place();
    const [one, two] = [await here.open(), await here.open()];
    const release = await one.lock("pot", { signal });
    await expect(two.lock("pot", { signal, patience: 30 })).rejects.toMatchObject({
      code: "STORE_LOCKED",
      reason: { name: "pot" },
    });
    (await two.lock("another", { signal }))();
    const waiting = two.lock("pot", { signal, patience: 30_000 });
    release();
    release();
    const second = await waiting;
    await expect(one.lock("pot", { signal, patience: 30 })).rejects.toMatchObject({
      code: "STORE_LOCKED",
    });
    second();
    await one.close();
    await two.close();
  });

  test("a wait for a lock ends with its signal", async () => {
    const store = await (await place()).open();
    const release = await store.lock("pot", { signal });
    const stop = new AbortController();
    const waiting = store.lock("pot", { signal: stop.signal, patience: 30_000 });
    stop.abort(new Error("the owner left"));
    await expect(waiting).rejects.toThrow("the owner left");
    release();
    await store.close();
  });
}

/** Secrets leave the place only in a form that nobody else can read. */
function secrets(place: () => Promise<Place>): void {
  test("a sealed secret opens in its own place alone", async () => {
    const here = await place();
    const store = await here.open();
    const secret = crypto.getRandomValues(new Uint8Array(32));
    const sealed = await store.seal(secret, "a test");
    expect(JSON.stringify(sealed)).not.toContain(
      Array.from(secret, (b) => b.toString(16)).join(""),
    );
    expect(await store.seal(secret, "a test")).not.toEqual(sealed);
    await store.close();
    const next = await here.open();
    expect(await next.unseal(sealed, "a test")).toEqual(secret);
    for (const moved of [sealed, { ...sealed, about: "another use" }])
      await expect(next.unseal(moved, "another use")).rejects.toMatchObject({
        code: "STORE_SEAL_BROKEN",
      });
    const other = await (await place()).open();
    await expect(other.unseal(sealed, "a test")).rejects.toMatchObject({
      code: "STORE_SEAL_BROKEN",
    });
    const changed = { ...sealed, data: `00${sealed.data.slice(2)}` };
    if (changed.data !== sealed.data)
      await expect(next.unseal(changed, "a test")).rejects.toMatchObject({
        code: "STORE_SEAL_BROKEN",
      });
    await next.close();
    await other.close();
  });

  test("a store keeps one burner wallet, however many tabs ask for it at once", async () => {
    const here = await place();
    const [one, two] = [await here.open(), await here.open()];
    const [a, b] = await Promise.all([openBurner({ store: one }), openBurner({ store: two })]);
    expect(a.address).toBe(b.address);
    expect(a.account.address).toBe(a.address);
    const hash = `0x${"12".repeat(32)}` as const;
    expect(await a.account.sign?.({ hash })).toBe(await b.account.sign?.({ hash }));
    await one.close();
    await two.close();
    const next = await here.open();
    expect((await openBurner({ store: next })).address).toBe(a.address);
    await next.close();
  });
}
