import { memory } from "@tabcast/channel";
import { LIVE } from "@tabcast/market";
import { type Clock, type Millis, systemClock } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { openRecords, type Records } from "./records.ts";

const HOUR = 3_600_000;
const payee = `0x${"ab".repeat(20)}`;
const ann = { worker: "ann", payee };
let unix = 1_790_000_000_000;
const clock: Clock = { ...systemClock, unix: () => unix as Millis };
const open = (store = memory(), codec = "avc"): Promise<Records> =>
  openRecords({
    store,
    codec,
    config: LIVE,
    clock,
    failed: (error) => {
      throw error;
    },
  });

test("records outlive the stream, for each codec apart", async () => {
  const store = memory();
  const first = await open(store);
  for (let i = 0; i < 10; i++) first.tell(ann, { type: "good" });
  await first.stored();
  expect((await open(store)).honesty(ann)).toBeCloseTo(0.92, 2);
  expect((await open(store, "vp9")).honesty(ann)).toBe(0.5);
});

test("two strikes keep a worker out for three days, also under a fresh key with the old purse", async () => {
  const store = memory();
  const records = await open(store);
  records.tell(ann, { type: "strike" });
  expect(records.outFor(ann)).toBe(0);
  records.tell(ann, { type: "strike" });
  await records.stored();
  const later = await open(store);
  expect(later.outFor(ann)).toBe(72 * HOUR);
  expect(later.outFor({ worker: "ann's new tab", payee })).toBe(72 * HOUR);
  expect(later.outFor({ worker: "bob", payee: `0x${"cd".repeat(20)}` })).toBe(0);
  unix += 72 * HOUR;
  expect(later.outFor(ann)).toBe(0);
});

test("a proof keeps a worker out in every codec", async () => {
  const store = memory();
  const records = await open(store);
  records.tell({ worker: "ann" }, { type: "proof" });
  await records.stored();
  expect((await open(store, "av1")).outFor(ann)).toBe(720 * HOUR);
});

test("good work of one tab does not vouch for the next one with the same purse", async () => {
  const records = await open();
  for (let i = 0; i < 50; i++) records.tell(ann, { type: "good" });
  expect(records.of({ worker: "bob", payee }).streak).toBe(0);
  expect([ann, { worker: "bob", payee }].map(records.newcomer)).toEqual([false, true]);
});

test("what is kept is bounded, and exiles stay", async () => {
  const store = memory();
  const records = await open(store);
  records.tell(ann, { type: "proof" });
  for (let i = 0; i < 2_200; i++) records.tell({ worker: `w${i}` }, { type: "good" });
  await records.stored();
  expect((await store.list("trust/")).length).toBe(2_048);
  expect((await open(store)).outFor(ann)).toBeGreaterThan(0);
});

test("a store that fails costs only the memory, and says so", async () => {
  const failures: unknown[] = [];
  const broken = {
    list: () => Promise.reject(new Error("no disk")),
    write: () => Promise.reject(new Error("no disk")),
  };
  const records = await openRecords({
    store: broken,
    codec: "avc",
    config: LIVE,
    clock,
    failed: (error) => void failures.push(error),
  });
  records.tell(ann, { type: "good" });
  await records.stored();
  expect(records.of(ann).streak).toBe(1);
  expect(failures).toHaveLength(2);
});
