import { Amount } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { after, type Heard, nothing } from "./heard.ts";

type Event = Parameters<typeof after>[1];
type News = Extract<Event, { type: "money" }>["news"];
const potId = `0x${"07".repeat(32)}` as const;
const told = (...news: readonly News[]): Heard =>
  news.map((one) => ({ type: "money" as const, news: one })).reduce(after, nothing);
const reserved = { type: "reserved", potId, ceiling: Amount.of(60), until: 900 } as const;
const claimed = { type: "claimed", potId, paid: Amount.of(7) } as const;
const due = { type: "due", potId, amount: Amount.of(5), before: 900 } as const;
const unguaranteed = { type: "unguaranteed", potId } as const;

test("the newest guarantee of a pot counts", () => {
  const later = { ...reserved, ceiling: Amount.of(80), until: 1_200 };
  expect(told(reserved, later).guarantees.get(potId)).toEqual({ ceiling: 80n, until: 1_200 });
});

test("claims of a pot add up, and what a reorganisation took back is taken off", () => {
  const reorg = { type: "reorg", potId, from: Amount.of(14), to: Amount.of(7) } as const;
  expect(told(claimed, claimed).claimed.get(potId)).toBe(14n);
  expect(told(claimed, claimed, reorg).claimed.get(potId)).toBe(7n);
});

test("what is due stays until it is claimed", () => {
  expect(told(due).due.get(potId)).toEqual({ amount: 5n, before: 900 });
  expect(told(due, reserved).due.size).toBe(1);
  expect(told(due, claimed).due.size).toBe(0);
});

test("a pot is waited for until a guarantee, a claim or a credit", () => {
  expect(told(unguaranteed).waiting.has(potId)).toBe(true);
  const credited = { type: "credited", potId, credited: Amount.of(5) } as const;
  for (const end of [reserved, claimed, credited])
    expect(told(unguaranteed, end).waiting.size).toBe(0);
  const bounced = { type: "bounced", potId, shortfall: Amount.of(5) } as const;
  expect(told(unguaranteed, bounced).waiting.size).toBe(1);
});

test("keepers are counted by pot until nothing is outstanding, and a pot is known by its stream", () => {
  const two = after(nothing, { type: "delegated", potId, keepers: 2 });
  expect(two.keepers.get(potId)).toBe(2);
  expect(after(two, { type: "delegated", potId, keepers: undefined }).keepers.size).toBe(0);
  const hired = after(nothing, { type: "hired", stream: "ab", role: "crew", potId });
  expect(hired.streams.get(potId)).toBe("ab");
});
