import { type Amount, type Random, systemClock } from "@tabcast/runtime";
import { beforeEach, describe, expect, test } from "vitest";
import * as Share from "../share.ts";
import { type MemoryStore, memory } from "../store/memory.ts";
import { StoreError } from "../store/store.ts";
import type { Address, Hex, PotConfig } from "../types.ts";
import { laneChange } from "./lane-record.ts";
import * as Payee from "./payee.ts";
import { lockOf, takeLane } from "./take-lane.ts";

const amount = (value: number) => BigInt(value) as Amount;
const payee: Address = `0x${"aa".repeat(20)}`;
const { signal } = new AbortController();
/** What a lane leaves to watchtowers in these tests, in percent, and its first number. */
const SHARE = 5;
const FIRST = Share.laneOf(SHARE, 0);

let store: MemoryStore;
let waits: number[];
/** What chance draws. */
let drawn: number;
beforeEach(() => {
  waits = [];
  drawn = 0;
  // Who waits for a lock is told at once that it is open elsewhere.
  const timeout = (ms: number) => {
    waits.push(ms);
    return AbortSignal.abort();
  };
  store = memory({ ...systemClock, timeout });
});

const random = { below: () => drawn } as unknown as Random;
const take = (wanted?: number, of: MemoryStore = store) =>
  takeLane(of, payee, wanted, { share: SHARE, random, signal });
/** Takes a lane and closes its tab. */
async function used(lane: number): Promise<void> {
  (await take(lane)).release();
}
/** What a lane was left with in a pot. */
async function left(lane: number, pot: number, held: number): Promise<void> {
  const none = amount(0);
  const view = { balance: amount(1_000), reserved: none, claimed: none, ceiling: none };
  const highest = { cumulative: amount(held), signature: "0x" as Hex };
  const book = { ...Payee.fresh({ ...view, closeAt: 0, until: 0, now: 1 }), highest };
  const potId = `0x${pot.toString(16).padStart(64, "0")}` as Hex;
  await store.write([laneChange(payee, { lane, potId, config: {} as PotConfig, book })]);
}

describe("the lane that a tab takes", () => {
  test("it is the one that is asked for, and a number of 32 bits", async () => {
    expect((await take(7)).lane).toBe(7);
    expect((await take(0)).lane).toBe(0);
    for (const wrong of [-1, 2 ** 32, 0.5])
      await expect(take(wrong)).rejects.toThrow(`a lane is a 32-bit number, got ${wrong}`);
  });

  test("one that is asked for and open elsewhere is refused, after the two seconds that a tab may need to close", async () => {
    const { release } = await take(7);
    waits = [];
    await expect(take(7, store.share())).rejects.toMatchObject({ code: "STORE_LOCKED" });
    expect(waits).toEqual([2_000]);
    release();
    expect((await take(7)).lane).toBe(7);
  });

  test("a new one is drawn from those of the share that is wanted", async () => {
    expect((await take()).lane).toBe(FIRST);
    drawn = Share.LANES - 1;
    const { lane } = await take();
    expect([lane, Share.of(lane)]).toEqual([FIRST + Share.LANES - 1, SHARE]);
  });

  test("a tab that opens again takes the lane it had, not one of another share, and not an open one, for which it waits a twentieth of a second", async () => {
    drawn = 9;
    await used(Share.laneOf(SHARE - 1, 1));
    await used(Share.laneOf(SHARE + 1, 1));
    expect((await take()).lane).toBe(FIRST + 9);
    drawn = 10;
    waits = [];
    expect((await take(undefined, store.share())).lane).toBe(FIRST + 10);
    // For the open one, and then for the new one, which nobody has.
    expect(waits).toEqual([50, 2_000]);
  });

  test("of several it takes the one in which most is held over all pots, down to a single wei, and of equal ones the first", async () => {
    const order = async (...lanes: number[]) => {
      for (const lane of lanes) await used(FIRST + lane);
      const taken: number[] = [];
      for (const _ of lanes) taken.push((await take()).lane - FIRST);
      return taken;
    };
    await left(FIRST + 2, 1, 10);
    await left(FIRST + 2, 2, 12);
    await left(FIRST + 3, 1, 21);
    await left(FIRST + 4, 1, 23);
    await left(FIRST + 6, 1, 1);
    await left(FIRST + 7, 1, 0);
    expect(await order(1, 2, 3, 4, 5, 6, 7)).toEqual([4, 2, 3, 6, 1, 5, 7]);
  });

  test("a store that fails is told, and what was locked is free again", async () => {
    await used(FIRST + 1);
    const failing = (lock: MemoryStore["lock"], write: MemoryStore["write"]) =>
      take(undefined, { ...store, lock, write });
    const closed = () => Promise.reject(new StoreError({ code: "STORE_CLOSED" }, "closed"));
    await expect(failing(closed, store.write)).rejects.toThrow("closed");
    const odd = () => Promise.reject(Object.assign(new Error("odd"), { code: "STORE_LOCKED" }));
    await expect(failing(odd, store.write)).rejects.toThrow("odd");
    const full = () => Promise.reject(new Error("full"));
    await expect(failing(store.lock, full)).rejects.toThrow("full");
    (await store.lock(lockOf(payee, FIRST + 1), { signal, patience: 0 }))();
  });
});
