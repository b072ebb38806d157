import * as Chains from "@tabcast/channel/chains";
import * as Money from "@tabcast/tab/money";
import { expect, test } from "vitest";
import { jsonPrinter, type Line, money, textPrinter } from "./printer.ts";

function text(...lines: readonly Line[]): string {
  let out = "";
  const write = (part: string) => {
    out += part;
  };
  // A chain of the test's own, beside those that are known.
  const printer = textPrinter(write, (id) => (id === 137 ? { coin: "POL" } : Chains.of(id)));
  for (const line of lines) printer.print(line);
  return out;
}

const rung = (name: string, worker: string, change: object = {}) => ({
  seq: 3,
  rung: name,
  worker,
  bytes: 1,
  sha256: "",
  frames: 50,
  sentMs: 1,
  roundTripMs: 811.6,
  encodeMs: 1,
  attempts: 1,
  hedged: false,
  asked: true,
  verified: true,
  paid: "1000000000",
  ...change,
});
const segment = (
  lines: readonly ReturnType<typeof rung>[],
  gaps: readonly string[] = [],
): Line => ({
  type: "segment",
  seq: 3,
  lines,
  gaps,
});

test("a segment's line has sequence, worker, rungs, milliseconds, verified and paid", () => {
  const out = text(
    {
      type: "worker",
      name: "worker 1",
      peer: "12D3KooWabcdefghijkl",
      payee: "0x1",
      capabilities: [{ codec: "avc", pixelsPerSecond: 181e6, hardware: "sw" }],
    },
    segment([rung("720p", "12D3KooWabcdefghijkl"), rung("360p", "12D3KooWabcdefghijkl")]),
  );
  expect(out).toContain("worker 1    joined as ..ghijkl, avc 181 Mpixel/s");
  expect(out).toMatch(
    /segment {4}3 {2}worker 1 {3}720p 360p {2}812 ms {2}2 of 2 verified {2}paid 0\.000000002 ETH\n$/,
  );
});

test("a split ladder, a second attempt, a gap and an unverified rung are all visible", () => {
  const out = text(
    segment(
      [
        rung("720p", "aaaaaaaaaaaaaaaaaaa1"),
        rung("360p", "local", { attempts: 2, verified: false }),
      ],
      ["240p"],
    ),
  );
  expect(out.split("\n")).toHaveLength(4);
  expect(out).toContain("own tab");
  expect(out).toContain("0 of 1 verified");
  expect(out).toContain("attempt 2");
  expect(out).toContain("gap: 240p");
});

const usdc = {
  token: `0x${"1".repeat(40)}`,
  symbol: "USDC",
  decimals: 6,
  dollars: true,
  perCoin: "3000000000",
} as const;

test("money is in the words of people: few digits of a coin, dollars to their last part", () => {
  const said = (parts: string, unit = Money.coin() as Money.Unit) => money(parts, unit);
  expect(said("0")).toBe("0 ETH");
  expect(said("5100000000")).toBe("0.0000000051 ETH");
  expect(said(`${5n * 10n ** 16n}`)).toBe("0.05 ETH");
  expect(said("5100", Money.ofCurrency(usdc))).toBe("$0.0051");
  expect(said("5000000", Money.ofCurrency(usdc))).toBe("$5.00");
});

test("in a network that pays in dollars no line about pay names the coin, or its parts", () => {
  const settlement = { deposited: "5000000", paid: "6636", refunded: "4993364" };
  const out = text(
    {
      ...{ type: "chain", id: 31337, rpc: "r", contract: "0xc", local: true },
      currency: usdc,
    } as Line,
    { type: "funded", potId: "0x1", deposited: "5000000", gas: "7" } as Line,
    { type: "bid", worker: "w", pixelsPerSecond: 181e6, price: "3000" } as unknown as Line,
    segment([rung("720p", "w", { paid: "3318" })]),
    { type: "settled", settlement } as unknown as Line,
  );
  expect(out).toContain("$5.00 deposited");
  expect(out).toContain("w: 181 Mpixel/s at $0.003 per gigapixel");
  expect(out).toContain("paid $0.003318");
  expect(out).toContain("$5.00 deposited = $0.006636 paid + $4.993364 refunded");
  expect(out).not.toMatch(/ETH|wei/);
});

test("every JSON line is one object with its type and time, money as text", () => {
  const lines: string[] = [];
  const printer = jsonPrinter(
    (part) => lines.push(part),
    () => 12.4,
  );
  printer.print({ type: "funded", potId: "0x1", deposited: "5", gas: "7" } as Line);
  printer.print({ type: "note", message: "two\nlines" });
  expect(lines).toHaveLength(2);
  for (const line of lines) expect(line.indexOf("\n")).toBe(line.length - 1);
  expect(JSON.parse(lines[0] as string)).toEqual({
    at: 12,
    type: "funded",
    potId: "0x1",
    deposited: "5",
    gas: "7",
  });
});

const onChain = (id: number): Line => ({
  ...{ type: "chain", id, rpc: "http://127.0.0.1:8545", contract: "0xc", local: false },
});
const deposited: Line = {
  ...{ type: "funded", potId: "0x1", gas: "1", deposited: "2000000000000000000" },
};

test("a chain without a token pays in its own coin, whatever that is called", () => {
  expect(text(onChain(137), deposited)).toContain("2 POL deposited");
  expect(text(onChain(8453), deposited)).toContain("2 ETH deposited");
});

test("what a worker's watchtower did for others is said, with its gas in the coin", () => {
  const working = (news: object): Line =>
    ({ type: "working", name: "worker 1", event: { type: "watchtower", news } }) as Line;
  const out = text(
    onChain(137),
    working({ type: "saved", payee: "0xabc", saved: "2000000000000000000" }),
    working({ type: "earned", share: "100000000000000000" }),
    working({ type: "withdrawn", amount: "100000000000000000" }),
    working({ type: "spent", cost: "3000000000000000" }),
  );
  expect(out).toBe(
    [
      "chain       137 at http://127.0.0.1:8545, TabcastPot at 0xc",
      "worker 1    watchtower: claimed 2 POL for 0xabc, whose tab is gone",
      "worker 1    watchtower: was left 0.1 POL of it",
      "worker 1    watchtower: withdrew 0.1 POL that it had earned",
      "worker 1    watchtower: spent 0.003 POL on gas",
      "",
    ].join("\n"),
  );
});

test("what a peer says cannot drive the terminal, nor begin a line of its own", () => {
  const why = "\u001b]0;pwned\u0007\u001b[2J\nsettled     $0.00\u202e";
  const out = text({ type: "broken", tab: "worker 1", message: why });
  expect(out.split("\n")).toHaveLength(2);
  for (const control of "\u001b\u0007\u202e") expect(out).not.toContain(control);
  expect(out).toContain("broke: \ufffd]0;pwned");
});
