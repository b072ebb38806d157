import type { BitsPerSecond } from "@tabcast/runtime";
import { codecString } from "../codecs.ts";
import { MediaError } from "../errors.ts";
import { Feed, lengthOf, sourceOf, within } from "../source/source.ts";
import type { SourcePlan } from "../source/source.worker.ts";
import type { Source, SourceInfo, SourceOptions } from "../types.ts";
import type { CaptureAsk, CaptureTell, Skip } from "./capture.ts";

/** A camera, a screen, a tab or a canvas. */
export interface CaptureOptions extends SourceOptions {
  /** For the report: "camera", "screen", "tab". Default: from the track's settings. */
  readonly kind?: string;
  /** Of the stream, in pixels, for ever; made even. Default: the track's own, or 1280x720 where it does not say. */
  readonly size?: { readonly width: number; readonly height: number };
  /** Frames per second of the constant grid, 1 to 60. Default: the track's own rate, at most 30. */
  readonly frameRate?: number;
  /** Bits per second of its video. Default 0.1 for each pixel of each frame, at least 400 kbit/s. */
  readonly bitrate?: BitsPerSecond;
  /**
   * "always": the stream has sound, stereo at 48 kHz, even while no audio track is on, so that one can come later.
   * Default "as given": as the first audio track is, or none.
   */
  readonly sound?: "always" | "as given";
  /**
   * What happens when the video track ends by itself, because a camera is unplugged or a share is stopped: "end" ends
   * the stream, "card" goes on with a card until `replace` or `stop`. Default "end".
   */
  readonly lost?: "end" | "card";
  /** Called after each change of `state`. */
  readonly onState?: (state: CaptureState) => void;
}

/**
 * How one part of a capture is doing. "paused": by us. "muted": the device or the browser gives nothing for now. "lost":
 * it ended by itself. "none": there is no track.
 */
export type PartState = "live" | "paused" | "muted" | "lost" | "none";

/** How a capture is doing. */
export interface CaptureState {
  readonly picture: PartState;
  readonly sound: PartState;
  /** The page is not seen. The stream goes on, since all its work is in a worker. */
  readonly hidden: boolean;
  /** The last time that was left out of the stream, and when it was noticed, in Unix milliseconds. */
  readonly skipped?: Skip & { readonly at: number };
}

/** Tracks to go over to. What is left out stays; null turns the sound off. */
export interface Tracks {
  readonly video?: MediaStreamTrack;
  readonly audio?: MediaStreamTrack | null;
}

/** A capture that runs. */
export interface Capture extends Source {
  /** The tracks that are on now: the same stream all along. */
  readonly preview: MediaStream;
  readonly state: CaptureState;
  /**
   * Goes over to other tracks on the same timeline and at the same size; a picture of another shape gets bars. The
   * tracks before are stopped. Throws MEDIA_NO_VIDEO for a video track that has ended.
   */
  replace(tracks: Tracks): void;
  /** Hides the picture behind a card, or silences the sound, and takes that back. The devices stay open. */
  pause(parts: { readonly picture?: boolean; readonly sound?: boolean }): void;
}

/** Chromium's; not in TypeScript's DOM types. */
declare class MediaStreamTrackProcessor<T> {
  constructor(init: { track: MediaStreamTrack; maxBufferSize?: number });
  readonly readable: ReadableStream<T>;
}

/** Largest picture that a capture makes, in pixels; a larger screen is scaled down. */
const LARGEST = { width: 3840, height: 2160 };
/** Sound that any device can be brought to. */
const ANY_SOUND = { sampleRate: 48_000, channels: 2 };

/**
 * Live segments of a stream's first video track and, if it has one, its first audio track. Frames are put on a constant
 * grid. `close` stops the tracks that are on. Throws MEDIA_NO_VIDEO or MEDIA_OPTION.
 */
export function openCapture(stream: MediaStream, options: CaptureOptions = {}): Capture {
  const segment = lengthOf(options);
  const [track] = stream.getVideoTracks();
  if (!track) throw noVideo("has no video track");
  const [heard] = stream.getAudioTracks();
  const { sound = "as given", lost = "end" } = options;
  const line = sound === "always" ? ANY_SOUND : heard && soundOf(heard);
  const settings = track.getSettings();
  const frameRate =
    options.frameRate ?? Math.min(30, Math.max(1, Math.round(settings.frameRate || 30)));
  within("frameRate", frameRate, 1, 60, 1);
  const { width, height } = sizeOf(options.size ?? settings);
  const bitrate =
    options.bitrate ?? Math.max(400_000, Math.round(0.1 * width * height * frameRate));
  const { port1: control, port2 } = new MessageChannel();
  const video = picturesOf(track);
  const audio = heard && soundsOf(heard);
  const plan: SourcePlan = {
    kind: "capture",
    width,
    height,
    frameRate,
    bitrate,
    segment,
    lost,
    video,
    control: port2,
    ...(audio ? { audio } : {}),
    ...(line ? { sound: line } : {}),
  };
  const feed = new Feed(plan, [video, port2, ...(audio ? [audio] : [])]);
  const info: SourceInfo = {
    kind: options.kind ?? (settings.displaySurface ? "screen" : "camera"),
    codec: codecString("avc", { width, height, bitrate }, frameRate),
    width,
    height,
    frameRate,
    bitrate: bitrate as BitsPerSecond,
    passthrough: false,
    ...(line ? { audioCodec: "opus" } : {}),
    input: { videoCodec: "raw", ...(line ? { audioCodec: "pcm" } : {}) },
  };
  const stage = new Stage(stream, control, options.onState);
  return {
    ...sourceOf(feed, info, () => stage.close()),
    preview: stream,
    get state() {
      return stage.state;
    },
    replace: (tracks) => stage.replace(tracks),
    pause: (parts) => stage.pause(parts),
  };
}

/** The tracks of a capture in the page, and what they are doing. */
class Stage {
  readonly #stream: MediaStream;
  readonly #control: MessagePort;
  readonly #onState: (state: CaptureState) => void;
  readonly #closing = new AbortController();
  /** Ends the listening to the tracks that are on. */
  #watching = new AbortController();
  readonly #paused = { picture: false, sound: false };
  #skipped: CaptureState["skipped"];
  state: CaptureState;

  constructor(
    stream: MediaStream,
    control: MessagePort,
    onState: (state: CaptureState) => void = () => {},
  ) {
    this.#stream = stream;
    this.#control = control;
    this.#onState = onState;
    this.state = this.#look();
    control.onmessage = ({ data }: MessageEvent<CaptureTell>) => {
      if ("skipped" in data) this.#skipped = { ...data.skipped, at: Date.now() };
      this.#tell();
    };
    const { signal } = this.#closing;
    document.addEventListener("visibilitychange", () => this.#tell(), { signal });
    this.#watch();
  }

  replace({ video, audio }: Tracks): void {
    if (video) {
      const readable = picturesOf(video);
      this.#ask({ video: readable }, [readable]);
      this.#swap(this.#stream.getVideoTracks(), video);
    }
    if (audio !== undefined) {
      const readable = audio ? soundsOf(audio) : undefined;
      this.#ask({ audio: readable }, readable ? [readable] : []);
      this.#swap(this.#stream.getAudioTracks(), audio ?? undefined);
    }
    this.#enable();
    this.#watch();
    this.#tell();
  }

  pause({ picture = this.#paused.picture, sound = this.#paused.sound }): void {
    if (picture !== this.#paused.picture) this.#ask({ covered: picture });
    Object.assign(this.#paused, { picture, sound });
    this.#enable();
    this.#tell();
  }

  close(): void {
    this.#closing.abort();
    this.#watching.abort();
    this.#control.close();
    for (const track of this.#stream.getTracks()) track.stop();
  }

  #ask(ask: CaptureAsk, transfer: Transferable[] = []): void {
    this.#control.postMessage(ask, transfer);
  }

  #swap(before: readonly MediaStreamTrack[], after: MediaStreamTrack | undefined): void {
    if (after && !before.includes(after)) this.#stream.addTrack(after);
    for (const track of before) {
      if (track === after) continue;
      this.#stream.removeTrack(track);
      track.stop();
    }
  }

  /** A paused track is disabled as well, so that nothing of it leaves the device's process. */
  #enable(): void {
    for (const track of this.#stream.getVideoTracks()) track.enabled = !this.#paused.picture;
    for (const track of this.#stream.getAudioTracks()) track.enabled = !this.#paused.sound;
  }

  #watch(): void {
    this.#watching.abort();
    this.#watching = new AbortController();
    const { signal } = this.#watching;
    for (const track of this.#stream.getTracks())
      for (const event of ["ended", "mute", "unmute"])
        track.addEventListener(event, () => this.#tell(), { signal });
  }

  #look(): CaptureState {
    return {
      picture: partOf(this.#stream.getVideoTracks()[0], this.#paused.picture),
      sound: partOf(this.#stream.getAudioTracks()[0], this.#paused.sound),
      hidden: document.visibilityState === "hidden",
      ...(this.#skipped ? { skipped: this.#skipped } : {}),
    };
  }

  #tell(): void {
    if (this.#closing.signal.aborted) return;
    this.state = this.#look();
    this.#onState(this.state);
  }
}

/** How a track is doing that we may have paused. */
export function partOf(track: MediaStreamTrack | undefined, paused: boolean): PartState {
  if (!track) return "none";
  if (track.readyState === "ended") return "lost";
  if (paused) return "paused";
  return track.muted ? "muted" : "live";
}

function picturesOf(track: MediaStreamTrack): ReadableStream<VideoFrame> {
  if (track.readyState === "ended") throw noVideo("has a video track that has ended");
  // A few frames of buffer bridge a stall of the worker; more would only be latency.
  return new MediaStreamTrackProcessor<VideoFrame>({ track, maxBufferSize: 8 }).readable;
}

const soundsOf = (track: MediaStreamTrack): ReadableStream<AudioData> =>
  new MediaStreamTrackProcessor<AudioData>({ track, maxBufferSize: 100 }).readable;

function soundOf(track: MediaStreamTrack) {
  const { sampleRate = ANY_SOUND.sampleRate, channelCount = 1 } = track.getSettings();
  return { sampleRate, channels: Math.min(2, channelCount) };
}

/** Even, and no larger than what the engine takes, in the track's own shape. */
function sizeOf({ width = 1280, height = 720 }: MediaTrackSettings) {
  const scale = Math.min(1, LARGEST.width / width, LARGEST.height / height);
  const even = (side: number) => {
    const scaled = Math.round(side * scale);
    return Math.max(64, scaled - (scaled % 2));
  };
  return { width: even(width), height: even(height) };
}

const noVideo = (what: string) =>
  new MediaError({ code: "MEDIA_NO_VIDEO" }, `the captured stream ${what}`);
