import type { Capability } from "@tabcast/media";
import { type Millis, systemClock } from "@tabcast/runtime";
import { describe, expect, test } from "vitest";
import { type Measure, openSpeeds } from "./speeds.ts";

const never = new AbortController().signal;
const at = (pixelsPerSecond: number): Capability => ({
  codec: "avc",
  pixelsPerSecond,
  hardware: "sw",
});

/** Speeds of a device measured at 100 megapixels per second, and what it told. */
function open(measure?: Measure, joined: Capability = at(100e6)) {
  const told: number[] = [];
  const failures: unknown[] = [];
  let now = 0;
  let idle = true;
  const sleepers: { readonly at: number; readonly wake: () => void }[] = [];
  const sleep = (ms: number) =>
    new Promise<void>((wake) => void sleepers.push({ at: now + ms, wake }));
  const clock = { ...systemClock, now: () => now as Millis, sleep };
  const speeds = openSpeeds(
    { clock, signal: never },
    {
      isIdle: () => idle,
      capabilities: [joined],
      measure,
      changed: ({ pixelsPerSecond }) => told.push(pixelsPerSecond / 1e6),
      failed: (error) => failures.push(error),
    },
  );
  const work = (count: number, speed: number) => {
    for (let i = 0; i < count; i++) speeds.worked("avc", { pixels: 1e6, ms: 1_000 / speed });
  };
  const figure = () => (speeds.capabilities()[0]?.pixelsPerSecond ?? 0) / 1e6;
  const pass = (ms: number) => {
    now += ms;
  };
  /** Lets time pass in steps in which whoever slept so long goes on. */
  const live = async (ms: number, until = () => false) => {
    for (let passed = 0; passed < ms && !until(); passed += 250) {
      now += 250;
      for (const one of sleepers.splice(0)) one.at <= now ? one.wake() : sleepers.push(one);
      for (let i = 0; i < 20; i++) await Promise.resolve();
    }
  };
  const hire = (hired: boolean) => {
    idle = !hired;
  };
  return { speeds, told, failures, work, figure, pass, live, hire, now: () => now };
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

describe("a device that was measured while the machine was busy", () => {
  /** 146 megapixels per second, 30 while it is busy; its smallest ladder is coded at half of that. */
  function disturbed({ smallAtJoin = 15e6, busy = true } = {}) {
    const briefs: number[] = [];
    const wholes: number[] = [];
    const at30 = {
      ...at(30e6),
      sizes: [{ height: 360, pixelsPerSecond: smallAtJoin, hardware: "sw" as const }],
    };
    const measure: Measure = async ({ brief, signal }) => {
      signal.throwIfAborted();
      const speed = busy ? 30e6 : 146e6;
      (brief ? briefs : wholes).push(device.now());
      const sizes = [{ height: 360, pixelsPerSecond: speed / 2, hardware: "sw" as const }];
      return { ...at(brief ? speed / 2 : speed), sizes };
    };
    const device = open(measure, at30);
    const quiet = () => {
      busy = false;
      return device.now();
    };
    return { ...device, briefs, wholes, quiet };
  }

  test("finds out by itself within 10 s of quiet, and measures itself as a whole only then", async () => {
    const { live, figure, quiet, told, wholes, now } = disturbed();
    await live(60_000);
    expect([figure(), wholes]).toEqual([30, []]);
    const quietAt = quiet();
    await live(60_000, () => figure() === 146);
    expect(figure()).toBe(146);
    expect(now() - quietAt).toBeLessThan(10_000);
    expect([told, wholes.length]).toEqual([[146], 1]);
  });

  test("finds out although only the later part of its measurement was disturbed", async () => {
    const { live, figure } = disturbed({ smallAtJoin: 73e6, busy: false });
    await live(10_000, () => figure() === 146);
    expect(figure()).toBe(146);
  });

  test("takes no time from the streams that it works for", async () => {
    const { live, briefs, hire, quiet } = disturbed();
    hire(true);
    quiet();
    await live(120_000);
    expect(briefs).toEqual([]);
    hire(false);
    await live(10_000);
    expect(briefs).toHaveLength(1);
  });

  test("tries ever more seldom where nothing changes", async () => {
    const { live, briefs } = disturbed();
    await live(1_800_000);
    expect(briefs.length).toBeLessThan(50);
  });
});

test("a device that is quicker at the smallest ladder than at the whole measures itself as a whole but once for it", async () => {
  const wholes: number[] = [];
  const sizes = [{ height: 360, pixelsPerSecond: 150e6, hardware: "sw" as const }];
  const device = open(
    async ({ brief }) => {
      if (!brief) wholes.push(device.now());
      return { ...at(brief ? 150e6 : 100e6), sizes };
    },
    { ...at(100e6), sizes } as Capability,
  );
  await device.live(600_000);
  expect([device.figure(), device.told, wholes.length]).toEqual([100, [], 1]);
});

test("a trial that fails is repeated ever more seldom", async () => {
  const { live, failures } = open(async () => {
    throw new Error("no encoder");
  });
  await live(600_000);
  expect(failures.length).toBeGreaterThan(1);
  expect(failures.length).toBeLessThan(15);
});

test("a trial that finds the device slower lowers nothing: what it runs beside may soon be over", async () => {
  const { live, figure, told } = open(async () => at(20e6));
  await live(300_000);
  expect([figure(), told]).toEqual([100, []]);
});

test("a job that comes ends a measurement at once, which is taken up again and is no failure", async () => {
  const stopped: unknown[] = [];
  let asked = 0;
  const { speeds, failures, figure, work } = open(({ signal }) => {
    asked++;
    if (asked === 2) return Promise.resolve(at(30e6));
    return new Promise((_, reject) =>
      signal.addEventListener("abort", () => {
        stopped.push(signal.reason);
        reject(signal.reason);
      }),
    );
  });
  work(5, 20);
  speeds.idle();
  speeds.busy();
  expect(stopped).toEqual([new Error("a job has come")]);
  await Promise.resolve();
  const idle = () => {
    speeds.idle();
    return asked;
  };
  await expect.poll(idle).toBe(2);
  await expect.poll(figure).toBe(30);
  expect(failures).toEqual([]);
});
