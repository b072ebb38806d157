import { Micros } from "@tabcast/runtime";
import { expect, onTestFinished, test, vi } from "vitest";
import { greyFrame } from "../../test/canvas.ts";
import { decoded, meanColour, never, type Picture } from "../../test/clip.ts";
import { inspect } from "../inspect/inspect.ts";
import { Outlet } from "../source/outlet.ts";
import { openScene } from "../source/source.ts";
import type { SourceSegment } from "../types.ts";
import { type CapturePlan, type CaptureTell, playCapture } from "./capture.ts";
import { openCapture } from "./stage.ts";

const length = Micros.of(500_000);

async function first(count: number, segments: AsyncIterable<SourceSegment>) {
  const got: SourceSegment[] = [];
  for await (const segment of segments) {
    got.push(segment);
    if (got.length === count) break;
  }
  return got;
}

/** Every segment lies on the grid, whole, begins with a key, and its sound follows on. */
async function checkLive(segments: readonly SourceSegment[], frameRate: number) {
  let audioEnd: number | undefined;
  for (const [i, { seq, start, duration, video, audio }] of segments.entries()) {
    expect([seq, start, duration]).toEqual([i, i * length, length]);
    const seen = await inspect(video);
    expect(seen.startsWithKey).toBe(true);
    expect(seen.timestamps).toEqual(
      Array.from({ length: (frameRate * length) / 1e6 }, (_, k) =>
        Math.round(start + (k * 1e6) / frameRate),
      ),
    );
    if (!audio) continue;
    const sound = await inspect(audio);
    const from = sound.timestamps[0] as number;
    if (audioEnd !== undefined) expect(from).toBe(audioEnd);
    else expect(from).toBeLessThan(500_000);
    audioEnd = from + sound.duration;
    expect(Math.abs(audioEnd - (start + duration))).toBeLessThanOrEqual(10_001);
  }
}

test("a camera with a microphone comes out on a constant grid, and ends with its track", async () => {
  const stream = await navigator.mediaDevices.getUserMedia({ video: true, audio: true });
  const source = openCapture(stream, { segment: length });
  const { frameRate, width, height } = source.info;
  expect(source.preview).toBe(stream);
  expect(source.info).toMatchObject({ kind: "camera", passthrough: false, audioCodec: "opus" });
  const got: SourceSegment[] = [];
  for await (const segment of source.segments({ signal: never })) {
    got.push(segment);
    if (got.length === 3) for (const track of stream.getTracks()) track.stop();
  }
  expect(got.length).toBeGreaterThanOrEqual(3);
  await checkLive(got.slice(0, 3), frameRate);
  expect(got.slice(0, 3).filter(({ audio }) => audio)).toHaveLength(3);
  const [picture] = await decoded((got[1] as SourceSegment).video, (i) => i === 3);
  expect(picture).toMatchObject({ width, height });
});

test("a screen ends after the GOP in hand when it is asked to", async () => {
  const stream = await navigator.mediaDevices.getDisplayMedia({ video: true });
  const source = openCapture(stream, { segment: length, frameRate: 10 });
  expect(source.info.kind).toBe("screen");
  const got: SourceSegment[] = [];
  for await (const segment of source.segments({ signal: never })) {
    got.push(segment);
    if (got.length === 2) source.stop();
  }
  await checkLive(got, 10);
  expect(got.length).toBeLessThanOrEqual(4);
  source.close();
  expect(stream.getTracks().every(({ readyState }) => readyState === "ended")).toBe(true);
});

test("a picture that stands still is repeated on the grid", async () => {
  const canvas = document.createElement("canvas");
  canvas.width = 160;
  canvas.height = 90;
  const context = canvas.getContext("2d");
  const stream = canvas.captureStream(0);
  const [track] = stream.getVideoTracks() as CanvasCaptureMediaStreamTrack[];
  const source = openCapture(stream, { segment: length, frameRate: 10 });
  const taken = first(2, source.segments({ signal: never }));
  context?.fillRect(0, 0, 80, 90);
  track?.requestFrame();
  await checkLive(await taken, 10);
  source.close();
});

test("the scene keeps real time without drifting", async () => {
  const source = await openScene({
    width: 160,
    height: 90,
    frameRate: 20,
    pace: "live",
    segment: length,
    signal: never,
  });
  const segments = source.segments({ signal: never });
  const began = Date.now();
  for (const [i, { seq, start, duration, capturedAt }] of (await first(4, segments)).entries()) {
    expect([seq, start, duration]).toEqual([i, i * length, length]);
    expect(capturedAt - i * 500 - began).toBeLessThan(2_000);
    expect(capturedAt - i * 500).toBeGreaterThanOrEqual(began - 1);
  }
  // The fourth is whole only when its last frame has been drawn.
  expect(Date.now() - began).toBeGreaterThan(4 * 500 - 50 - 20);
  source.close();
});

test("an abort ends a live source quietly", async () => {
  const own = new AbortController();
  const source = await openScene({ width: 160, height: 90, segment: length, signal: never });
  const got: number[] = [];
  for await (const { seq } of source.segments({ signal: own.signal })) {
    got.push(seq);
    own.abort();
  }
  expect(got).toEqual([0]);
});

/** Clocks that a test moves by hand, in milliseconds. */
function handClock() {
  const clock = { monotonic: 5_000, wall: 1_700_000_000_000 };
  vi.spyOn(performance, "now").mockImplementation(() => clock.monotonic);
  vi.spyOn(Date, "now").mockImplementation(() => clock.wall);
  onTestFinished(() => void vi.restoreAllMocks());
  return clock;
}

/** A frame of a made-up camera: when it was captured and when it comes, in milliseconds after the first. */
interface Shot {
  readonly captured: number;
  readonly comes: number;
  /** Luma, 16 to 235. */
  readonly level?: number;
  /** How far the wall clock has run ahead of the other one. */
  readonly wall?: number;
}

const RATE = 10;

/** Plays shots through the worker's half of a capture, in this page and on a clock that only they move. */
async function played(shots: readonly Shot[]) {
  const clock = handClock();
  const [from, wall] = [clock.monotonic, clock.wall];
  const segments: SourceSegment[] = [];
  const told: CaptureTell[] = [];
  const outlet = new Outlet({
    send: (leaving) => {
      if ("segment" in leaving) segments.push(leaving.segment);
      outlet.taken();
    },
    full: "wait",
    bound: 8,
    realTime: false,
  });
  let at = 0;
  const video = new ReadableStream<VideoFrame>(
    {
      pull(controller) {
        const shot = shots[at++];
        if (!shot) return controller.close();
        const { captured, comes, level = 128 } = shot;
        clock.monotonic = from + comes;
        clock.wall = wall + comes + (shot.wall ?? 0);
        // Stamped on another clock, as Chromium does.
        controller.enqueue(greyFrame(64, 64, level, Math.round((captured + 3e6) * 1000)));
      },
    },
    { highWaterMark: 0 },
  );
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = ({ data }) => told.push(data);
  const plan: CapturePlan = {
    width: 64,
    height: 64,
    frameRate: RATE,
    bitrate: 400_000,
    segment: length,
    lost: "end",
    video,
    control: port2,
  };
  await playCapture(plan, { outlet, stop: never });
  return { segments, told, wall };
}

/** Shots at the camera's own times, each arriving 5 ms later. */
const shotsAt = (times: readonly number[], more: Partial<Shot> = {}): Shot[] =>
  times.map((captured) => ({ captured, comes: captured + 5, ...more }));

const every = (step: number, from: number, to: number) =>
  Array.from({ length: Math.round((to - from) / step) }, (_, i) => from + i * step);

async function levels(segments: readonly SourceSegment[]): Promise<number[]> {
  const all: number[] = [];
  for (const { video } of segments)
    for (const picture of await decoded(video)) all.push(meanColour(picture as Picture)[0]);
  return all;
}

test("irregular frames come out on the grid, each once or as often as it was to be seen, in order", async () => {
  // A burst, a pause of 0.4 s, doubles: the level says which frame it is.
  const times = [...every(100, 0, 1_000), 1_130, 1_170, 1_180, 1_600, 1_690, 1_800, 1_810, 1_900];
  const shots = shotsAt(times).map((shot, i) => ({ ...shot, level: 40 + i * 9 }));
  const { segments } = await played(shots);
  await checkLive(segments.slice(0, -1), RATE);
  const seen = await levels(segments);
  for (const [i, level] of seen.entries())
    expect(level).toBeGreaterThanOrEqual((seen[i - 1] ?? 0) - 3);
  // The stream begins a quarter of a second in; the frame of 1.18 s was to be seen until 1.6 s.
  const level = (index: number) => ((40 + index * 9 - 16) * 255) / 219;
  const shown = (index: number) => seen.filter((one) => Math.abs(one - level(index)) < 5).length;
  expect(shown(12)).toBeGreaterThanOrEqual(3);
  expect(shown(5)).toBe(1);
});

for (const { name, monotonic } of [
  { name: "a sleep that stops no clock", monotonic: true },
  { name: "a sleep that only the wall clock sees", monotonic: false },
])
  test(`${name} leaves no gap and no repeated frames, and \`capturedAt\` tells of it`, async () => {
    const night = 8 * 3_600_000;
    const woken = every(100, 3_000, 6_000);
    const shots = [
      ...shotsAt(every(100, 0, 3_000)),
      ...(monotonic ? shotsAt(woken.map((time) => time + night)) : shotsAt(woken, { wall: night })),
    ];
    const { segments, told, wall } = await played(shots);
    await checkLive(segments.slice(0, -1), RATE);
    expect(segments.length).toBeLessThanOrEqual(13);
    const captured = segments.map((one) => one.capturedAt - one.start / 1000 - wall);
    for (const one of captured.slice(0, 5)) expect(Math.abs(one - 300)).toBeLessThan(150);
    for (const one of captured.slice(-5)) expect(Math.abs(one - 300 - night)).toBeLessThan(150);
    await vi.waitFor(() => expect(told).toHaveLength(1));
    const [skip] = told;
    expect(skip && "skipped" in skip && Math.abs(skip.skipped.seconds - night / 1000)).toBeLessThan(
      1,
    );
  });
