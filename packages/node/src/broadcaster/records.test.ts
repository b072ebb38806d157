import { memory } from "@tabcast/channel";
import { LIVE } from "@tabcast/market";
import type { CodecName } from "@tabcast/media";
import { type Clock, type Millis, systemClock } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { openRecords, type Records, whoseOf } from "./records.ts";

const { suspendMs, proofMs } = LIVE.trust;
const provenPayee = `0x${"ab".repeat(20)}`;
const ann = { worker: "ann", provenPayee };
let unix = 1_790_000_000_000;
const clock: Clock = { ...systemClock, unix: () => unix as Millis };
const open = (store = memory(), codec: CodecName = "avc"): Promise<Records> =>
  openRecords(
    { codec, config: LIVE, clock },
    {
      store,
      failed: (error) => {
        throw error;
      },
    },
  );

test("a worker's records outlive the stream, for each codec apart", async () => {
  const store = memory();
  const first = await open(store);
  for (let i = 0; i < 10; i++) first.tell(ann, { type: "good" });
  await first.stored();
  expect((await open(store)).honesty(ann)).toBeCloseTo(0.92, 2);
  expect((await open(store, "vp9")).honesty(ann)).toBe(0.5);
});

test("two strikes keep a worker out for `suspendMs`, also under a fresh key with the old purse", async () => {
  const store = memory();
  const records = await open(store);
  records.tell(ann, { type: "strike" });
  expect(records.suspendedFor(ann)).toBe(0);
  records.tell(ann, { type: "strike" });
  await records.stored();
  const later = await open(store);
  expect(later.suspendedFor(ann)).toBe(suspendMs);
  expect(later.suspendedFor({ worker: "ann's new tab", provenPayee })).toBe(suspendMs);
  expect(later.suspendedFor({ worker: "bob", provenPayee: `0x${"cd".repeat(20)}` })).toBe(0);
  unix += suspendMs;
  expect(later.suspendedFor(ann)).toBe(0);
});

test("a proof keeps a worker out in every codec", async () => {
  const store = memory();
  const records = await open(store);
  records.tell({ worker: "ann" }, { type: "proof" });
  await records.stored();
  expect((await open(store, "av1")).suspendedFor(ann)).toBe(proofMs);
});

test("good work of one tab does not vouch for the next one with the same purse", async () => {
  const records = await open();
  for (let i = 0; i < 50; i++) records.tell(ann, { type: "good" });
  expect(records.of({ worker: "bob", provenPayee }).streak).toBe(0);
  expect([ann, { worker: "bob", provenPayee }].map(records.newcomer)).toEqual([false, true]);
});

test("an address that was only named is neither blamed nor praised", async () => {
  const store = memory();
  const records = await open(store);
  const payee = new Uint8Array(20).fill(0xab);
  const thief = whoseOf({ worker: "thief", payee, payeeProven: false });
  for (const type of ["good", "strike", "strike", "proof"] as const) records.tell(thief, { type });
  expect(records.suspendedFor(thief)).toBe(proofMs);
  expect(whoseOf({ worker: "ann", payee, payeeProven: true })).toEqual(ann);
  expect(records.suspendedFor(ann)).toBe(0);
  await records.stored();
  expect((await store.list("trust/")).filter(([key]) => key.includes(provenPayee))).toEqual([]);
});

test("what was written under an address before payees signed keeps nobody out", async () => {
  const store = memory();
  const suspendedUntil = unix + suspendMs;
  const record = { good: 0, bad: 1, at: unix, streak: 0, strikes: [], suspendedUntil };
  for (const codec of ["avc", "any"])
    await store.write([[`trust/${provenPayee}/${codec}/transcode`, record]]);
  expect((await open(store)).suspendedFor(ann)).toBe(0);
});

test("a payee's strikes age by the results of all its workers: two within twenty keep it out, others do not", async () => {
  const outAfter = async (results: number) => {
    const records = await open();
    const other = { worker: "ann's other tab", provenPayee };
    records.tell(ann, { type: "strike" });
    for (let i = 0; i < results; i++) records.tell(i % 2 === 0 ? ann : other, { type: "good" });
    records.tell({ worker: "ann's third tab", provenPayee }, { type: "strike" });
    return records.suspendedFor({ worker: "ann's fourth tab", provenPayee });
  };
  expect(await outAfter(18)).toBe(suspendMs);
  expect(await outAfter(20)).toBe(0);
});

test("the number of records is bounded, and those of suspended workers stay", async () => {
  const store = memory();
  const records = await open(store);
  records.tell(ann, { type: "proof" });
  for (let i = 0; i < 2_200; i++) records.tell({ worker: `w${i}` }, { type: "good" });
  await records.stored();
  expect((await store.list("trust/")).length).toBe(2_048 + 2); // the proof is against ann and her payee
  expect((await open(store)).suspendedFor(ann)).toBeGreaterThan(0);
});

test("a flood of 20,000 proofs pushes out neither what is known of workers nor itself beyond a bound of its own", async () => {
  const store = memory();
  const records = await open(store);
  for (let i = 0; i < 2_000; i++) records.tell({ worker: `w${i}` }, { type: "good" });
  records.tell({ worker: "cheat" }, { type: "strike" });
  records.tell({ worker: "cheat" }, { type: "strike" });
  for (let i = 0; i < 20_000; i++) records.tell({ worker: `sybil${i}` }, { type: "proof" });
  await records.stored();
  expect((await store.list("trust/")).length).toBe(2_001 + 512);
  const later = await open(store);
  expect(later.of({ worker: "w0" }).streak).toBe(1);
  expect(later.suspendedFor({ worker: "cheat" })).toBeGreaterThan(0);
  expect(later.suspendedFor({ worker: "sybil19999" })).toBeGreaterThan(0);
  expect(later.suspendedFor({ worker: "sybil0" })).toBe(0);
});

test("a worker is known by what it did in any codec, and not by being named", async () => {
  const store = memory();
  const first = await open(store, "vp9");
  first.tell({ worker: "ann" }, { type: "good" });
  await first.stored();
  const records = await open(store, "avc");
  expect([records.knows({ worker: "ann" }), records.knows({ worker: "bob" })]).toEqual([
    true,
    false,
  ]);
});

test("a store that fails costs only the memory, and says so", async () => {
  const failures: unknown[] = [];
  const broken = {
    list: () => Promise.reject(new Error("no disk")),
    write: () => Promise.reject(new Error("no disk")),
  };
  const records = await openRecords(
    { codec: "avc", config: LIVE, clock },
    { store: broken, failed: (error) => void failures.push(error) },
  );
  records.tell(ann, { type: "good" });
  await records.stored();
  expect(records.of(ann).streak).toBe(1);
  expect(failures).toHaveLength(2);
});
