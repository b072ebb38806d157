import type { Amount } from "@tabcast/runtime";
import { describe, expect, test } from "vitest";
import { memory } from "../store/memory.ts";
import { type Json, StoreError } from "../store/store.ts";
import type { Address, Hex, PotConfig } from "../types.ts";
import { laneChange, laneGone, readLanes, type StoredLane } from "./lane-record.ts";
import * as Payee from "./payee.ts";

const amount = (value: number) => BigInt(value) as Amount;
const payee: Address = `0x${"aa".repeat(20)}`;
const potId = `0x${"01".repeat(32)}` as Hex;
const of = { segment: amount(10), most: 2 };
const chain = { balance: amount(90), reserved: amount(3), claimed: amount(5), closeAt: 7 };
const book: Payee.Book = {
  ...Payee.fresh({ ...chain, ceiling: amount(8), until: 9, now: 1_790_000_000 }),
  accrued: amount(50),
  highest: { cumulative: amount(20), signature: "0x12", at: 1_790_000_001 },
  credited: amount(19),
  unpaid: amount(31),
  forgiven: amount(4),
  taken: 3n * 10n ** 12n,
  grace: 2,
};
const stored: StoredLane = { lane: 7, potId, config: {} as PotConfig, book };

/** The one book that is read from a record. */
async function read(record: Record<string, Json>): Promise<Payee.Book> {
  const store = memory();
  await store.write([[laneChange(payee, stored)[0], record]]);
  const [one] = await readLanes(store, payee);
  if (one === undefined) throw new Error("nothing was read");
  return one.book;
}

describe("a lane's book on disk", () => {
  test("it is read as it was written, and gone once it is forgotten", async () => {
    const store = memory();
    await store.write([laneChange(payee, stored)]);
    expect(await readLanes(store, payee)).toEqual([stored]);
    expect(await readLanes(store, `0x${"bb".repeat(20)}`)).toEqual([]);
    await store.write([laneGone(payee, stored)]);
    expect(await readLanes(store, payee)).toEqual([]);
  });

  test("one from before the window counted segments has no room while anything is unpaid, a single wei too", async () => {
    const old = { config: {}, claimed: "0", balance: "90", closeAt: 0 };
    for (const accrued of ["1", "500"])
      expect(Payee.room(await read({ ...old, accrued }), of)).toBe(0n);
    const paid = { ...old, accrued: "20", cumulative: "20", signature: "0x12" };
    expect(Payee.room(await read(paid), of)).toBe(20n);
    expect((await read({ ...old, accrued: "0" })).taken).toBe(0n);
  });

  test("one from before there were guarantees has none, gave credit for all it held, and no voucher without its signature", async () => {
    const old = { config: {}, accrued: "50", claimed: "5", balance: "90", closeAt: 0 };
    const none = amount(0);
    const expected = {
      accrued: amount(50),
      claimed: amount(5),
      balance: amount(90),
      closeAt: 0,
      ceiling: none,
      until: 0,
      reserved: none,
      forgiven: none,
      before: none,
      grace: 0,
      taken: 2n * 10n ** 12n,
    };
    expect(await read(old)).toEqual({ ...expected, credited: none, unpaid: amount(50) });
    const paid = { ...expected, credited: amount(20), unpaid: amount(30) };
    const signature = "0x12";
    expect(await read({ ...old, cumulative: "20", signature })).toEqual({
      ...paid,
      highest: { cumulative: amount(20), signature },
    });
    expect(await read({ ...old, cumulative: "20" })).toEqual(paid);
    expect(await read({ ...old, signature })).toEqual(await read(old));
  });

  test("one that cannot be read stops its own tab, and no other", async () => {
    for (const broken of [{ accrued: "5" }, { claimed: "5" }, { accrued: 5, claimed: "5" }, 5]) {
      const store = memory();
      await store.write([[laneChange(payee, stored)[0], broken]]);
      expect(await readLanes(store, payee, 8)).toEqual([]);
      await expect(readLanes(store, payee, 7)).rejects.toBeInstanceOf(StoreError);
    }
  });
});
