import type { Address, Chain } from "@tabcast/channel";
import { Wei } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { moneyLines } from "./money-history.ts";

type Event = Parameters<typeof moneyLines>[0][number];
const me: Address = "0xAbcdef0000000000000000000000000000001234";
const other: Address = "0x9999990000000000000000000000000000005678";
const wei = Wei.of(5n);
const config = {
  payer: me,
  signer: other,
  token: other,
  challengePeriod: 900,
  salt: `0x${"00".repeat(32)}`,
} as const;
const at = (index: number) => ({
  hash: `0x${"ab".repeat(32)}` as const,
  block: 7n,
  index,
  at: 1_700_000_000,
});

test.each<[string, Event, string | undefined]>([
  [
    "an opening",
    { ...at(0), type: "opened", payer: me, signer: other, config },
    "A stream's pot was opened",
  ],
  ["a deposit", { ...at(0), type: "deposited", amount: wei }, "Put in a pot"],
  [
    "own earnings, whatever the address's capitals",
    {
      ...at(0),
      type: "claimed",
      paid: wei,
      claimed: wei,
      payee: me.toLowerCase() as Address,
      lane: 1,
    },
    "Earned, from a pot to your credit",
  ],
  [
    "somebody else's",
    { ...at(0), type: "claimed", paid: wei, claimed: wei, payee: other, lane: 1 },
    "Paid to 0x9999…5678",
  ],
  [
    "a shortfall",
    { ...at(0), type: "bounced", shortfall: wei, payee: me, lane: 1 },
    "A pot held too little: not paid",
  ],
  ["an end", { ...at(0), type: "final", refund: wei }, "A pot was closed, and the rest came back"],
  ["a withdrawal", { ...at(0), type: "withdrawn", account: me, to: me, amount: wei }, "Withdrawn"],
  [
    "a withdrawal to somebody else",
    { ...at(0), type: "withdrawn", account: me, to: other, amount: wei },
    "Withdrawn to 0x9999…5678",
  ],
  ["a close that began", { ...at(0), type: "closing", closeAt: 1 }, undefined],
])("%s has its words", (_, event, what) => {
  expect(moneyLines([event], me).map((line) => line.what)).toEqual(what ? [what] : []);
});

test("lines keep the order, the time and the amount, and can be told apart", () => {
  const events: Chain.HistoryPage["events"] = [
    { ...at(1), type: "withdrawn", account: me, to: me, amount: wei },
    { ...at(0), type: "deposited", amount: wei },
  ];
  const lines = moneyLines(events, me);
  expect(lines).toMatchObject([
    { at: 1_700_000_000, amount: 5n },
    { what: "Put in a pot", amount: 5n },
  ]);
  expect(new Set(lines.map(({ id }) => id)).size).toBe(2);
});
