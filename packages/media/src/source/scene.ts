import type { BitsPerSecond, Micros } from "@tabcast/runtime";
import { codecString } from "../codecs.ts";
import { microsOf } from "../mp4/track.ts";
import { OpusLine } from "../sound/audio.ts";
import { OPUS_RATE } from "../sound/opus.ts";
import type { SourceInfo } from "../types.ts";
import { Cutter, type EncodeSettings, type VideoCut } from "./encode.ts";
import type { Studio } from "./outlet.ts";
import { createScene, tone } from "./picture.ts";

/** A scene to play, every choice made. Length and duration in microseconds. */
export interface ScenePlan {
  readonly width: number;
  readonly height: number;
  readonly frameRate: number;
  readonly seed: number;
  readonly bitrate: number;
  readonly segment: number;
  readonly pace: "live" | "fast";
  readonly duration?: number;
}

const TICKS_PER_FRAME = 512;

const settingsOf = ({ width, height, bitrate, frameRate }: ScenePlan): EncodeSettings => ({
  width,
  height,
  bitrate,
  frameRate,
  timescale: Math.round(frameRate * TICKS_PER_FRAME),
});

/** What the scene is, before its first segment. */
export function sceneInfo(plan: ScenePlan): SourceInfo {
  const { width, height, frameRate, duration } = plan;
  const codec = codecString("avc", plan, frameRate);
  return {
    kind: "scene",
    codec,
    width,
    height,
    frameRate,
    bitrate: plan.bitrate as BitsPerSecond,
    ...(duration === undefined ? {} : { duration: duration as Micros }),
    passthrough: false,
    audioCodec: "opus",
    input: { videoCodec: "canvas", audioCodec: "pcm" },
  };
}

/** Draws, encodes and cuts the scene until its duration or `stop`. */
export async function playScene(plan: ScenePlan, { outlet, stop }: Studio): Promise<void> {
  const { frameRate, segment, pace, duration } = plan;
  const settings = settingsOf(plan);
  const scene = createScene(plan);
  const sound = new OpusLine();
  const origin = performance.now();
  const originUnix = Date.now();
  const cutter = new Cutter(
    settings,
    (segment * settings.timescale) / 1e6,
    outlet.opener((start) => originUnix + start / 1000),
  );
  const total = duration === undefined ? Number.POSITIVE_INFINITY : (duration * frameRate) / 1e6;
  const hear = async (end: number, last: boolean) => {
    let written = Math.round(sound.written * OPUS_RATE);
    // A packet past the border must be out before the border can be placed.
    const wanted = Math.round(end * OPUS_RATE) + (last ? 0 : 3 * 960);
    while (written < wanted) {
      const count = Math.min(OPUS_RATE / 10, wanted - written);
      sound.append(tone(written, count, OPUS_RATE), OPUS_RATE);
      written += count;
      await sound.drained(8);
    }
    if (last) await sound.finish();
    else await sound.reached(end);
    return sound.take(end);
  };
  const leave = ({ start, end, video }: VideoCut, last: boolean) => {
    const from = microsOf(start, settings.timescale);
    return outlet.emit({
      start: from,
      end: microsOf(end, settings.timescale),
      capturedAt: pace === "live" ? originUnix + from / 1000 : Date.now(),
      video,
      audio: () => hear(end / settings.timescale, last),
    });
  };
  try {
    let ended = false;
    for (let index = 0; index < total; index++) {
      if (pace === "live") {
        const wait = origin + (index * 1000) / frameRate - performance.now();
        if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      }
      const time = index * TICKS_PER_FRAME;
      // After `stop` the GOP in hand is finished, so its length is what every reader expects.
      if (stop.aborted && cutter.isBorder(time)) {
        ended = true;
        const rest = cutter.cut(time);
        if (rest) await leave(rest, true);
        break;
      }
      const frame = new VideoFrame(scene.draw(index), {
        timestamp: microsOf(time, settings.timescale),
        duration: Math.round(1e6 / frameRate),
      });
      const done = await cutter.add(frame, time);
      if (done) await leave(done, false);
    }
    const rest = ended ? undefined : cutter.cut(Math.ceil(total) * TICKS_PER_FRAME);
    if (rest) await leave(rest, true);
    await outlet.finish();
  } finally {
    cutter.close();
    sound.close();
  }
}
