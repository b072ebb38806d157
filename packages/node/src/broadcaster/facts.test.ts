import { Screen } from "@tabcast/market";
import type { SourceInfo } from "@tabcast/media";
import { Amount, BitsPerSecond } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { needOf, offerFacts, plannedFrames, streamFacts } from "./facts.ts";
import { paceOf } from "./pace.ts";

const info = {
  codec: "avc",
  width: 1280,
  height: 720,
  bitrate: BitsPerSecond.of(4_000_000),
  frameRate: 29.97,
} as unknown as SourceInfo;
const rungs = [{ name: "90p", width: 160, height: 90, bitrate: BitsPerSecond.of(100_000) }];
const planned = { rungs, codec: "avc", segmentMs: 2_000, pace: paceOf("live", 2_000) } as const;

test("a stream needs the pixels of every rung and the bytes of the source, for each segment", () => {
  const need = needOf(planned, info, { wanted: 3, maxPrice: Amount.of(5) });
  expect(need.pixels).toBeCloseTo(160 * 90 * 29.97 * 2);
  expect(need.bytes).toBe(1_000_000);
  expect(need).toMatchObject({ wanted: 3, maxPrice: 5n, segmentMs: 2_000, slackMs: 4_000 });
});

test("a job of a file may take ten minutes, and one of a live stream no longer than its slack", () => {
  const wants = { wanted: 1, maxPrice: Amount.of(5) };
  const jobMs = (pace: "live" | "fast") =>
    needOf({ ...planned, pace: paceOf(pace, 2_000) }, info, wants).jobMs;
  expect([jobMs("live"), jobMs("fast")]).toEqual([4_000, 600_000]);
});

test("a stream plans at least one frame a segment, however slow its source", () => {
  expect(plannedFrames({ ...info, frameRate: 0.1 }, 2_000)).toBe(1);
});

test("a stream announces sound only where there is some", () => {
  const of = (audioCodec?: string) =>
    streamFacts(planned, { ...info, audioCodec } as SourceInfo, { title: "", startedMs: 0 }).audio;
  expect([of(), of("opus")]).toEqual([false, true]);
});

test("an offer names a private crew by the id of its token, and never by the token", () => {
  const token = new Uint8Array(32).fill(7);
  const of = (policy: Screen.Policy) =>
    offerFacts(planned, info, { seedCommit: new Uint8Array(32), policy }).crew;
  expect(of(Screen.open)).toEqual(new Uint8Array(0));
  expect(of({ ...Screen.open, token })).toEqual(Screen.crewId(token));
});
