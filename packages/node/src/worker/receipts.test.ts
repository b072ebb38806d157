import { expect, test } from "vitest";
import { openReceipts } from "./receipts.ts";

const bytes = (...of: number[]) => Uint8Array.from(of);

test("a repeated job gets the receipt that was signed, and another source a conflict", () => {
  const receipts = openReceipts();
  receipts.put(7, { source: bytes(1), sealed: bytes(2, 3) });
  expect(receipts.of(7, bytes(1))).toEqual(bytes(2, 3));
  expect(() => receipts.of(7, bytes(9))).toThrow(
    expect.objectContaining({ reason: { code: "JOB_CONFLICT" } }),
  );
  expect(receipts.of(8, bytes(1))).toBeUndefined();
});

test("a worker keeps 32 receipts, and signs none for a segment that is no newer than one it forgot", () => {
  const receipts = openReceipts();
  for (let seq = 0; seq < 34; seq++) receipts.put(seq, { source: bytes(seq), sealed: bytes(seq) });
  expect([0, 1, 2, 33].map(receipts.has)).toEqual([false, false, true, true]);
  expect([0, 1, 2, 33].map(receipts.tooOld)).toEqual([true, true, false, false]);
});

test("a segment is signed once: what was made of it beside that, or is no newer than what made room, is not kept", () => {
  const receipts = openReceipts();
  const put = (seq: number, of: number) =>
    receipts.put(seq, { source: bytes(of), sealed: bytes(of) });
  put(7, 1);
  const conflict = expect.objectContaining({ code: "JOB_CONFLICT" });
  expect(() => put(7, 2)).toThrow(conflict);
  expect(receipts.of(7, bytes(1))).toEqual(bytes(1));
  for (let seq = 8; seq < 40; seq++) put(seq, 1);
  expect(receipts.has(7)).toBe(false);
  expect(() => put(7, 2)).toThrow(conflict);
});
