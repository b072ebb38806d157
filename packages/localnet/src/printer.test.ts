import { expect, test } from "vitest";
import { jsonPrinter, type Line, money, textPrinter } from "./printer.ts";

function text(...lines: readonly Line[]): string {
  let out = "";
  const printer = textPrinter((part) => {
    out += part;
  });
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
    /segment {4}3 {2}worker 1 {3}720p 360p {2}812 ms {2}2 of 2 verified {2}paid 2\.000 gwei\n$/,
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

test("money is gwei with three digits, and ETH with nine when it is much", () => {
  expect(money("0")).toBe("0.000 gwei");
  expect(money("83200000001")).toBe("83.200 gwei");
  expect(money(5n * 10n ** 16n)).toBe("0.050000000 ETH");
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
