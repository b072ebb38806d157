import { Micros } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { inspect } from "../inspect/inspect.ts";
import { openScene } from "./source.ts";

const never = new AbortController().signal;
const scene = (pace: "live" | "fast") =>
  openScene({
    width: 320,
    height: 180,
    frameRate: 10,
    segment: Micros.of(1_000_000),
    duration: Micros.of(2_500_000),
    pace,
    signal: never,
  });

test("a live scene gives the bytes of each segment out while it makes them, and they are the segment", async () => {
  const source = await scene("live");
  const frames: number[] = [];
  for await (const opening of source.openings({ signal: never })) {
    let complete = false;
    void opening.closed.then(() => {
      complete = true;
    });
    const early: boolean[] = [];
    const bytes: number[] = [];
    for await (const piece of opening.media()) {
      early.push(!complete);
      bytes.push(...piece);
    }
    expect(early.length).toBeGreaterThanOrEqual(2);
    expect(early.at(0)).toBe(true);
    expect(opening).toMatchObject({ planned: { duration: 1_000_000, frames: 10 }, frameRate: 10 });
    const { video, duration, start, seq } = await opening.closed;
    expect(video.media).toEqual(new Uint8Array(bytes));
    expect(video.init).toEqual(opening.init);
    const structure = await inspect(video, { signal: never });
    expect(structure).toMatchObject({ duration, frames: video.frames, startsWithKey: true });
    expect(structure.timestamps).toEqual(
      Array.from({ length: video.frames }, (_, i) => start + i * 100_000),
    );
    expect(structure.boxes.slice(0, 5)).toEqual(["styp", "moof", "mdat", "moof", "mdat"]);
    const { audio } = await opening.whole;
    expect(audio?.frames).toBeGreaterThan(0);
    expect(seq).toBe(frames.push(video.frames) - 1);
  }
  expect(frames).toEqual([10, 10, 5]);
});

test("a fast scene opens its segments when they are complete, in one piece", async () => {
  const source = await scene("fast");
  const lengths: number[] = [];
  for await (const opening of source.openings({ signal: never })) {
    const pieces = [];
    for await (const piece of opening.media()) pieces.push(piece);
    expect(pieces).toHaveLength(1);
    expect((await opening.whole).duration).toBe(opening.planned.duration);
    lengths.push(opening.planned.duration);
  }
  expect(lengths).toEqual([1_000_000, 1_000_000, 500_000]);
});

test("closing a live source ends its readers: segments quietly, what was begun with MEDIA_CLOSED", async () => {
  const source = await scene("live");
  const reader = source.openings({ signal: never })[Symbol.asyncIterator]();
  const { value: opening } = await reader.next();
  const coming = reader.next();
  source.close();
  await expect(opening?.whole).rejects.toMatchObject({ code: "MEDIA_CLOSED" });
  expect((await coming).done).toBe(true);
  const other = await scene("live");
  const segments = other.segments({ signal: never })[Symbol.asyncIterator]();
  const first = segments.next();
  other.close();
  expect((await first).done).toBe(true);
});
