import type { Message } from "@tabcast/mesh";
import { Equivocation, PROOFS_TOPIC, type Receipt } from "@tabcast/protocol";
import { expect, test } from "vitest";
import type { Signed } from "./delivery.ts";
import { openProofs } from "./proofs.ts";

const signed = (seq: number, hash: number, epoch = 1): Signed => ({
  receipt: { award: Uint8Array.of(1), epoch, seq } as Receipt,
  sealed: Uint8Array.of(seq, hash, epoch),
  hash: Uint8Array.of(hash),
});

function open() {
  const published: { topic: string; body: Message["body"] }[] = [];
  const failures: unknown[] = [];
  const mesh = {
    publish: async (topic: string, body: Uint8Array) => {
      published.push({ topic, body: body as Message["body"] });
      throw new Error("nobody there");
    },
  };
  return { proofs: openProofs(mesh, (error) => failures.push(error)), published, failures };
}

test("two receipts for one segment are told to everybody, as they were signed", async () => {
  const { proofs, published, failures } = open();
  expect(proofs.conflicts("ann", signed(7, 1))).toBe(false);
  expect(proofs.conflicts("ann", signed(7, 2))).toBe(true);
  expect(published.map(({ topic }) => topic)).toEqual([PROOFS_TOPIC]);
  const proof = Equivocation.decode(published[0]?.body as Uint8Array);
  expect([proof.first, proof.second]).toEqual([Uint8Array.of(7, 1, 1), Uint8Array.of(7, 2, 1)]);
  await expect.poll(() => failures).toHaveLength(1);
});

test("the same receipt again, or one of another segment, epoch or worker, proves nothing", () => {
  const { proofs, published } = open();
  const one = signed(7, 1);
  const others: [string, Signed][] = [
    ["ann", signed(7, 1)],
    ["ann", signed(8, 2)],
    ["ann", signed(7, 2, 2)],
    ["bob", signed(7, 2)],
  ];
  proofs.conflicts("ann", one);
  expect(others.map(([worker, got]) => proofs.conflicts(worker, got))).toEqual(
    Array(4).fill(false),
  );
  expect(published).toEqual([]);
});

test("the oldest of more than 512 receipts is forgotten", () => {
  const { proofs } = open();
  for (let seq = 0; seq <= 512; seq++) proofs.conflicts("ann", signed(seq, 1));
  expect(proofs.conflicts("ann", signed(512, 2))).toBe(true);
  expect(proofs.conflicts("ann", signed(0, 2))).toBe(false);
});
