import { Micros } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { decoded, never } from "../test/clip.ts";
import { inspect } from "./inspect.ts";
import { openScene } from "./source.ts";
import { openCapture } from "./stage.ts";
import type { SourceSegment } from "./types.ts";

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
