import { type Millis, systemClock } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { openCondition } from "../queue.ts";
import type { Checks, Draw, Result } from "./checks.ts";
import type { Captured } from "./delivery.ts";
import { openSpotChecks } from "./spot-checks.ts";

const pass: Result = { answer: "pass", failed: [] };
const source = {} as Captured;

/** Spot checks that end when the test says so. */
function open({ live = true } = {}) {
  const stop = new AbortController();
  const condition = openCondition();
  const skipped: string[] = [];
  const checking: { seq: number; end: (result: Result) => void }[] = [];
  let now = 0;
  const state = { behind: false, asked: 0 };
  const checks = {
    check: (
      { seq }: Draw,
      _source: Captured,
      _made: unknown,
      { signal }: { signal: AbortSignal },
    ) =>
      new Promise<Result>((end, fail) => {
        checking.push({ seq, end });
        signal.addEventListener("abort", () => fail(signal.reason));
      }),
  } as unknown as Checks;
  const context = {
    checks,
    clock: { ...systemClock, now: () => now as Millis },
    pace: { hurried: live },
    signal: stop.signal,
  };
  const spotChecks = openSpotChecks(context, {
    behind() {
      state.asked++;
      return state.behind;
    },
    condition,
    skipped: (seq, why) => skipped.push(`${seq}: ${why}`),
  });
  const check = (seq: number) => spotChecks.check({ seq } as Draw, source, []);
  const wait = (ms: number) => {
    now += ms;
    condition.wake();
  };
  const begun = (count: number) =>
    expect.poll(() => checking.map(({ seq }) => seq)).toHaveLength(count);
  const asked = (times: number) => expect.poll(() => state.asked).toBe(times);
  return { check, checking, begun, asked, skipped, state, wait, stop };
}

test("spot checks run one at a time", async () => {
  const { check, checking, begun } = open();
  const [first, second] = [check(1), check(2)];
  await begun(1);
  checking[0]?.end(pass);
  expect(await first).toEqual(pass);
  await begun(2);
  checking[1]?.end({ answer: "fail", failed: ["psnr"] });
  expect(await second).toEqual({ answer: "fail", failed: ["psnr"] });
});

test("a spot check waits while segments are late, but no longer than 30 s", async () => {
  const { check, checking, begun, state, wait, asked } = open();
  state.behind = true;
  const [first, second] = [check(1), check(2)];
  await asked(1);
  wait(29_999);
  expect(checking).toEqual([]);
  wait(1);
  await begun(1);
  checking[0]?.end(pass);
  await first;
  await asked(4);
  wait(1);
  expect(checking).toHaveLength(1);
  state.behind = false;
  wait(0);
  await begun(2);
  checking[1]?.end(pass);
  await second;
});

test("no more than 16 spot checks of a live stream wait, and the broadcaster is told of the rest; a file's all wait", async () => {
  const live = open();
  for (let seq = 0; seq < 16; seq++) void live.check(seq);
  expect(await live.check(16)).toBeUndefined();
  expect(live.skipped).toEqual(["16: 16 others wait"]);
  live.stop.abort();
  const file = open({ live: false });
  const all = Array.from({ length: 20 }, (_, seq) => file.check(seq));
  expect(file.skipped).toEqual([]);
  file.stop.abort();
  expect(await Promise.all(all)).toEqual(Array(20).fill(undefined));
});
