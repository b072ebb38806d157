import { type Assign, LIVE } from "@tabcast/market";
import { BitsPerSecond } from "@tabcast/runtime";
import { expect, test } from "vitest";
import type { Segment } from "./delivery.ts";
import { type Flight, isBehind } from "./in-flight.ts";
import { paceOf } from "./pace.ts";
import { dearest, heardOf } from "./scheduler.ts";
import { amountOf } from "./transcode/cost.ts";

const rungs = [{ name: "360p", width: 640, height: 360, bitrate: BitsPerSecond.of(800_000) }];
const price = 1_000_000_000_000n;
const segment = { planned: { frames: 60 } } as Segment;
const inHandOf = (...workers: string[]) => ({
  segment,
  running: new Map(workers.map((worker) => [worker, new AbortController()])),
});

test("the budget for a segment counts all its copies and what is in hand already", () => {
  const one = amountOf(segment, rungs, price);
  expect(dearest({ segment }, [], rungs, price)).toBe(one);
  const inHand = [inHandOf("a", "b"), inHandOf("c"), inHandOf()];
  expect(dearest({ segment }, inHand, rungs, price)).toBe(one * 4n);
});

test("a worker that has fallen silent gets nothing, unless all have", () => {
  const available = [{ worker: "a" }, { worker: "b" }] as Assign.AvailableWorker[];
  const silent = (...workers: string[]) => {
    const attempts = workers.map((worker) => ({ worker, suspected: true, stage: "running" }));
    return { job: { attempts } } as unknown as Flight;
  };
  expect(heardOf(available, [])).toEqual(available);
  expect(heardOf(available, [silent("a")])).toEqual([{ worker: "b" }]);
  expect(heardOf(available, [silent("a"), silent("b")])).toEqual(available);
});

test("a live tab is behind when it encodes by itself or has a late segment; one with a file never is", () => {
  const flight = (local: string, captured: boolean, closesAt: number) =>
    ({ job: { local }, segment: { captured: captured ? {} : undefined }, closesAt }) as Flight;
  const live = paceOf("live", 2_000, LIVE);
  expect(isBehind([], live, 5_000)).toBe(false);
  expect(isBehind([flight("running", false, 5_000)], live, 5_000)).toBe(true);
  expect(isBehind([flight("no", true, 3_000)], live, 5_000)).toBe(true);
  expect(isBehind([flight("no", true, 4_500)], live, 5_000)).toBe(false);
  expect(isBehind([flight("no", false, 3_000)], live, 5_000)).toBe(false);
  expect(isBehind([flight("running", true, 0)], paceOf("fast", 2_000), 1e9)).toBe(false);
});
