import { LIVE } from "@tabcast/market";
import type { Rung } from "@tabcast/media";
import { BitsPerSecond, type Millis, systemClock } from "@tabcast/runtime";
import { expect, test } from "vitest";
import type { Captured, Collected, Segment } from "./delivery.ts";
import { openFlight } from "./in-flight.ts";
import type { EncodeOptions, Made } from "./local-encoder.ts";
import { openLocalWork } from "./local-work.ts";
import { paceOf } from "./pace.ts";

const rung = (name: string, height: number): Rung => ({
  name,
  width: 2 * height,
  height,
  bitrate: BitsPerSecond.of(height * 1_000),
});
const [top, middle, low] = [rung("720p", 720), rung("360p", 360), rung("90p", 90)];
const rungs = [top, middle, low];
const all = rungs.map(({ name }) => name);

interface Call extends Pick<EncodeOptions, "timeMs" | "beside"> {
  readonly seq: number;
  readonly among: readonly string[];
  readonly done: PromiseWithResolvers<void>;
}

/** A tab whose encoder makes everything, when the test says so, on a clock that only the test moves. */
function open() {
  let now = 0;
  let behind = false;
  const calls: Call[] = [];
  const told: string[] = [];
  const timers: { readonly at: number; readonly controller: AbortController }[] = [];
  const encode = async (segment: Segment, options: EncodeOptions): Promise<Made> => {
    const { rungs: among, timeMs, beside, chosen, signal } = options;
    const done = Promise.withResolvers<void>();
    chosen(among);
    const names = among.map(({ name }) => name);
    calls.push({ seq: segment.seq, among: names, timeMs, beside, done });
    signal.addEventListener("abort", () => done.reject(signal.reason), { once: true });
    await done.promise;
    return { renditions: names.map((name) => ({ rung: name }) as Collected), encodeMs: 7 };
  };
  const work = openLocalWork(
    {
      rungs,
      config: LIVE,
      pace: paceOf("live", 2_000),
      segmentMs: 2_000,
      hiring: undefined,
      clock: {
        ...systemClock,
        now: () => now as Millis,
        timeout(ms) {
          const controller = new AbortController();
          timers.push({ at: now + ms, controller });
          return controller.signal;
        },
      },
      on: (event) => void told.push(event.type),
      signal: new AbortController().signal,
    },
    {
      encoder: { encode },
      inFlight: { tell: (_, { type }) => void told.push(type), behind: () => behind },
    },
  );
  return {
    work,
    calls,
    told,
    behind(is: boolean) {
      behind = is;
    },
    /** Moves the clock, and lets the work look at it. */
    at(ms: number) {
      now = ms;
      for (const { at, controller } of timers) if (at <= now) controller.abort();
      work.tick();
    },
    /** A segment that begins at `seq` times two seconds. */
    flight(seq: number) {
      const planned = { duration: 2e6, frames: 60 };
      const segment = { seq, planned, captured: undefined as Captured | undefined };
      const job = { seq, state: "sent", limits: undefined, attempts: [], hedged: false } as const;
      const closesAt = 2_000 * (seq + 1);
      const flight = openFlight(
        segment as unknown as Segment,
        { ...job, local: "no" },
        {
          closesAt,
          note() {},
        },
      );
      return Object.assign(flight, {
        close: () => Object.assign(segment, { captured: {} as Captured }),
      });
    },
  };
}

const names = ({ renditions }: Made) => renditions.map((one) => one.rung);

test("this tab makes beside a worker the rungs that no worker was asked for", async () => {
  const { work, calls, flight } = open();
  const mine = flight(0);
  work.beside(mine, [low]);
  expect(calls).toMatchObject([{ among: ["720p", "360p"], beside: true, timeMs: 1_600 }]);
  calls[0]?.done.resolve();
  expect(await work.unasked(mine)).toMatchObject({ encodeMs: 7 });
  expect(names(await work.unasked(mine))).toEqual(["720p", "360p"]);
});

test("this tab makes nothing beside a worker that was asked for the whole ladder", async () => {
  const { work, calls, flight } = open();
  const mine = flight(0);
  work.beside(mine, rungs);
  expect(calls).toEqual([]);
  expect(names(await work.unasked(mine))).toEqual([]);
});

test("a second copy of a segment does not make this tab encode it twice", () => {
  const { work, calls, flight } = open();
  const mine = flight(0);
  work.beside(mine, [low]);
  work.beside(mine, [low]);
  expect(calls.length).toBe(1);
});

test("while segments are late the rungs beside a worker wait, and are begun once they are not", async () => {
  const { work, calls, behind, at, flight } = open();
  const mine = flight(0);
  behind(true);
  work.beside(mine, [low]);
  at(1_000);
  expect(calls).toEqual([]);
  behind(false);
  at(5_000);
  expect(calls).toMatchObject([{ among: ["720p", "360p"] }]);
  expect(calls[0]?.timeMs).toBeCloseTo(1_000 / LIVE.margin);
});

test("rungs that waited beside a worker until they are of no use are left out", async () => {
  const { work, calls, behind, at, flight } = open();
  const mine = flight(0);
  behind(true);
  work.beside(mine, [low]);
  const made = work.unasked(mine);
  at(6_000);
  expect(names(await made)).toEqual([]);
  behind(false);
  at(6_100);
  expect(calls).toEqual([]);
});

test("rungs beside a worker that are not made in time are given up, and the segment goes without them", async () => {
  const { work, calls, at, told, flight } = open();
  const mine = flight(0);
  work.beside(mine, [low]);
  const made = work.unasked(mine);
  at(5_999);
  expect(told).toEqual([]);
  at(6_000);
  expect(names(await made)).toEqual([]);
  // A gap says enough: nothing failed, and nothing is made again.
  await expect(calls[0]?.done.promise).rejects.toThrow("too late");
  expect(told).toEqual([]);
});

test("rungs that waited beside a worker are made one segment after the other", async () => {
  const { work, calls, behind, flight, at } = open();
  behind(true);
  const waiting = [flight(0), flight(1), flight(2)];
  for (const one of waiting) {
    work.beside(one, [low]);
    one.close();
  }
  behind(false);
  at(2_500);
  expect(calls.map(({ seq }) => seq)).toEqual([0]);
  calls[0]?.done.resolve();
  await expect.poll(() => calls.map(({ seq }) => seq)).toEqual([0, 1]);
});

test("no segment's rungs are begun beside a worker while an older segment's are overdue", async () => {
  const { work, calls, at, flight } = open();
  const older = flight(0);
  work.beside(older, [low]);
  older.close();
  at(3_001);
  work.beside(flight(1), [low]);
  expect(calls.map(({ seq }) => seq)).toEqual([0]);
  calls[0]?.done.resolve();
  await work.unasked(older);
  at(3_100);
  expect(calls.map(({ seq }) => seq)).toEqual([0, 1]);
});

test("a capture that lags leaves less time for rungs beside a worker", () => {
  const { work, calls, flight } = open();
  const whole = { closedAt: 2_700, duration: 2e6 } as Captured;
  work.captured(flight(0), whole);
  work.beside(flight(1), [low]);
  expect(calls).toMatchObject([{ timeMs: 900 }]);
});

test("what is longer than planned because it lasts longer is no lag", () => {
  const { work, calls, flight } = open();
  work.captured(flight(0), { closedAt: 4_000, duration: 4e6 } as Captured);
  work.beside(flight(1), [low]);
  expect(calls).toMatchObject([{ timeMs: 1_600 }]);
});

test("a segment whose worker fails is encoded here without what is made beside it already", async () => {
  const { work, calls, told, flight } = open();
  const mine = flight(0);
  work.beside(mine, [middle, low]);
  const alone = work.alone(mine);
  expect(calls).toMatchObject([
    { among: ["720p"], beside: true },
    { among: ["360p", "90p"], beside: false },
  ]);
  calls[0]?.done.resolve();
  calls[1]?.done.resolve();
  await alone;
  expect(told).toEqual(["localDone"]);
  expect(mine.renditions.get("local")?.map((one) => one.rung)).toEqual(["360p", "90p"]);
  expect(names(await work.unasked(mine))).toEqual(["720p"]);
});

test("what could not be made beside a worker is tried once more where the worker fails too", async () => {
  const { work, calls, told, flight } = open();
  const mine = flight(0);
  work.beside(mine, [low]);
  calls[0]?.done.reject(new Error("the encoder closed"));
  await work.unasked(mine);
  expect(told).toEqual(["failed"]);
  void work.alone(mine);
  expect(calls[1]?.among).toEqual(all);
});
