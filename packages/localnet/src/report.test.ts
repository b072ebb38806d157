import type { BroadcastReport } from "@tabcast/node/types";
import { expect, test } from "vitest";
import { makeReport, notAsked, type Plain, plainJson, shortcomings } from "./report.ts";

type Broadcast = Plain<BroadcastReport>;
const rungs = [
  { name: "360p", width: 640, height: 360, bitrate: 800_000 },
  { name: "240p", width: 426, height: 240, bitrate: 250_000 },
] as const;

const line = (seq: number, rung: string, roundTripMs: number): Broadcast["segments"][number] => ({
  seq,
  rung,
  worker: "12D3",
  bytes: 1_000,
  sha256: "ab",
  frames: 50,
  sentMs: 10,
  roundTripMs,
  encodeMs: 5,
  attempts: 1,
  hedged: false,
  asked: true,
  verified: true,
  paid: "3",
});

function broadcast(change: Partial<Broadcast> = {}): Broadcast {
  return {
    stream: "00",
    segments: [
      line(0, "360p", 400),
      line(0, "240p", 300),
      line(1, "360p", 600),
      line(1, "240p", 800),
    ],
    captured: 2,
    settlement: {
      chainId: 1,
      contract: "0xabc",
      potId: "0x1",
      deposited: "100",
      paid: "12",
      refunded: "88",
      lanes: [],
      gas: { open: "1", claimOrPay: "2", close: "3" },
    },
    wallMs: 2_000,
    mediaSeconds: 4,
    traffic: {
      captured: 1_000,
      sent: 1_000,
      pulled: 500,
      control: 15,
      sentPerCaptured: 1,
      controlPerMedia: 0.01,
    },
    work: { opened: 2, copies: 0, local: 0, checks: { drawn: 2, checked: 1, again: 0, ms: 30 } },
    checks: { seed: "00", commitment: "00" },
    drops: {},
    trace: [],
    workers: [],
    ...change,
  } as Broadcast;
}

const make = (change: Partial<Broadcast> = {}) =>
  makeReport({
    seed: 1,
    info: {
      kind: "mp4",
      codec: "avc1.640028",
      width: 1280,
      height: 720,
      frameRate: 25,
      bitrate: 1_000_000,
      passthrough: true,
      input: { videoCodec: "avc1.640028" },
    } as never,
    codec: "avc",
    segmentSeconds: 2,
    rungs: rungs as never,
    chain: { id: 1, contract: "0xabc" },
    broadcast: broadcast(change),
  });

test("a segment is delivered when all its rungs are, and takes as long as its slowest", () => {
  const { summary } = make();
  expect(summary).toMatchObject({ segments: 2, delivered: 2, missed: 0, p50Ms: 400, p95Ms: 800 });
  expect(summary.realtimeRatio).toBe(2);
  // Mean round trip 0.6 s of 2 s segments.
  expect(summary.score).toBeCloseTo(1 - Math.exp(-2 / 0.6), 6);
  expect(shortcomings(make())).toEqual([]);
});

test("a missing rung makes its segment missed, is named, and fails the run", () => {
  const report = make({ segments: broadcast().segments.slice(0, 3) });
  expect(report.summary).toMatchObject({ delivered: 1, missed: 1, successRate: 0.5 });
  expect(shortcomings(report).join()).toContain("1/240p");
});

test("a rung that came but was not verified is not delivered", () => {
  const [first, ...rest] = broadcast().segments;
  const report = make({
    segments: [{ ...(first as never as object), verified: false } as never, ...rest],
  });
  expect(report.summary.delivered).toBe(1);
  expect(shortcomings(report)).toHaveLength(1);
});

test("a rung that nobody was quick enough for is no hole, and is named", () => {
  const segments = broadcast().segments.map((line) =>
    line.rung === "240p" ? { ...line, asked: false, verified: false, paid: "0" } : line,
  );
  const report = make({ segments });
  expect(report.summary).toMatchObject({ delivered: 2, missed: 0 });
  expect(shortcomings(report).join()).not.toContain("not delivered");
  expect(notAsked(report)).toEqual(["240p in 2 segments"]);
  expect(notAsked(make())).toEqual([]);
});

test("one wei that is neither paid nor refunded fails the run, and so does one that was promised and not paid", () => {
  const { settlement } = broadcast();
  const off = (change: object) =>
    shortcomings(make({ settlement: { ...settlement, ...change } as never }));
  expect(off({ refunded: "87" }).join()).toContain("deposited");
  expect(off({ paid: "11", refunded: "89" }).join()).toContain("promised");
});

test("without a pot nothing was deposited, and that balances", () => {
  const segments = broadcast().segments.map((s) => ({ ...s, paid: "0", worker: "local" }));
  const { settlement: _, ...rest } = broadcast({ segments });
  const report = makeReport({ ...inputOf(rest as Broadcast) });
  expect(report.settlement).toMatchObject({ chainId: 1, deposited: "0", paid: "0" });
  expect(shortcomings(report)).toEqual([]);
});

function inputOf(value: Broadcast) {
  return {
    seed: 1,
    info: { input: { videoCodec: "vp09" }, frameRate: 25, bitrate: 1 } as never,
    codec: "avc",
    segmentSeconds: 2,
    rungs: rungs as never,
    chain: { id: 1, contract: "0xabc" },
    broadcast: value,
  };
}

test("nothing captured is a failure", () => {
  expect(shortcomings(make({ captured: 0, segments: [] })).join()).toContain("no segment");
});

test("the report survives JSON unchanged, and a bigint becomes text", () => {
  const report = make();
  expect(JSON.parse(plainJson(report))).toEqual(report);
  expect(plainJson({ wei: 10n ** 20n })).toBe('{"wei":"100000000000000000000"}');
});
