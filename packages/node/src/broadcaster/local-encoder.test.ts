import { LIVE } from "@tabcast/market";
import type { Fragment, inspect, Rung, Structure, Transcoder } from "@tabcast/media";
import { BitsPerSecond, type Millis, systemClock } from "@tabcast/runtime";
import { expect, test } from "vitest";
import type { Segment } from "./delivery.ts";
import { openLocalEncoder } from "./local-encoder.ts";

const rungs = [
  { name: "360p", width: 640, height: 360, bitrate: BitsPerSecond.of(800_000) },
  { name: "90p", width: 160, height: 90, bitrate: BitsPerSecond.of(100_000) },
] as const satisfies Rung[];
const empty = new Uint8Array(0);
const segment = {
  seq: 0,
  init: empty,
  frameRate: 30,
  captured: { video: { media: empty, frames: 60 } },
} as unknown as Segment;

/** A tab that makes `pixelsPerMs`, on a clock that only its work moves. */
function open(pixelsPerMs: number) {
  let now = 0;
  let asked: readonly Rung[] = [];
  let opened = 0;
  const transcoder: Pick<Transcoder, "transcode" | "close"> = {
    async transcode({ rungs: mine }, { signal }) {
      asked = mine;
      const pixels = mine.reduce((sum, { width, height }) => sum + width * height * 60, 0);
      now += pixels / pixelsPerMs;
      signal.throwIfAborted();
      const renditions = mine.map(({ name: rung }) => ({
        rung,
        init: empty,
        media: empty,
        codecs: "avc1",
        frames: 60,
        headLen: 0,
      }));
      return { renditions, encodeMs: pixels / pixelsPerMs, tailMs: 0, hardware: "sw" };
    },
    close() {},
  };
  const context = {
    rungs,
    codec: "avc" as const,
    config: LIVE,
    clock: { ...systemClock, now: () => now as Millis },
    segmentMs: 2_000,
    signal: new AbortController().signal,
  };
  const own = openLocalEncoder(context, {
    transcoder() {
      opened++;
      return transcoder as Transcoder;
    },
    inspect: (async (_: Fragment) => ({}) as Structure) as typeof inspect,
  });
  const encode = async (
    timeMs: number | undefined,
    { signal = new AbortController().signal, beside = false, of = segment } = {},
  ) => {
    asked = [];
    await own.encode(of, { rungs, timeMs, beside, chosen() {}, signal });
    return asked.map(({ name }) => name);
  };
  return { own, encode, asked: () => asked.map(({ name }) => name), opened: () => opened };
}

test("the local encoder makes all rungs where nothing is late, the lowest where no time is left", async () => {
  const { encode } = open(100_000);
  expect(await encode(undefined)).toEqual(["360p", "90p"]);
  expect(await encode(0)).toEqual(["90p"]);
});

test("the local encoder learns from the time that it took", async () => {
  const { own, encode } = open(5_000); // the ladder takes 2.9 s, and was thought to take two
  expect(await encode(2_100)).toEqual(["360p", "90p"]);
  expect(own.usualMs()).toBeGreaterThan(1_500);
  for (let i = 0; i < 9; i++) await encode(undefined);
  expect(await encode(2_100)).toEqual(["90p"]);
});

test("a local encoder that is cut off in the middle tries fewer rungs the next time", async () => {
  const { encode, asked } = open(5_000);
  const stop = AbortSignal.abort(new Error("too late"));
  await expect(encode(2_100, { signal: stop })).rejects.toThrow("too late");
  expect(asked()).toEqual(["360p", "90p"]);
  expect(await encode(2_100)).toEqual(["90p"]);
});

test("beside a worker the local encoder makes what fits, and nothing where nothing does", async () => {
  const { encode, opened } = open(5_000);
  expect(await encode(0, { beside: true })).toEqual([]);
  expect(opened()).toBe(0);
  expect(await encode(1_000, { beside: true })).toEqual(["90p"]);
});

test("a local encoder that is often cut off beside a worker tries fewer rungs after a while", async () => {
  const { encode, asked } = open(5_000);
  const coming = { ...segment, captured: undefined, planned: { frames: 60 }, media: () => empty };
  const signal = AbortSignal.abort(new Error("too late"));
  const late = { of: coming as unknown as Segment, beside: true, signal };
  for (const tried of [["360p", "90p"], ["360p", "90p"], ["360p", "90p"], ["90p"]]) {
    await expect(encode(2_500, late)).rejects.toThrow("too late");
    expect(asked()).toEqual(tried);
  }
});
