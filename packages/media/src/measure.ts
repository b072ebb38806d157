import { Cutter } from "./encode.ts";
import { defaultLadder } from "./ladder.ts";
import { microsOf } from "./mp4/track.ts";
import { createScene } from "./picture.ts";
import { transcodeSegment } from "./transcode.ts";
import type { Capability, CodecName } from "./types.ts";

const WIDTH = 1280;
const HEIGHT = 720;
const FRAME_RATE = 25;
const FRAMES = 25;
/** Work for at least this long, in milliseconds, whatever the device's speed. */
const LEAST_MS = 1000;

/** One second of the scene as a source segment. */
async function clip(signal: AbortSignal) {
  const settings = {
    width: WIDTH,
    height: HEIGHT,
    bitrate: 4_000_000,
    frameRate: FRAME_RATE,
    timescale: FRAME_RATE * 512,
  };
  const scene = createScene({ width: WIDTH, height: HEIGHT, frameRate: FRAME_RATE, seed: 1 });
  const cutter = new Cutter(settings, FRAMES * 512);
  try {
    for (let index = 0; index < FRAMES; index++) {
      signal.throwIfAborted();
      const timestamp = microsOf(index * 512, settings.timescale);
      const frame = new VideoFrame(scene.draw(index), { timestamp, duration: 40_000 });
      await cutter.add(frame, index * 512);
    }
    return await (cutter.cut(FRAMES * 512) as NonNullable<ReturnType<Cutter["cut"]>>).video;
  } finally {
    cutter.close();
  }
}

/** Measures where it is called, which should be the worker that will do the work. */
export async function measureHere(
  codec: CodecName,
  {
    signal,
    progress,
  }: { readonly signal: AbortSignal; readonly progress: (frames: number) => void },
): Promise<Capability> {
  const { init, media } = await clip(signal);
  const rungs = defaultLadder({ width: WIDTH, height: HEIGHT });
  const pixels = rungs.reduce((sum, { width, height }) => sum + width * height, 0);
  let frames = 0;
  let spent = 0;
  let hardware: Capability["hardware"] = "unknown";
  while (spent < LEAST_MS) {
    const result = await transcodeSegment(
      { init, media, codec, rungs },
      { signal, progress: (done) => progress(frames + done) },
    );
    frames += FRAMES;
    spent += result.encodeMs;
    hardware = result.hardware;
  }
  return { codec, pixelsPerSecond: Math.round((frames * pixels * 1000) / spent), hardware };
}
