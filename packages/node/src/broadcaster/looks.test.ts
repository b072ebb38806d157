import { type Millis, systemClock } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { openBell } from "../queue.ts";
import type { Checks, Draw, Result } from "./checks.ts";
import type { Captured } from "./delivery.ts";
import { openLooks } from "./looks.ts";

const pass: Result = { answer: "pass", failed: [] };
const source = {} as Captured;

/** Looks that end when the test says so. */
function open({ live = true } = {}) {
  const stop = new AbortController();
  const bell = openBell();
  const skipped: string[] = [];
  const looking: { seq: number; end: (result: Result) => void }[] = [];
  let now = 0;
  const state = { behind: false, asked: 0 };
  const checks = {
    look: ({ seq }: Draw, _source: Captured, _made: unknown, { signal }: { signal: AbortSignal }) =>
      new Promise<Result>((end, fail) => {
        looking.push({ seq, end });
        signal.addEventListener("abort", () => fail(signal.reason));
      }),
  } as unknown as Checks;
  const context = {
    checks,
    clock: { ...systemClock, now: () => now as Millis },
    pace: { hurried: live },
    signal: stop.signal,
  };
  const looks = openLooks(context, {
    behind() {
      state.asked++;
      return state.behind;
    },
    bell,
    skipped: (seq, why) => skipped.push(`${seq}: ${why}`),
  });
  const look = (seq: number) => looks.look({ seq } as Draw, source, []);
  const wait = (ms: number) => {
    now += ms;
    bell.wake();
  };
  const begun = (count: number) =>
    expect.poll(() => looking.map(({ seq }) => seq)).toHaveLength(count);
  const asked = (times: number) => expect.poll(() => state.asked).toBe(times);
  return { look, looking, begun, asked, skipped, state, wait, stop };
}

test("looks take turns", async () => {
  const { look, looking, begun } = open();
  const [first, second] = [look(1), look(2)];
  await begun(1);
  looking[0]?.end(pass);
  expect(await first).toEqual(pass);
  await begun(2);
  looking[1]?.end({ answer: "fail", failed: ["psnr"] });
  expect(await second).toEqual({ answer: "fail", failed: ["psnr"] });
});

test("a look waits while segments are late, but no longer than 30 s", async () => {
  const { look, looking, begun, state, wait, asked } = open();
  state.behind = true;
  const [first, second] = [look(1), look(2)];
  await asked(1);
  wait(29_999);
  expect(looking).toEqual([]);
  wait(1);
  await begun(1);
  looking[0]?.end(pass);
  await first;
  await asked(4);
  wait(1);
  expect(looking).toHaveLength(1);
  state.behind = false;
  wait(0);
  await begun(2);
  looking[1]?.end(pass);
  await second;
});

test("no more than 16 live ones wait, and the rest is told; a file's all do", async () => {
  const live = open();
  for (let seq = 0; seq < 16; seq++) void live.look(seq);
  expect(await live.look(16)).toBeUndefined();
  expect(live.skipped).toEqual(["16: 16 others wait"]);
  live.stop.abort();
  const file = open({ live: false });
  const all = Array.from({ length: 20 }, (_, seq) => file.look(seq));
  expect(file.skipped).toEqual([]);
  file.stop.abort();
  expect(await Promise.all(all)).toEqual(Array(20).fill(undefined));
});
