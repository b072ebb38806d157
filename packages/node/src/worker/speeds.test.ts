import type { Capability } from "@tabcast/media";
import { type Millis, systemClock } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { type Measure, openSpeeds } from "./speeds.ts";

const never = new AbortController().signal;
const at = (pixelsPerSecond: number): Capability => ({
  codec: "avc",
  pixelsPerSecond,
  hardware: "sw",
});

/** Speeds of a device measured at 100 megapixels per second, and what it told. */
function open(measure?: Measure) {
  const told: number[] = [];
  const failures: unknown[] = [];
  let now = 0;
  const speeds = openSpeeds({
    clock: { ...systemClock, now: () => now as Millis },
    capabilities: [at(100e6)],
    measure,
    changed: ({ pixelsPerSecond }) => told.push(pixelsPerSecond / 1e6),
    failed: (error) => failures.push(error),
    signal: never,
  });
  const work = (count: number, speed: number) => {
    for (let i = 0; i < count; i++) speeds.worked("avc", { pixels: 1e6, ms: 1_000 / speed });
  };
  const figure = () => (speeds.capabilities()[0]?.pixelsPerSecond ?? 0) / 1e6;
  const pass = (ms: number) => {
    now += ms;
  };
  return { speeds, told, failures, work, figure, pass };
}

test("the figure that is advertised follows the jobs, and is told when it changes", () => {
  const { told, work, figure, speeds } = open();
  work(4, 60);
  expect([figure(), told]).toEqual([100, []]);
  work(1, 60);
  expect([figure(), told]).toEqual([60, [60]]);
  speeds.worked("vp9", { pixels: 1e6, ms: 1 }); // not offered
  expect(speeds.capabilities()).toHaveLength(1);
});

test("a device that has changed is measured again once, and only when it has nothing to do", async () => {
  let asked = 0;
  const done = Promise.withResolvers<Capability>();
  const { speeds, told, work, figure } = open(() => {
    asked++;
    return done.promise;
  });
  speeds.idle();
  work(5, 20);
  expect([asked, figure()]).toEqual([0, 20]);
  speeds.idle();
  speeds.idle();
  expect(asked).toBe(1);
  done.resolve(at(30e6));
  await expect.poll(figure).toBe(30);
  expect(told).toEqual([20, 30]);
  speeds.idle();
  expect(asked).toBe(1);
});

test("a measurement that fails leaves the figure of the jobs", async () => {
  const { speeds, failures, work, figure } = open(() => Promise.reject(new Error("no encoder")));
  work(5, 20);
  speeds.idle();
  await expect.poll(() => failures).toEqual([new Error("no encoder")]);
  expect(figure()).toBe(20);
});

test("a figure that keeps the tab from work is taken again, ever more seldom while it stays", async () => {
  let asked = 0;
  const { speeds, figure, pass, work } = open(async () => at(++asked * 1e6));
  const offered = async () => {
    speeds.doubt("avc");
    speeds.idle();
    await expect.poll(figure).toBe(asked === 0 ? 100 : asked);
  };
  await offered();
  expect(asked).toBe(1);
  for (let s = 0; s < 120; s += 2) {
    pass(2_000);
    await offered();
  }
  // After 5, 10, 20, 40 and 60 seconds more.
  expect(asked).toBe(5);
  work(1, 5);
  pass(60_000);
  await offered();
  pass(5_000);
  await offered();
  expect(asked).toBe(7);
});

test("a codec that was not measured at join is measured when an offer asks for it, and not again if there is no encoder", async () => {
  const asked: string[] = [];
  const { speeds, failures, pass } = open(async ({ codec }) => {
    asked.push(codec);
    if (codec === "av1") throw new Error("no encoder");
    return { ...at(7e6), codec };
  });
  for (const codec of ["vp9", "av1", "av1"] as const) {
    speeds.doubt(codec);
    speeds.idle();
    await expect.poll(() => speeds.capabilities().length + failures.length).toBe(asked.length + 1);
    pass(600_000);
  }
  expect(asked).toEqual(["vp9", "av1"]);
  expect(speeds.capabilities().map(({ codec }) => codec)).toEqual(["avc", "vp9"]);
});
