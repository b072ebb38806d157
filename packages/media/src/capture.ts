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
  /** What the audio track says of itself: hertz, and 1 or 2. */
  readonly sampleRate: number;
  readonly channels: number;
}

const TICKS_PER_FRAME = 512;
/** A grid slot this much later than its frame is filled with the frame before it, in milliseconds: a still screen sends none. */
const LATE_MS = 200;
/** Audio that has not come this long after its video is not waited for, in milliseconds. */
const AUDIO_MS = 500;
/** How long both clocks are watched before the first frame counts, in milliseconds. */
const WARM_MS = 250;

const nowMicros = () => performance.now() * 1000;

/**
 * Puts a track's timestamps on this worker's clock. Chromium stamps video and audio from different origins (measured: 50
 * minutes apart), so what they share is when they come; the quickest arrival so far has the least delay in it.
 */
class TrackClock {
  #offset = Number.POSITIVE_INFINITY;

  /** Microseconds on this worker's clock of a timestamp that arrived now. */
  seen(timestamp: number): number {
    this.#offset = Math.min(this.#offset, nowMicros() - timestamp);
    return timestamp + this.#offset;
  }
}

/** Encodes and cuts the tracks until the video ends or `stop`. */
export async function playCapture(plan: CapturePlan, { outlet, stop }: Studio): Promise<void> {
  const { width, height, frameRate, bitrate, segment } = plan;
  const timescale = frameRate * TICKS_PER_FRAME;
  const cutter = new Cutter(
    { width, height, bitrate, frameRate, timescale },
    (segment * timescale) / 1e6,
  );
  const sound = plan.audio ? new OpusLine() : undefined;
  const heard = plan.audio?.getReader();
  const frames = plan.video.getReader();
  const [videoClock, audioClock] = [new TrackClock(), new TrackClock()];
  const warm = nowMicros() + WARM_MS * 1000;
  /** When slot 0 begins on this worker's clock, and Unix milliseconds then. */
  let origin: number | undefined;
  let originUnix = 0;
  /** The grid slot that the next frame fills. */
  let next = 0;
  let held: VideoFrame | undefined;
  let failure: unknown;
  let audioEnded = heard === undefined;
  let hear = () => {};

  const soundUntil = async (end: number, last: boolean) => {
    if (!sound) return undefined;
    const enough = end + 0.06;
    const patience = setTimeout(() => hear(), AUDIO_MS);
    const until = performance.now() + AUDIO_MS;
    while (!audioEnded && sound.written < enough && performance.now() < until)
      await new Promise<void>((resolve) => {
        hear = resolve;
      });
    clearTimeout(patience);
    if (failure !== undefined) throw failure;
    // A microphone that is slow to start, muted or unplugged leaves silence, not a hole.
    sound.open(plan.sampleRate, plan.channels);
    if (sound.written < enough) sound.silence(enough);
    if (last) await sound.finish();
    else await sound.reached(end);
    return sound.take(end);
  };
  const leave = ({ start, end, video }: VideoCut, last: boolean) => {
    const from = microsOf(start, timescale);
    return outlet.emit({
      start: from,
      end: microsOf(end, timescale),
      capturedAt: originUnix + from / 1000,
      video,
      ...(sound ? { audio: () => soundUntil(end / timescale, last) } : {}),
    });
  };
  const put = async (frame: VideoFrame) => {
    const done = await cutter.add(frame, next * TICKS_PER_FRAME);
    next++;
    if (done) await leave(done, false);
  };
  const listen = async () => {
    for (;;) {
      const { value, done } = (await heard?.read()) ?? { done: true };
      if (done || !value) return;
      const at = audioClock.seen(value.timestamp);
      if (origin === undefined) value.close();
      else sound?.add(value, (at - origin) / 1e6);
      hear();
    }
  };
  listen()
    .catch((error: unknown) => {
      failure ??= error;
    })
    .finally(() => {
      audioEnded = true;
      hear();
    });
  const begin = () => {
    origin = nowMicros();
    originUnix = Date.now();
  };
  /** The slot of the moment `at`, which may lie before the first. */
  const slotOf = (at: number) => Math.round(((at - (origin ?? at)) * frameRate) / 1e6);
  try {
    let coming = frames.read();
    for (;;) {
      if (failure !== undefined) throw failure;
      if (origin === undefined && held && nowMicros() >= warm) begin();
      if (stop.aborted && cutter.isBorder(next * TICKS_PER_FRAME)) break;
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<undefined>((resolve) => {
        const wait = origin === undefined ? WARM_MS : LATE_MS;
        timer = setTimeout(() => resolve(undefined), wait);
      });
      const got = await Promise.race([coming, late]);
      clearTimeout(timer);
      if (!got) {
        // Nothing came: the picture stands still, and time does not.
        if (origin !== undefined)
          while (held && next <= slotOf(nowMicros() - LATE_MS * 1000)) await put(held.clone());
        continue;
      }
      if (got.done) break;
      coming = frames.read();
      const at = videoClock.seen(got.value.timestamp);
      const slot = origin === undefined ? -1 : slotOf(at);
      while (held && next < slot) await put(held.clone());
      held?.close();
      held = got.value;
      // A frame whose slot is taken is shown only if the next slot gets none of its own.
      if (slot >= next) await put(held.clone());
    }
    const rest = cutter.cut(next * TICKS_PER_FRAME);
    if (rest) await leave(rest, true);
    await outlet.finish();
  } finally {
    held?.close();
    cutter.close();
    sound?.close();
    hear();
    void frames.cancel().catch(() => {});
    void heard?.cancel().catch(() => {});
  }
}
