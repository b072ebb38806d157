import type { SignedVoucher } from "@tabcast/channel";
import type { BroadcastEvent, SegmentLine } from "@tabcast/node/types";
import { Amount, Wei } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { offAir, step } from "./on-air.ts";

const line = (seq: number, rung: string, change: Partial<SegmentLine> = {}): SegmentLine => ({
  seq,
  rung,
  worker: "w1",
  bytes: 1_000,
  sha256: "00",
  frames: 50,
  sentMs: 0,
  roundTripMs: 900,
  encodeMs: 400,
  attempts: 1,
  hedged: false,
  asked: true,
  verified: true,
  paid: "10",
  ...change,
});
const hired: BroadcastEvent = { type: "hired", worker: "w1", role: "crew", payee: "0x0" };
const captured = (seq: number): BroadcastEvent => ({ type: "captured", seq, bytes: 9, frames: 50 });
const segment = (
  seq: number,
  lines: readonly SegmentLine[],
  gaps: readonly string[] = [],
): BroadcastEvent => ({ type: "segment", seq, lines, gaps });

test("a segment is one row from capture to payment, newest first", () => {
  const after = [
    hired,
    captured(0),
    { type: "sent", seq: 0, worker: "w1", attempt: 1 } as const,
    captured(1),
    segment(0, [line(0, "720p"), line(0, "240p", { paid: "3" })]),
  ].reduce(step, offAir);
  expect(after.rows.map(({ seq, closed, sentTo }) => ({ seq, closed, sentTo }))).toEqual([
    { seq: 1, closed: false, sentTo: [] },
    { seq: 0, closed: true, sentTo: ["w1"] },
  ]);
  expect(after).toMatchObject({
    captured: 2,
    delivered: 1,
    verified: 1,
    renditions: 2,
    gaps: 0,
    paid: 13n,
  });
  expect(after.crew.get("w1")?.segments).toBe(1);
});

test("what was not verified is neither counted as verified nor for its worker", () => {
  const after = [
    hired,
    segment(0, [line(0, "720p", { verified: false, paid: "0" })], ["240p"]),
  ].reduce(step, offAir);
  expect(after).toMatchObject({ verified: 0, gaps: 1, paid: 0n });
  expect(after.crew.get("w1")?.segments).toBe(0);
});

test("rows, warnings and memory of them are bounded", () => {
  let state = offAir;
  for (let seq = 0; seq < 300; seq++) {
    state = step(state, captured(seq));
    state = step(state, { type: "warning", message: `number ${seq}` });
  }
  expect(state.rows).toHaveLength(40);
  expect(state.rows[0]?.seq).toBe(299);
  expect(state.warnings).toHaveLength(5);
  expect(state.warned).toBe(300);
  expect(state.captured).toBe(300);
});

test("an end during settling does not turn the page back", () => {
  const settling = [
    { type: "live", stream: "ab" } as const,
    { type: "ended", segments: 3 } as const,
    { type: "settling", progress: { step: "paying", lanes: 2 } } as const,
  ].reduce<typeof offAir>(step, { ...offAir, deposited: Amount.of(5n) });
  expect(settling.phase).toBe("settling");
  expect(step(settling, { type: "ended", segments: 3 }).phase).toBe("settling");
});

test("a deposit that will not last and a key that was kept are remembered until the page acts", () => {
  const news = { type: "low", free: Amount.of(5), seconds: 720 } as const;
  expect(step(offAir, { type: "money", news }).lowFor).toBe(720);
  const kept = { type: "keyKept", why: "no gas" } as const;
  expect(step(offAir, { type: "money", news: kept }).keyKept).toBe(true);
  const unpaid = { type: "unpaid", lanes: 2, owed: Amount.of(5) } as const;
  expect(step(offAir, { type: "money", news: unpaid }).unpaid).toEqual({ workers: 2, owed: 5n });
  const covered = { type: "debtPaid", voucher: {} as SignedVoucher } as const;
  const [note] = step(offAir, { type: "money", news: covered }).warnings;
  expect(note).toBe("What a worker had earned beyond the deposit is covered now, and signed.");
  const gas = { type: "gasLow", have: Wei.of(1), need: Wei.of(3) } as const;
  expect(step(offAir, { type: "money", news: gas }).lacksGas).toBe(2n);
  const asked = { type: "walletAsked", step: "close" } as const;
  expect(step(offAir, { type: "money", news: asked }).warnings[0]).toMatch(/your wallet/);
  const lost = { type: "depositLost", missing: Amount.of(5) } as const;
  expect(step(offAir, { type: "money", news: lost }).warnings[0]).toMatch(/took back a top-up/);
  const undone = { type: "depositUndone", deposited: Amount.of(5) } as const;
  const [end] = step(offAir, { type: "money", news: undone }).warnings;
  expect(end).toMatch(/took back the whole deposit/);
  const resent = { type: "depositResent" } as const;
  expect(step(offAir, { type: "money", news: resent })).toEqual(offAir);
});
