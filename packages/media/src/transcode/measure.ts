import { BitsPerSecond } from "@tabcast/runtime";
import { defaultLadder, type Size } from "../ladder.ts";
import { readInit, readMedia } from "../mp4/read.ts";
import { microsOf } from "../mp4/track.ts";
import { writeMedia } from "../mp4/write.ts";
import { Cutter } from "../source/encode.ts";
import type { CodecName, Fragment, Measured, Rung, SpeedAt } from "../types.ts";
import { type Hardware, openLane } from "./lane.ts";
import { Pan } from "./pan.ts";
import { transcodeSegment } from "./transcode.ts";

/** Sources whose ladders are measured, smallest first: their largest rungs are 360p, 480p and 720p. */
const SOURCES: readonly Size[] = [
  { width: 640, height: 360 },
  { width: 854, height: 480 },
  { width: 1920, height: 1080 },
];
const FRAME_RATE = 25;
const TICKS = 512;
/** A source is coded once, so many frames long, and repeated: coding it is not what is to be measured. */
const GOP_FRAMES = 5;
const GOPS = 5;
/** After so much transcoding, in milliseconds, no larger source is begun: a slow device has told enough. */
const ENOUGH_MS = 600;
/** Runs of a brief measurement that count; one before them finds coders and code cold. */
const BRIEF_RUNS = 2;
/** Most encoders opened at once to see how many work. */
const MOST_ENCODERS = 8;
const PROBE: Rung = { name: "probe", width: 320, height: 180, bitrate: BitsPerSecond.of(300_000) };

interface Waits {
  readonly signal: AbortSignal;
  /** Called with the number of source frames done so far. */
  readonly progress: (frames: number) => void;
}

/** One second of a pan as a source segment. */
async function clip(pan: Pan, size: Size, signal: AbortSignal): Promise<Fragment> {
  const timescale = FRAME_RATE * TICKS;
  const bitrate = size.width * size.height * 4; // as clean as what people send
  const cutter = new Cutter({ ...size, bitrate, frameRate: FRAME_RATE, timescale }, 1000 * TICKS);
  try {
    for (let i = 0; i < GOP_FRAMES; i++) {
      signal.throwIfAborted();
      const frame = pan.frame(i, size, microsOf(i * TICKS, timescale), 1e6 / FRAME_RATE);
      await cutter.add(frame, i * TICKS);
    }
    const gop = await cutter.cut(GOP_FRAMES * TICKS)?.video;
    if (!gop) throw new Error("frames were added, so there is a GOP");
    const { samples } = readMedia(gop.media);
    const repeated = Array.from({ length: GOPS }, (_, i) =>
      samples.map((each) => ({ ...each, time: each.time + i * GOP_FRAMES * TICKS })),
    ).flat();
    return { ...gop, media: writeMedia(readInit(gop.init), repeated, 1), frames: repeated.length };
  } finally {
    cutter.close();
  }
}

interface Speed {
  readonly pixelsPerSecond: number;
  readonly hardware: Hardware;
  /** What the run took, in milliseconds. */
  readonly ms: number;
}

const faster = (a: Speed, b: Speed): Speed => (b.pixelsPerSecond > a.pixelsPerSecond ? b : a);

/** Output pixels per second of one source's whole ladder, and who coded it. */
async function speedOf(
  codec: CodecName,
  { init, media, frames }: Fragment,
  rungs: readonly Rung[],
  acceleration: HardwareAcceleration,
  { signal, progress }: Waits,
): Promise<Speed> {
  const request = { init, media, codec, rungs, acceleration };
  const { encodeMs: ms, hardware } = await transcodeSegment(request, { signal, progress });
  const pixels = frames * rungs.reduce((sum, { width, height }) => sum + width * height, 0);
  return { pixelsPerSecond: Math.round((pixels * 1000) / ms), hardware, ms };
}

/**
 * How many encoders give a frame while all of them are open, of at most `MOST_ENCODERS`. Consumer graphics cards code so
 * many streams and no more; a browser opens software ones without end.
 */
async function encodersAtOnce(
  codec: CodecName,
  acceleration: HardwareAcceleration,
  pan: Pan,
  signal: AbortSignal,
): Promise<number> {
  const coders: VideoEncoder[] = [];
  const close = () => {
    for (const coder of coders) if (coder.state !== "closed") coder.close();
  };
  signal.addEventListener("abort", close); // which rejects what is being flushed
  try {
    const lanes = await Promise.allSettled(
      Array.from({ length: MOST_ENCODERS }, () =>
        openLane(
          codec,
          PROBE,
          FRAME_RATE,
          acceleration,
          (coder) => coders.push(coder),
          () => {},
        ),
      ),
    );
    const gave = lanes.map(async (opened) => {
      if (opened.status === "rejected" || opened.value.encoder.state === "closed") return false;
      const { encoder, chunks } = opened.value;
      const frame = pan.frame(0, PROBE, 0, 1e6 / FRAME_RATE);
      try {
        encoder.encode(frame, { keyFrame: true });
      } finally {
        frame.close();
      }
      await encoder.flush().catch(() => {}); // it was one too many
      return chunks.length > 0;
    });
    const working = (await Promise.all(gave)).filter(Boolean).length;
    signal.throwIfAborted();
    return working;
  } finally {
    signal.removeEventListener("abort", close);
    close();
  }
}

/**
 * The speed at the smallest ladder alone, in about a tenth of the time, for an idle device that wants to know whether it is still as
 * quick as it says. Throws what transcoding throws.
 */
export async function measureBriefly(
  codec: CodecName,
  { signal, progress }: Waits,
): Promise<Measured> {
  const source = SOURCES[0] as Size;
  const made = await clip(new Pan(source), source, signal);
  const rungs = defaultLadder(source);
  const runs: Speed[] = [];
  for (let run = 0; run <= BRIEF_RUNS; run++) {
    const told = (done: number) => progress(run * made.frames + done);
    const waits = { signal, progress: told };
    runs.push(await speedOf(codec, made, rungs, "prefer-hardware", waits));
  }
  const speeds = runs.slice(1).map(({ pixelsPerSecond }) => pixelsPerSecond);
  const { pixelsPerSecond, hardware } = runs.reduce(faster);
  const spread = Math.max(...speeds) / Math.min(...speeds);
  const size = { height: (rungs[0] as Rung).height, pixelsPerSecond, hardware };
  return { codec, pixelsPerSecond, hardware, sizes: [size], encoders: rungs.length, spread };
}

/**
 * Measures where it is called, which should be the worker that will do the work. Where there is hardware it runs against
 * software, and the faster one is what this device offers. Throws what transcoding throws.
 */
export async function measureHere(
  codec: CodecName,
  { signal, progress }: Waits,
): Promise<Measured> {
  const pan = new Pan(SOURCES.at(-1) as Size);
  const sizes: SpeedAt[] = [];
  let frames = 0;
  let spent = 0;
  for (const source of SOURCES) {
    const made = await clip(pan, source, signal);
    const rungs = defaultLadder(source);
    const run = async (acceleration: HardwareAcceleration) => {
      const waits = { signal, progress: (done: number) => progress(frames + done) };
      const speed = await speedOf(codec, made, rungs, acceleration, waits);
      frames += made.frames;
      spent += speed.ms;
      return speed;
    };
    let best = await run("prefer-hardware");
    // The first of all finds coders and code cold, and whatever the page is loading beside it.
    if (sizes.length === 0) best = faster(best, await run("prefer-hardware"));
    if (best.hardware !== "sw")
      // Some phones have hardware only.
      best = await run("prefer-software").then(
        (software) => faster(best, software),
        () => {
          signal.throwIfAborted();
          return best;
        },
      );
    const { pixelsPerSecond, hardware } = best;
    sizes.push({ height: (rungs[0] as Rung).height, pixelsPerSecond, hardware });
    if (spent > ENOUGH_MS) break;
  }
  const { pixelsPerSecond, hardware } = sizes.at(-1) as SpeedAt;
  const acceleration = hardware === "hw" ? "prefer-hardware" : "prefer-software";
  const encoders = await encodersAtOnce(codec, acceleration, pan, signal);
  return { codec, pixelsPerSecond, hardware, sizes, encoders };
}
