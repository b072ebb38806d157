import { Micros } from "@tabcast/runtime";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { inspect } from "./inspect.ts";
import { defaultLadder } from "./ladder.ts";
import { openScene } from "./source.ts";
import { createTranscoder } from "./transcoder.ts";
import type { CodecName, SourceSegment, Transcoder } from "./types.ts";

const never = new AbortController().signal;
const SIZE = { width: 640, height: 360 };
const rungs = defaultLadder(SIZE);

async function record(seconds: number, segment = 1_000_000): Promise<SourceSegment[]> {
  const source = await openScene({
    ...SIZE,
    pace: "fast",
    seed: 7,
    duration: Micros.of(seconds * 1e6),
    segment: Micros.of(segment),
    signal: never,
  });
  const segments: SourceSegment[] = [];
  for await (const each of source.segments({ signal: never })) segments.push(each);
  return segments;
}

describe("transcoding", () => {
  let segments: SourceSegment[];
  let transcoder: Transcoder;
  beforeAll(async () => {
    segments = await record(2.4);
    transcoder = createTranscoder();
  });
  afterAll(() => transcoder.close());

  test("the scene is cut on the grid, with a key first and audio in step", async () => {
    expect(segments.map(({ seq, start, duration }) => [seq, start, duration])).toEqual([
      [0, 0, 1_000_000],
      [1, 1_000_000, 1_000_000],
      [2, 2_000_000, 400_000],
    ]);
    let audioEnd = 0;
    for (const { start, video, audio } of segments) {
      const picture = await inspect(video);
      expect(picture).toMatchObject({ ...SIZE, startsWithKey: true, frames: video.frames });
      expect(picture.timestamps[0]).toBe(start);
      if (!audio) throw new Error("no audio");
      const sound = await inspect(audio);
      expect(sound.timestamps[0]).toBe(audioEnd);
      audioEnd += sound.duration;
      expect(Math.abs(audioEnd - (start + picture.duration))).toBeLessThanOrEqual(20_000);
    }
  });

  for (const codec of ["avc", "vp9", "av1"] as CodecName[])
    test(`${codec}: every rung has the source's frames at the source's times`, async () => {
      for (const { video } of segments.slice(1)) {
        const source = await inspect(video);
        const { renditions } = await transcoder.transcode(
          { init: video.init, media: video.media, codec, rungs },
          { signal: never },
        );
        expect(renditions.map(({ rung }) => rung)).toEqual(rungs.map(({ name }) => name));
        for (const [i, rendition] of renditions.entries()) {
          const made = await inspect(rendition);
          expect(made.timestamps).toEqual(source.timestamps);
          expect(made).toMatchObject({
            duration: source.duration,
            width: rungs[i]?.width,
            height: rungs[i]?.height,
            startsWithKey: true,
            boxes: ["styp", "sidx", "moof", "mdat"],
          });
        }
      }
    });
});
