import { OpusLine } from "./audio.ts";
import { Cutter, type VideoCut } from "./encode.ts";
import type { Studio } from "./outlet.ts";
import { microsOf } from "./transcode.ts";

/** A capture to encode. Length in microseconds. */
export interface CapturePlan {
  readonly width: number;
  readonly height: number;
  readonly frameRate: number;
  readonly bitrate: number;
  readonly segment: number;
  readonly video: ReadableStream<VideoFrame>;
  readonly audio?: ReadableStream<AudioData>;
}

const TICKS_PER_FRAME = 512;
/** A grid slot this much later than its frame is filled with the frame before it, in milliseconds: a still screen sends none. */
const LATE_MS = 200;
/** Audio that has not come this long after its video is not waited for, in milliseconds. */
const AUDIO_MS = 500;

/** Encodes and cuts the tracks until the video ends or `stop`. */
export async function playCapture(plan: CapturePlan, { outlet, stop }: Studio): Promise<void> {
  const { width, height, frameRate, bitrate, segment } = plan;
  const timescale = frameRate * TICKS_PER_FRAME;
  const cutter = new Cutter(
    { width, height, bitrate, frameRate, timescale },
    (segment * timescale) / 1e6,
  );
  const sound = plan.audio ? new OpusLine() : undefined;
  const heard = sound && plan.audio ? plan.audio.getReader() : undefined;
  const frames = plan.video.getReader();
  /** Stream time of the first frame in microseconds, and when it came. */
  let origin: number | undefined;
  let originUnix = 0;
  let originNow = 0;
  let next = 0;
  let held: VideoFrame | undefined;
  let failure: unknown;
  let audioEnded = heard === undefined;

  const hear = async (end: number, last: boolean) => {
    if (!sound) return undefined;
    const patience = performance.now() + AUDIO_MS;
    while (!audioEnded && sound.written < end + 0.06 && performance.now() < patience)
      await new Promise((resolve) => setTimeout(resolve, 10));
    // A microphone that was muted or unplugged leaves silence, not a hole.
    if (sound.written > 0 && sound.written < end + 0.06) sound.silence(end + 0.06);
    if (last) await sound.finish();
    else if (sound.written > 0) await sound.reached(end);
    return sound.take(end);
  };
  const leave = ({ start, end, video }: VideoCut, last: boolean) => {
    const from = microsOf(start, timescale);
    return outlet.emit({
      start: from,
      end: microsOf(end, timescale),
      capturedAt: originUnix + from / 1000,
      video,
      ...(sound ? { audio: () => hear(end / timescale, last) } : {}),
    });
  };
  const put = async (frame: VideoFrame) => {
    const done = await cutter.add(frame, next * TICKS_PER_FRAME);
    next++;
    if (done) await leave(done, false);
  };
  const listen = async () => {
    if (!heard || !sound) return;
    for (;;) {
      const { value, done } = await heard.read();
      if (done) break;
      if (origin === undefined) value.close();
      else sound.add(value, (value.timestamp - origin) / 1e6);
    }
    audioEnded = true;
  };
  listen().catch((error: unknown) => {
    failure ??= error;
    audioEnded = true;
  });
  const slotNow = () => Math.floor(((performance.now() - originNow - LATE_MS) * frameRate) / 1000);
  try {
    let coming = frames.read();
    let ended = false;
    while (!ended) {
      if (failure !== undefined) throw failure;
      if (stop.aborted && cutter.isBorder(next * TICKS_PER_FRAME)) break;
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<undefined>((resolve) => {
        timer = setTimeout(() => resolve(undefined), LATE_MS);
      });
      const got = await Promise.race([coming, late]);
      clearTimeout(timer);
      if (got === undefined) {
        // Nothing came: the picture stands still, and time does not.
        while (held && next <= slotNow()) await put(held.clone());
        continue;
      }
      if (got.done) {
        ended = true;
        break;
      }
      const frame = got.value;
      coming = frames.read();
      if (origin === undefined) {
        origin = frame.timestamp;
        originUnix = Date.now();
        originNow = performance.now();
      }
      const slot = Math.round(((frame.timestamp - origin) * frameRate) / 1e6);
      if (slot < next - 1) {
        frame.close(); // its slot and the one after it are taken
        continue;
      }
      while (held && next < slot) await put(held.clone());
      held?.close();
      held = frame.clone();
      if (slot >= next) await put(frame);
      else frame.close();
    }
    const rest = cutter.cut(next * TICKS_PER_FRAME);
    if (rest) await leave(rest, true);
    await outlet.finish();
  } finally {
    held?.close();
    cutter.close();
    sound?.close();
    void frames.cancel().catch(() => {});
    void heard?.cancel().catch(() => {});
  }
}
