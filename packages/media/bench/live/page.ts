import { BitsPerSecond, Micros } from "@tabcast/runtime";
import { type CodecName, createTranscoder, defaultLadder, openScene } from "../../src/index.ts";
import type { Fragment, TranscodeRequest } from "../../src/types.ts";
import { chunked } from "../../test/stream.ts";

const SIZE = { width: 1280, height: 720 };
const FRAME_RATE = 25;
/** Frames to a chunk: a quarter of a second, as live sources make them. */
const CHUNK_FRAMES = 6;
const signal = new AbortController().signal;

/** How one segment went, in milliseconds. */
export interface LiveRun {
  /** From the last byte given to the renditions in the page. */
  readonly tailMs: number;
  readonly encodeMs: number;
  /** From the first byte given to the first progress told. */
  readonly firstMs: number;
}

/** What the bench's Node side calls. */
export interface LivePage {
  /** Draws two-second segments of 720p25. */
  prepare(segments: number): Promise<void>;
  /** Transcodes the clip's segments, given in chunks as they would be captured; or three of them, each as a whole. */
  run(codec: CodecName, pace: "live" | "whole"): Promise<LiveRun[]>;
  /** Longest time that the page's main thread was not free, in milliseconds. */
  longestTask(): number;
}

let clip: Fragment[] = [];
let longest = 0;
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) longest = Math.max(longest, duration);
}).observe({ type: "longtask" });

const at = (time: number) =>
  new Promise((resolve) => setTimeout(resolve, Math.max(0, time - performance.now())));

/** Gives each chunk when its last frame would have been captured, as a camera does; tells when the last one went out. */
function captured(segment: Fragment, ended: (time: number) => void) {
  const chunks = chunked(segment, CHUNK_FRAMES);
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: async (controller) => {
      const began = performance.now();
      for (const [i, chunk] of chunks.entries()) {
        const frames = Math.min((i + 1) * CHUNK_FRAMES, segment.frames);
        await at(began + (frames * 1000) / FRAME_RATE);
        controller.enqueue(chunk);
      }
      ended(performance.now());
      controller.close();
    },
  });
}

const page: LivePage = {
  async prepare(segments) {
    const source = await openScene({
      ...SIZE,
      bitrate: BitsPerSecond.of(4_000_000),
      pace: "fast",
      duration: Micros.of(segments * 2e6),
      signal,
    });
    clip = [];
    for await (const { video } of source.segments({ signal })) clip.push(video);
    longest = 0; // what follows is what is looked at
  },
  async run(codec, pace) {
    const transcoder = createTranscoder();
    try {
      const runs: LiveRun[] = [];
      for (const segment of pace === "live" ? clip : clip.slice(0, 3)) {
        const began = performance.now();
        let ended = began;
        const media = pace === "live" ? captured(segment, (time) => (ended = time)) : segment.media;
        const request: TranscodeRequest = {
          init: segment.init,
          media,
          codec,
          rungs: defaultLadder(SIZE),
          frameRate: FRAME_RATE,
        };
        let first: number | undefined;
        const { encodeMs } = await transcoder.transcode(request, {
          signal,
          progress: () => (first ??= performance.now()),
        });
        const done = performance.now();
        runs.push({ tailMs: done - ended, encodeMs, firstMs: (first ?? done) - began });
      }
      return runs;
    } finally {
      transcoder.close();
    }
  },
  longestTask: () => longest,
};
Object.assign(globalThis, { livePage: page });
