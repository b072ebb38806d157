import { BitsPerSecond, Micros } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { createTranscoder, openScene } from "../index.ts";
import type { CodecName, Fragment, Rung } from "../types.ts";

const SEGMENTS = 15;
const SEGMENT_SECONDS = 2;
const rung: Rung = { name: "240p", width: 426, height: 240, bitrate: BitsPerSecond.of(250_000) };

async function scene(signal: AbortSignal): Promise<Fragment[]> {
  const source = await openScene({
    width: 640,
    height: 360,
    bitrate: BitsPerSecond.of(2_000_000),
    pace: "fast",
    duration: Micros.of(2 * SEGMENT_SECONDS * 1e6),
    signal,
  });
  const fragments: Fragment[] = [];
  for await (const { video } of source.segments({ signal })) fragments.push(video);
  source.close();
  return fragments;
}

test("thirty seconds of a rung come within a tenth of its bitrate in every codec, with one init", async ({
  signal,
}) => {
  const fragments = await scene(signal);
  for (const codec of ["avc", "vp9", "av1"] satisfies CodecName[]) {
    const transcoder = createTranscoder();
    const inits = new Set<string>();
    let bits = 0;
    for (let i = 0; i < SEGMENTS; i++) {
      const { init, media } = fragments[i % fragments.length] as Fragment;
      const request = { init, media, codec, rungs: [rung], stream: "scene" };
      const [made] = (await transcoder.transcode(request, { signal })).renditions;
      if (!made) throw new Error("one rung was asked for");
      bits += made.media.byteLength * 8;
      inits.add(made.init.join());
    }
    transcoder.close();
    const part = bits / (SEGMENTS * SEGMENT_SECONDS) / rung.bitrate;
    expect(part, `${codec} made ${part.toFixed(3)} of its target`).toBeGreaterThan(0.9);
    expect(part, `${codec} made ${part.toFixed(3)} of its target`).toBeLessThan(1.1);
    expect(inits.size).toBe(1);
  }
});
