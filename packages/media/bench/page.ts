import { BitsPerSecond, Micros } from "@tabcast/runtime";
import { type CodecName, createTranscoder, defaultLadder, openScene } from "../src/index.ts";
import type { SourceSegment } from "../src/types.ts";

const signal = new AbortController().signal;
let clip: SourceSegment[] = [];

/** What the bench's Node side calls. Seconds of media in, milliseconds out. */
export interface BenchPage {
  /** Draws a 1080p25 clip of two-second segments and gives its bytes, init first. */
  generate(seconds: number): Promise<string>;
  /** Transcodes the clip to the default ladder and gives what each segment took. */
  transcode(codec: CodecName): Promise<{ encodeMs: number[]; wallMs: number; frames: number }>;
}

const page: BenchPage = {
  async generate(seconds) {
    const source = await openScene({
      width: 1920,
      height: 1080,
      bitrate: BitsPerSecond.of(8_000_000),
      pace: "fast",
      duration: Micros.of(seconds * 1e6),
      signal,
    });
    clip = [];
    for await (const segment of source.segments({ signal })) clip.push(segment);
    const [first] = clip;
    if (!first) throw new Error("the scene gave no segment");
    const blob = new Blob([first.video.init, ...clip.map(({ video }) => video.media)]);
    return new Promise((resolve, reject) => {
      const reader = new FileReader();
      reader.onload = () => resolve(String(reader.result).replace(/^[^,]*,/, ""));
      reader.onerror = () => reject(reader.error);
      reader.readAsDataURL(blob);
    });
  },
  async transcode(codec) {
    const transcoder = createTranscoder();
    try {
      const rungs = defaultLadder({ width: 1920, height: 1080 });
      const encodeMs: number[] = [];
      let frames = 0;
      const began = performance.now();
      for (const { video } of clip) {
        const result = await transcoder.transcode(
          { init: video.init, media: video.media, codec, rungs },
          { signal },
        );
        encodeMs.push(result.encodeMs);
        frames += video.frames;
      }
      return { encodeMs, wallMs: performance.now() - began, frames };
    } finally {
      transcoder.close();
    }
  },
};
Object.assign(globalThis, { bench: page });
