import type { Address, Chain } from "@tabcast/channel";
import { Amount } from "@tabcast/runtime";
import { toFunctionSelector } from "viem";
import { describe, expect, test } from "vitest";
import { CLAIMS, type Known, moneyLines } from "./money-history.ts";

type Event = Parameters<typeof moneyLines>[0][number];
const me: Address = "0xAbcdef0000000000000000000000000000001234";
const other: Address = "0x9999990000000000000000000000000000005678";
const wei = Amount.of(5n);
const none = Amount.zero;
const nothing: Known = { senders: new Map(), streams: new Map() };
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
      fee: none,
      payee: me.toLowerCase() as Address,
      lane: 1,
    },
    "Earned, from a pot to your credit",
  ],
  [
    "somebody else's",
    { ...at(0), type: "claimed", paid: wei, claimed: wei, fee: none, payee: other, lane: 1 },
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
  [
    "a watchtower's share",
    { ...at(0), type: "shared", beneficiary: me, share: wei },
    "Your share of what your watchtower claimed for others",
  ],
  ["a close that began", { ...at(0), type: "closing", closeAt: 1 }, undefined],
])("%s has its words", (_, event, what) => {
  expect(moneyLines([event], me, nothing).map((line) => line.what)).toEqual(what ? [what] : []);
});

test("lines keep the order, the time and the amount, and can be told apart", () => {
  const events: Chain.HistoryPage["events"] = [
    { ...at(1), type: "withdrawn", account: me, to: me, amount: wei },
    { ...at(0), type: "deposited", amount: wei },
  ];
  const lines = moneyLines(events, me, nothing);
  expect(lines).toMatchObject([
    { at: 1_700_000_000, amount: 5n },
    { what: "Put in a pot", amount: 5n },
  ]);
  expect(new Set(lines.map(({ id }) => id)).size).toBe(2);
});

test("what was earned is what came to the account, without the watchtower's share", () => {
  const fee = 2n as Amount;
  const event: Event = {
    ...at(0),
    type: "claimed",
    paid: wei,
    claimed: wei,
    fee,
    payee: me,
    lane: 1,
  };
  expect(moneyLines([event], me, nothing)).toMatchObject([{ amount: 3n }]);
});

describe("what was earned says how it came", () => {
  const earned: Event = {
    ...at(0),
    type: "claimed",
    paid: wei,
    claimed: wei,
    fee: none,
    payee: me,
    lane: 1,
  };
  const words = (from: Address, call: `0x${string}`) =>
    moneyLines([earned], me, { ...nothing, senders: new Map([[at(0).hash, { from, call }]]) })[0]
      ?.what;
  const pay: `0x${string}` = "0x12345678";

  test("by the account's own claim, whatever its capitals", () => {
    expect(words(me.toLowerCase() as Address, "0x587a61f6")).toBe("Earned: you claimed it");
  });

  test.each(CLAIMS)("by a watchtower that called %s", (call) => {
    expect(words(other, call)).toBe("Earned: a watchtower claimed it for you");
  });

  test("by the broadcaster that settled", () => {
    expect(words(other, pay)).toBe("Earned: the broadcaster paid it at the end");
  });

  test("the calls that watchtowers make are the contract's two claims", () => {
    const config = "(address,address,address,uint40,bytes32)";
    const rows = "(address,uint32,uint96,uint8,bytes32,bytes32)[]";
    expect(CLAIMS).toEqual([
      toFunctionSelector(`claim(${config},${rows})`),
      toFunctionSelector(`claimAsWatchtower(${config},${rows},address)`),
    ]);
  });
});

test("a line names its transaction, and the stream where it is known, else the pot", () => {
  const potId = `0x${"07".repeat(32)}` as const;
  const events: readonly Event[] = [
    { ...at(0), potId, type: "deposited", amount: wei },
    { ...at(1), type: "withdrawn", account: me, to: me, amount: wei },
  ];
  const of = (streams: Known["streams"]) =>
    moneyLines(events, me, { ...nothing, streams }).map((line) => line.of);
  expect(of(new Map())).toEqual(["pot …07070707", undefined]);
  expect(of(new Map([[potId, "ab".repeat(32)]]))).toEqual(["stream …abababab", undefined]);
  expect(moneyLines(events, me, nothing)[0]?.hash).toBe(at(0).hash);
});
