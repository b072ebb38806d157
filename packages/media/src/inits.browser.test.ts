import { type BitsPerSecond, Micros } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { all, never } from "../test/clip.ts";
import { openScene } from "./source/source.ts";
import { createTranscoder } from "./transcode/transcoder.ts";
import type { CodecName, Rung, SourceSegment } from "./types.ts";

// A playlist names an init segment again wherever its bytes change, and players start anew there.

const rung: Rung = { name: "90p", width: 160, height: 90, bitrate: 120_000 as BitsPerSecond };

const scene = async (seed: number) =>
  all(
    await openScene({
      width: 320,
      height: 180,
      seed,
      pace: "fast",
      segment: Micros.of(500_000),
      duration: Micros.of(1_000_000),
      signal: never,
    }),
  );

test("a source's picture and sound keep their init from segment to segment and from run to run", async () => {
  const runs = [await scene(1), await scene(2)].flat();
  expect(runs).toHaveLength(4);
  const [first] = runs as [SourceSegment];
  for (const { video, audio } of runs) {
    expect(video.init).toEqual(first.video.init);
    expect(audio?.init).toEqual(first.audio?.init);
  }
});

for (const codec of ["avc", "vp9", "av1"] satisfies CodecName[])
  test(`${codec}: an encoder's init is the same for other pictures and another transcoder`, async () => {
    const inits: Uint8Array[] = [];
    for (const seed of [1, 2]) {
      const transcoder = createTranscoder();
      for (const { video } of await scene(seed)) {
        const request = { init: video.init, media: video.media, codec, rungs: [rung] };
        const { renditions } = await transcoder.transcode(request, { signal: never });
        inits.push(...renditions.map(({ init }) => init));
      }
      transcoder.close();
    }
    expect(inits).toHaveLength(4);
    for (const init of inits) expect(init).toEqual(inits[0]);
  });
