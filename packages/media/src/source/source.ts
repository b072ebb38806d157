import type { BitsPerSecond, Micros } from "@tabcast/runtime";
import { MediaError, restoreError } from "../errors.ts";
import type { Opening, Source, SourceInfo, SourceOptions, SourceSegment } from "../types.ts";
import { Making, openedWhole } from "./opening.ts";
import type { Leaving } from "./outlet.ts";
import type { SourceAsk, SourcePlan, SourceTell } from "./source.worker.ts";
import { Watchdog } from "./watchdog.ts";

const LENGTH = { least: 500_000, most: 10_000_000, usual: 2_000_000 };

/** What waits for whom: segments for a reader, or a reader for them. */
export class Feed {
  readonly #worker: Worker;
  readonly #openings: Opening[] = [];
  /** Segments that have begun and are not complete, by sequence. */
  readonly #making = new Map<number, Making>();
  /** For files alone: they come from strangers. */
  readonly #watchdog: Watchdog | undefined;
  #info: SourceInfo | undefined;
  #ended = false;
  #error: MediaError | undefined;
  #wake = () => {};

  constructor(plan: SourcePlan, transfer: Transferable[]) {
    this.#worker = new Worker(new URL("./source.worker.ts", import.meta.url), { type: "module" });
    this.#worker.addEventListener("message", ({ data }: MessageEvent<SourceTell>) => {
      this.#watchdog?.heard();
      if ("awake" in data) return;
      if ("info" in data) {
        this.#info = data.info;
        this.#watchdog?.opened();
      } else if ("end" in data) this.#ended = true;
      else if ("error" in data) this.#fail(restoreError(data.error));
      else this.#take(data);
      this.#wake();
    });
    this.#worker.addEventListener("error", (event) => {
      event.preventDefault();
      const why = event.message || "its script could not be loaded";
      this.#fail(new MediaError({ code: "MEDIA_WORKER" }, `media worker failed: ${why}`));
      this.#wake();
    });
    this.#ask({ open: plan }, transfer);
    if (plan.kind === "file")
      this.#watchdog = new Watchdog({
        ask: () => this.#ask({ awake: true }),
        stuck: (seconds) => this.#stuck(plan.name, seconds),
      });
  }

  #ask(ask: SourceAsk, transfer: Transferable[] = []): void {
    this.#worker.postMessage(ask, transfer);
  }

  async #until(ready: () => boolean, signal: AbortSignal): Promise<void> {
    const wake = () => this.#wake();
    signal.addEventListener("abort", wake);
    try {
      while (!ready() && !signal.aborted && !this.#error)
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    } finally {
      signal.removeEventListener("abort", wake);
    }
  }

  async info(signal: AbortSignal): Promise<SourceInfo> {
    await this.#until(() => this.#info !== undefined, signal);
    signal.throwIfAborted();
    if (this.#info) return this.#info;
    throw this.#error;
  }

  /** Begins to make segments, up to the worker's bound ahead of their reader. May be called twice. */
  start(): void {
    this.#ask({ start: true });
  }

  async *openings(signal: AbortSignal): AsyncGenerator<Opening, void, void> {
    this.start();
    try {
      for (;;) {
        await this.#until(() => this.#openings.length > 0 || this.#ended, signal);
        if (signal.aborted) return;
        const opening = this.#openings.shift();
        if (opening) {
          this.#ask({ taken: true });
          yield opening;
        } else if (this.#error) {
          if (this.#error.code === "MEDIA_CLOSED") return;
          throw this.#error;
        } else return;
      }
    } finally {
      this.close();
    }
  }

  stop(): void {
    this.#ask({ stop: true });
  }

  close(): void {
    this.#watchdog?.close();
    this.#worker.terminate();
    this.#fail(new MediaError({ code: "MEDIA_CLOSED" }, "the source was closed"));
    this.#wake();
  }

  #stuck(name: string, seconds: number): void {
    this.#worker.terminate();
    this.#fail(
      new MediaError(
        { code: "MEDIA_STUCK", seconds },
        `${name} is damaged so that reading it did not get on in ${seconds} s`,
      ),
    );
    this.#wake();
  }

  #take(leaving: Leaving): void {
    if ("segment" in leaving)
      this.#openings.push(openedWhole(leaving.segment, this.#info?.frameRate));
    else if ("begun" in leaving) {
      const making = new Making(leaving.begun);
      this.#making.set(leaving.begun.seq, making);
      this.#openings.push(making.opening);
    } else {
      this.#making.get(leaving.of)?.take(leaving);
      if ("sound" in leaving) this.#making.delete(leaving.of);
    }
  }

  /** The first failure counts, also for every segment that is not complete. */
  #fail(error: MediaError): void {
    this.#error ??= error;
    for (const making of this.#making.values()) making.fail(this.#error);
    this.#making.clear();
  }
}

/** Each opening's segment once it is complete. Ends quietly on abort, also in the middle of one. */
async function* wholes(
  openings: AsyncIterable<Opening>,
  signal: AbortSignal,
): AsyncGenerator<SourceSegment, void, void> {
  let stop = () => {};
  const aborted = new Promise<undefined>((resolve) => {
    stop = () => resolve(undefined);
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    for await (const { whole } of openings) {
      const segment = await Promise.race([whole, aborted]);
      if (segment === undefined) return;
      yield segment;
    }
  } catch (error) {
    if (!(error instanceof MediaError && error.code === "MEDIA_CLOSED")) throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** A feed as its owner sees it. `ended` is called when it is closed. */
export function sourceOf(
  feed: Feed,
  info: SourceInfo,
  ended: () => void,
  preview?: MediaStream,
): Source {
  let read = false;
  const openings: Source["openings"] = ({ signal }) => {
    if (read) throw new TypeError("a source's segments can be read once");
    read = true;
    return feed.openings(signal);
  };
  return {
    info,
    openings,
    segments: (options) => wholes(openings(options), options.signal),
    stop: () => feed.stop(),
    ...(preview ? { preview } : {}),
    close: () => {
      feed.close();
      ended();
    },
  };
}

/** The segment length in microseconds. Throws MEDIA_OPTION outside 0.5 to 10 s. */
export function lengthOf({ segment = LENGTH.usual as Micros }: SourceOptions): number {
  if (!(segment >= LENGTH.least && segment <= LENGTH.most))
    throw new MediaError(
      { code: "MEDIA_OPTION", option: "segment", value: segment },
      `a segment of ${segment / 1e6} s; it must be 0.5 to 10 s`,
    );
  return segment;
}

/**
 * Opens a media file (MP4, MOV, WebM, MKV, MPEG-TS) as a source. Default pace: "fast". Rejects with MediaError: see
 * its codes; an abort rejects with the signal's reason.
 */
export async function openFile(
  blob: Blob,
  name: string,
  options: SourceOptions & { readonly signal: AbortSignal },
): Promise<Source> {
  const { pace = "fast", signal } = options;
  signal.throwIfAborted();
  const segment = lengthOf(options);
  const feed = new Feed({ kind: "file", blob, name, segment, pace }, []);
  const source = await settled(feed, signal);
  if (pace === "fast") feed.start(); // what must be encoded again is on its way while its owner hires and pays in
  return source;
}

async function settled(feed: Feed, signal: AbortSignal): Promise<Source> {
  try {
    return sourceOf(feed, await feed.info(signal), () => {});
  } catch (error) {
    feed.close();
    throw error;
  }
}

/** The built-in scene. Sizes in pixels. */
export interface SceneOptions extends SourceOptions {
  /** Even, 64 to 3840. Default 1280. */
  readonly width?: number;
  /** Even, 64 to 2160. Default 720. */
  readonly height?: number;
  /** Whole frames per second, 1 to 60. Default 25. */
  readonly frameRate?: number;
  /** Bits per second of its video. Default 0.17 for each pixel of each frame. */
  readonly bitrate?: BitsPerSecond;
  /** Ends after this much media. Default: never. */
  readonly duration?: Micros;
  readonly signal: AbortSignal;
}

/**
 * Opens a moving picture with a timecode, a frame number and a tone that beeps each second. The same seed (default 1)
 * draws the same frames. Default pace: "live". Throws MEDIA_OPTION.
 */
export async function openScene(options: SceneOptions): Promise<Source> {
  const { width = 1280, height = 720, frameRate = 25, seed = 1, pace = "live", signal } = options;
  signal.throwIfAborted();
  const segment = lengthOf(options);
  within("width", width, 64, 3840, 2);
  within("height", height, 64, 2160, 2);
  within("frameRate", frameRate, 1, 60, 1);
  const { duration } = options;
  if (duration !== undefined && !(duration >= 1e6 / frameRate))
    throw new MediaError(
      { code: "MEDIA_OPTION", option: "duration", value: duration },
      `a scene of ${duration} us is shorter than one frame`,
    );
  const bitrate = options.bitrate ?? Math.round(0.17 * width * height * frameRate);
  const plan: SourcePlan = {
    kind: "scene",
    width,
    height,
    frameRate,
    seed,
    bitrate,
    segment,
    pace,
    ...(duration === undefined ? {} : { duration }),
  };
  return settled(new Feed(plan, []), signal);
}

/** Throws MEDIA_OPTION for a value outside its bounds. */
export function within(
  option: string,
  value: number,
  least: number,
  most: number,
  step: number,
): void {
  if (!(value >= least && value <= most && value % step === 0))
    throw new MediaError(
      { code: "MEDIA_OPTION", option, value },
      `${option} is ${value}; it must be ${least} to ${most} in steps of ${step}`,
    );
}
