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
export async function playCapture(plan: CapturePlan, studio: Studio): Promise<void> {
  const capture = new Capture(plan, studio);
  try {
    await capture.run();
  } finally {
    capture.close();
  }
}

class Capture {
  readonly #plan: CapturePlan;
  readonly #outlet: Studio["outlet"];
  readonly #stop: AbortSignal;
  readonly #timescale: number;
  readonly #cutter: Cutter;
  readonly #fitter: Fitter;
  readonly #viewfinder = new Viewfinder(nowMicros);
  readonly #listener: Listener | undefined;
  readonly #card: VideoFrame;
  /** Since slot 0 has its time. */
  #grid: Grid | undefined;
  /** Unix milliseconds of slot 0, had no time been left out; and as it was when the GOP under way began. */
  #originUnix = 0;
  #gopOriginUnix = 0;
  #wall = wallMs();
  /** The frame that fills slots which get none of their own. */
  #shown: VideoFrame | undefined;
  #covered = false;
  /** Slots that have gone to the encoder. */
  #filled = 0;

  constructor(plan: CapturePlan, { outlet, stop }: Studio) {
    const { width, height, frameRate, bitrate, segment, sound } = plan;
    this.#plan = plan;
    this.#outlet = outlet;
    this.#stop = stop;
    this.#timescale = frameRate * TICKS_PER_FRAME;
    this.#cutter = new Cutter(
      { width, height, bitrate, frameRate, timescale: this.#timescale },
      (segment * this.#timescale) / 1e6,
      outlet.opener((start) => this.#originUnix + start / 1000),
    );
    this.#fitter = new Fitter(plan);
    this.#card = createCard(width, height);
    const place = (at: number) => (this.#grid ? (at - this.#grid.origin) / 1e6 : undefined);
    this.#listener = sound && new Listener({ ...sound, now: nowMicros, place });
  }

  async run(): Promise<void> {
    const { control, video, audio } = this.#plan;
    control.onmessage = ({ data }: MessageEvent<CaptureAsk>) => this.#asked(data);
    this.#viewfinder.look(video);
    this.#listen(audio);
    const warm = nowMicros() + WARM_MS * 1000;
    for (;;) {
      this.#listener?.check();
      this.#checkWall();
      if (this.#grid && this.#ended(this.#grid.next)) break;
      if (await this.#next(warm)) break;
    }
    const rest = this.#cutter.cut(this.#filled * TICKS_PER_FRAME);
    if (rest) await this.#leave(rest, this.#gopOriginUnix, true);
    await this.#outlet.finish();
  }

  close(): void {
    this.#plan.control.close();
    this.#shown?.close();
    this.#card.close();
    this.#cutter.close();
    this.#viewfinder.close();
    this.#listener?.close();
  }

  #tell(what: CaptureTell): void {
    this.#plan.control.postMessage(what);
  }

  #listen(audio: ReadableStream<AudioData> | undefined): void {
    this.#listener?.listen(audio, () => this.#tell({ lost: "sound" }));
  }

  #asked(ask: CaptureAsk): void {
    if ("video" in ask) this.#viewfinder.look(ask.video);
    else if ("audio" in ask) this.#listen(ask.audio);
    else {
      this.#covered = ask.covered;
      if (ask.covered) this.#show(this.#card.clone());
      this.#viewfinder.nudge();
    }
  }

  /** Takes the next frame, or notices that none came. True if the stream ended with it; `warm` is when slot 0 may be. */
  async #next(warm: number): Promise<boolean> {
    const asked = nowMicros();
    const got = await this.#viewfinder.next(this.#grid ? LATE / 1000 : WARM_MS);
    const now = nowMicros();
    const why = now - asked > LONGEST_FILL ? "asleep" : "busy";
    if (got === "ended") {
      if (this.#plan.lost === "end") return true;
      this.#tell({ lost: "picture" });
      this.#show(this.#card.clone());
      return false;
    }
    if (got === undefined) {
      if (!this.#grid && this.#shown && now >= warm) this.#begin(now);
      // Nothing came: the picture stands still, and time does not.
      return this.#fill((lines) => lines.still(now), why);
    }
    const { frame, at } = got;
    if (this.#covered) frame.close();
    const shown = this.#covered ? this.#card.clone() : frame;
    if (!this.#grid && now >= warm) this.#begin(at);
    if (this.#grid) return this.#fill((lines) => lines.arrive(at), why, shown);
    this.#show(shown);
    return false;
  }

  #show(frame: VideoFrame): void {
    this.#shown?.close();
    this.#shown = frame;
  }

  #begin(at: number): void {
    this.#grid = new Grid(this.#plan.frameRate, at);
    this.#originUnix = Date.now() - (nowMicros() - at) / 1000;
  }

  /** Fills the slots that are due, the last with the frame that came if it has one. True if the stream ended with one. */
  async #fill(due: (grid: Grid) => Due, why: Skip["why"], frame?: VideoFrame): Promise<boolean> {
    if (!this.#grid) return false;
    let slot = this.#grid.next;
    const { repeats, own, skipped } = due(this.#grid);
    if (skipped > 0) this.#skip(skipped, why);
    for (const end = slot + repeats; slot < end; slot++) {
      if (this.#ended(slot)) return true;
      await this.#put(slot);
    }
    // A frame without a slot is shown if the next slot gets none of its own.
    if (frame) this.#show(frame);
    if (own && this.#ended(slot)) return true;
    if (own) await this.#put(slot);
    return false;
  }

  async #put(slot: number): Promise<void> {
    if (!this.#shown) return;
    const time = slot * TICKS_PER_FRAME;
    const unix = this.#gopOriginUnix;
    if (this.#cutter.isBorder(time)) {
      this.#fitter.newColour();
      this.#gopOriginUnix = this.#originUnix;
    }
    const done = await this.#cutter.add(await this.#fitter.fit(this.#shown.clone()), time);
    this.#filled = slot + 1;
    if (done) await this.#leave(done, unix, false);
  }

  #ended(slot: number): boolean {
    return this.#stop.aborted && this.#cutter.isBorder(slot * TICKS_PER_FRAME);
  }

  #leave({ start, end, video }: VideoCut, unix: number, last: boolean): Promise<void> {
    const listener = this.#listener;
    const from = microsOf(start, this.#timescale);
    return this.#outlet.emit({
      start: from,
      end: microsOf(end, this.#timescale),
      capturedAt: unix + from / 1000,
      video,
      ...(listener ? { audio: () => listener.until(end / this.#timescale, last) } : {}),
    });
  }

  #skip(micros: number, why: Skip["why"]): void {
    this.#originUnix += micros / 1000;
    this.#tell({ skipped: { seconds: micros / 1e6, why } });
  }

  /** `capturedAt` follows the wall clock, which alone knows of a sleep that stopped the other one. */
  #checkWall(): void {
    const step = wallMs() - this.#wall;
    if (Math.abs(step) < WALL_STEP_MS) return;
    this.#wall += step;
    if (step * 1000 > LONGEST_FILL) this.#skip(step * 1000, "asleep");
    else this.#originUnix += step;
  }
}
