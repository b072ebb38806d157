import type { Amount } from "@tabcast/runtime";
import { privateKeyToAccount } from "viem/accounts";
import { expect, test } from "vitest";
import { type Change, type Store, StoreError } from "../store/store.ts";
import type { Hex, PotConfig } from "../types.ts";
import { Ledger } from "./ledger.ts";
import type { PotRecord } from "./pot-record.ts";

const key = privateKeyToAccount(`0x${"22".repeat(32)}`);
const lane = { payee: `0x${"33".repeat(20)}` as Hex, lane: 7 };
const amount = (value: number) => BigInt(value) as Amount;

/** A pot's books on a disk that answers when it is told to, and how often its key has signed. */
function slowly() {
  const writes: { readonly change: Change; readonly end: PromiseWithResolvers<void> }[] = [];
  let signatures = 0;
  const store = {
    write([change]: readonly Change[]) {
      const end = Promise.withResolvers<void>();
      if (change !== undefined) writes.push({ change, end });
      return end.promise;
    },
  } as unknown as Store;
  const config: PotConfig = {
    payer: key.address,
    signer: key.address,
    token: `0x${"00".repeat(20)}`,
    challengePeriod: 900,
    salt: `0x${"07".repeat(32)}`,
  };
  const domain = { chainId: 31_337, contract: `0x${"ab".repeat(20)}` as Hex };
  const record = { domain, config, state: "open", deposited: "1000", from: "0" } as PotRecord;
  const counted = {
    ...key,
    sign(request: { hash: Hex }) {
      signatures++;
      return key.sign(request);
    },
  };
  const ledger = new Ledger({ store, record, lanes: [], key: counted, tell() {}, reserve() {} });
  const recordAt = (at: number) => writes[at]?.change[1];
  return { ledger, writes, recordAt, signatures: () => signatures };
}

test("a voucher is signed while its intent is written, and leaves only when both are on disk", async () => {
  const { ledger, writes, recordAt, signatures } = slowly();
  let left = false;
  const paying = ledger.post({ type: "owe", lane, amount: amount(10) }).then((voucher) => {
    left = true;
    return voucher;
  });
  await expect.poll(signatures).toBe(1);
  expect(writes).toHaveLength(1);
  expect(recordAt(0)).toMatchObject({ intent: "10" });
  expect(recordAt(0)).not.toHaveProperty("signed");
  expect(ledger.highest(lane)).toBeUndefined();
  writes[0]?.end.resolve();
  await expect.poll(() => writes.length).toBe(2);
  expect(recordAt(1)).toMatchObject({ intent: "10", signed: "10" });
  expect([left, ledger.highest(lane)]).toEqual([false, undefined]);
  writes[1]?.end.resolve();
  expect(await paying).toMatchObject({ cumulative: 10n });
  expect(signatures()).toBe(1);
});

test("a signature whose intent the disk refused goes nowhere: nothing is owed, held or written", async () => {
  const { ledger, writes, signatures } = slowly();
  const paying = ledger.post({ type: "owe", lane, amount: amount(10) });
  await expect.poll(signatures).toBe(1);
  writes[0]?.end.reject(new StoreError({ code: "STORE_CLOSED" }, "the disk is full"));
  await expect(paying).rejects.toThrow("full");
  expect(writes).toHaveLength(1);
  expect([ledger.highest(lane), ledger.book.lanes.size]).toEqual([undefined, 0]);
});

test("what a stranger paid in is not taken for a larger top-up on its way, which stays remembered", async () => {
  const { ledger, writes } = slowly();
  const post = async (write: () => Promise<unknown>) => {
    const at = writes.length;
    const done = write();
    await expect.poll(() => writes.length).toBe(at + 1);
    writes[at]?.end.resolve();
    await done;
  };
  const topUp = { amount: "500", raw: "0x02" } as const;
  await post(() => ledger.keep((record) => ({ ...record, topUp })));
  await post(() => ledger.post({ type: "toppedUp", amount: amount(499) }));
  expect(ledger.record).toMatchObject({ deposited: "1499", topUp });
  await post(() => ledger.post({ type: "toppedUp", amount: amount(500) }));
  expect(ledger.record).toMatchObject({ deposited: "1999", toppedUp: [topUp] });
  expect(ledger.record).not.toHaveProperty("topUp");
});
