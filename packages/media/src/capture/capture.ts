import { microsOf } from "../mp4/track.ts";
import { Cutter, type VideoCut } from "../source/encode.ts";
import type { Studio } from "../source/outlet.ts";
import { createCard } from "./card.ts";
import { Fitter } from "./fit.ts";
import { type Due, Grid, LATE, LONGEST_FILL } from "./grid.ts";
import { Listener } from "./listener.ts";
import { Viewfinder } from "./viewfinder.ts";

/** A capture to encode. Length in microseconds. */
export interface CapturePlan {
  readonly width: number;
  readonly height: number;
  readonly frameRate: number;
  readonly bitrate: number;
  readonly segment: number;
  readonly video: ReadableStream<VideoFrame>;
  readonly audio?: ReadableStream<AudioData>;
  /** What comes out as sound, whatever track is on: hertz, and 1 or 2; absent for a stream without. */
  readonly sound?: { readonly sampleRate: number; readonly channels: number };
  /** When a video track ends by itself: end the stream, or go on with a card until another one comes. */
  readonly lost: "end" | "card";
  /** Takes CaptureAsk, gives CaptureTell. */
  readonly control: MessagePort;
}

/** What the page says to a capture that runs. */
export type CaptureAsk =
  | { readonly video: ReadableStream<VideoFrame> }
  | { readonly audio: ReadableStream<AudioData> | undefined }
  /** Shows the card in place of the picture. */
  | { readonly covered: boolean };

/** Time that was left out of the stream, and why. */
export interface Skip {
  readonly seconds: number;
  /** "asleep": nothing ran here, because the computer or the tab slept. "busy": encoding could not keep up. */
  readonly why: "asleep" | "busy";
}

/** What a capture that runs says to the page. */
export type CaptureTell = { readonly skipped: Skip } | { readonly lost: "picture" | "sound" };

const TICKS_PER_FRAME = 512;
/** How long both clocks are watched before the first frame counts, in milliseconds. */
const WARM_MS = 250;
/** The wall clock is corrected in small steps all the time; one larger than this moves `capturedAt`, in milliseconds. */
const WALL_STEP_MS = 1_000;

const nowMicros = () => performance.now() * 1000;
const wallMs = () => Date.now() - performance.now();

/** Encodes and cuts whatever tracks are on, on one timeline, until the video ends or `stop`. */
export async function playCapture(plan: CapturePlan, { outlet, stop }: Studio): Promise<void> {
  const { width, height, frameRate, bitrate, segment, control } = plan;
  const timescale = frameRate * TICKS_PER_FRAME;
  const cutter = new Cutter(
    { width, height, bitrate, frameRate, timescale },
    (segment * timescale) / 1e6,
    outlet.opener((start) => originUnix + start / 1000),
  );
  const fitter = new Fitter(plan);
  const viewfinder = new Viewfinder(nowMicros);
  const card = createCard(width, height);
  /** Since slot 0 has its time. */
  let grid: Grid | undefined;
  /** Unix milliseconds of slot 0, had no time been left out; and as it was when the GOP in hand began. */
  let originUnix = 0;
  let gopOriginUnix = 0;
  let wall = wallMs();
  /** The frame that fills slots which get none of their own. */
  let held: VideoFrame | undefined;
  let covered = false;
  /** Slots that have gone to the encoder. */
  let filled = 0;

  const tell = (what: CaptureTell) => control.postMessage(what);
  const listener = plan.sound
    ? new Listener({
        ...plan.sound,
        now: nowMicros,
        place: (at) => (grid ? (at - grid.origin) / 1e6 : undefined),
      })
    : undefined;
  const hold = (frame: VideoFrame) => {
    held?.close();
    held = frame;
  };
  const leave = ({ start, end, video }: VideoCut, unix: number, last: boolean) => {
    const from = microsOf(start, timescale);
    return outlet.emit({
      start: from,
      end: microsOf(end, timescale),
      capturedAt: unix + from / 1000,
      video,
      ...(listener ? { audio: () => listener.until(end / timescale, last) } : {}),
    });
  };
  const begin = (at: number) => {
    grid = new Grid(frameRate, at);
    originUnix = Date.now() - (nowMicros() - at) / 1000;
  };
  const put = async (slot: number) => {
    if (!held) return;
    const time = slot * TICKS_PER_FRAME;
    const unix = gopOriginUnix;
    if (cutter.isBorder(time)) {
      fitter.newColour();
      gopOriginUnix = originUnix;
    }
    const done = await cutter.add(await fitter.fit(held.clone()), time);
    filled = slot + 1;
    if (done) await leave(done, unix, false);
  };
  const skip = (micros: number, why: Skip["why"]) => {
    originUnix += micros / 1000;
    tell({ skipped: { seconds: micros / 1e6, why } });
  };
  /** `capturedAt` follows the wall clock, which alone knows of a sleep that stopped the other one. */
  const checkWall = () => {
    const step = wallMs() - wall;
    if (Math.abs(step) < WALL_STEP_MS) return;
    wall += step;
    if (step * 1000 > LONGEST_FILL) skip(step * 1000, "asleep");
    else originUnix += step;
  };
  const ended = (slot: number) => stop.aborted && cutter.isBorder(slot * TICKS_PER_FRAME);
  /** Fills the slots that are due, the last with the frame that came if it has one. True if the stream ended with one. */
  const fill = async (due: (grid: Grid) => Due, why: Skip["why"], frame?: VideoFrame) => {
    if (!grid) return false;
    let slot = grid.next;
    const { repeats, own, skipped } = due(grid);
    if (skipped > 0) skip(skipped, why);
    for (const end = slot + repeats; slot < end; slot++) {
      if (ended(slot)) return true;
      await put(slot);
    }
    // A frame without a slot is shown if the next slot gets none of its own.
    if (frame) hold(frame);
    if (own && ended(slot)) return true;
    if (own) await put(slot);
    return false;
  };

  control.onmessage = ({ data }: MessageEvent<CaptureAsk>) => {
    if ("video" in data) viewfinder.look(data.video);
    else if ("audio" in data) listener?.listen(data.audio, () => tell({ lost: "sound" }));
    else {
      covered = data.covered;
      if (covered) hold(card.clone());
      viewfinder.nudge();
    }
  };
  viewfinder.look(plan.video);
  listener?.listen(plan.audio, () => tell({ lost: "sound" }));
  const warm = nowMicros() + WARM_MS * 1000;
  try {
    for (;;) {
      listener?.check();
      checkWall();
      if (grid && ended(grid.next)) break;
      const asked = nowMicros();
      const got = await viewfinder.next(grid ? LATE / 1000 : WARM_MS);
      const now = nowMicros();
      const why = now - asked > LONGEST_FILL ? "asleep" : "busy";
      if (got === "ended") {
        if (plan.lost === "end") break;
        tell({ lost: "picture" });
        hold(card.clone());
      } else if (got) {
        const { frame, at } = got;
        if (covered) frame.close();
        const shown = covered ? card.clone() : frame;
        if (!grid && now >= warm) begin(at);
        if (!grid) hold(shown);
        else if (await fill((lines) => lines.arrive(at), why, shown)) break;
      } else {
        if (!grid && held && now >= warm) begin(now);
        // Nothing came: the picture stands still, and time does not.
        if (await fill((lines) => lines.still(now), why)) break;
      }
    }
    const rest = cutter.cut(filled * TICKS_PER_FRAME);
    if (rest) await leave(rest, gopOriginUnix, true);
    await outlet.finish();
  } finally {
    control.close();
    held?.close();
    card.close();
    cutter.close();
    viewfinder.close();
    listener?.close();
  }
}
