import { MediaError } from "../errors.ts";
import { alone, Caller } from "../port.ts";
import type {
  CodecName,
  Measured,
  TranscodeOptions,
  TranscodeRequest,
  TranscodeResult,
  Transcoder,
} from "../types.ts";
import { checkRequest } from "./transcode.ts";
import type { WorkCall, WorkNews, WorkResult } from "./transcode.worker.ts";

const openWorker = () =>
  new Caller<WorkCall, WorkNews, WorkResult>(
    new Worker(new URL("./transcode.worker.ts", import.meta.url), { type: "module" }),
  );

export interface TranscoderOptions {
  /** What `measure` found, so that the faster of hardware and software is used. Default: the browser chooses. */
  readonly measured?: readonly Measured[];
}

/** The faster coder for a request of this codec and size, as measured. */
function accelerationOf(
  { codec, rungs }: TranscodeRequest,
  measured: readonly Measured[],
): HardwareAcceleration {
  const sizes = measured.find((each) => each.codec === codec)?.sizes ?? [];
  const height = Math.max(...rungs.map((rung) => Math.min(rung.width, rung.height)));
  const size = sizes.find((each) => each.height >= height) ?? sizes.at(-1);
  if (size === undefined || size.hardware === "unknown") return "no-preference";
  return size.hardware === "hw" ? "prefer-hardware" : "prefer-software";
}

/**
 * A dedicated worker that turns segments into renditions. The request's bytes are copied unless `transfer` names their
 * buffers, since the caller keeps them; the renditions are moved. Rejects with MediaError, or with the signal's reason
 * on abort; either way a stream is cancelled.
 */
export function createTranscoder({ measured = [] }: TranscoderOptions = {}): Transcoder {
  const worker = openWorker();
  return {
    transcode: async (request, options) =>
      transcode(worker, { acceleration: accelerationOf(request, measured), ...request }, options),
    close: () => worker.close(),
  };
}

async function transcode(
  worker: Caller<WorkCall, WorkNews, WorkResult>,
  request: TranscodeRequest,
  { signal, progress, made, transfer = [] }: TranscodeOptions,
): Promise<TranscodeResult> {
  try {
    checkRequest(request); // before the bytes are copied to the worker
  } catch (error) {
    const { media } = request;
    if (media instanceof ReadableStream && !media.locked) void media.cancel(error);
    throw error;
  }
  const moved: Transferable[] = [...transfer];
  const own = (bytes: Uint8Array<ArrayBuffer>) =>
    transfer.includes(bytes.buffer) ? bytes : alone(bytes);
  const over = new AbortController();
  let { media } = request;
  let led: Promise<unknown> | undefined;
  if (media instanceof ReadableStream) {
    // Led through the page, so that the caller's stream is cancelled also when the worker is gone.
    const { readable, writable } = new TransformStream<Uint8Array<ArrayBuffer>>();
    led = media.pipeTo(writable, { signal: over.signal }).catch((error: unknown) => error);
    media = readable;
    moved.push(readable);
  } else media = own(media);
  try {
    const answer = await worker.call(
      {
        do: "transcode",
        request: { ...request, init: own(request.init), media },
        early: made !== undefined,
      },
      {
        signal,
        transfer: moved,
        news: (news) => (typeof news === "number" ? progress?.(news) : made?.(news)),
      },
    );
    if (answer.done !== "transcode") throw new TypeError("the worker answered another call");
    return answer.result;
  } catch (error) {
    // The worker knows only the text of what the caller's stream threw.
    if (error instanceof MediaError && error.code === "MEDIA_INPUT")
      throw new MediaError(error.reason, error.message, { cause: await led });
    throw error;
  } finally {
    over.abort(new MediaError({ code: "MEDIA_CLOSED" }, "the transcoder reads no further"));
  }
}

/**
 * Measures this device for about a second: decodes clips made here of 360p, 480p and 1080p and encodes their ladders,
 * through the code that does the work, and then opens encoders until no more will work. `progress` is told the frames
 * done so far. `brief`: the smallest of these alone, for a second look at a device that is idle. Rejects with MediaError or the
 * signal's reason.
 */
export async function measure({
  codec,
  brief = false,
  signal,
  progress,
}: {
  readonly codec: CodecName;
  readonly brief?: boolean;
  readonly signal: AbortSignal;
  readonly progress?: (frames: number) => void;
}): Promise<Measured> {
  const worker = openWorker();
  try {
    const answer = await worker.call(
      { do: "measure", codec, brief },
      { signal, news: (news) => typeof news === "number" && progress?.(news) },
    );
    if (answer.done !== "measure") throw new TypeError("the worker answered another call");
    return answer.result;
  } finally {
    worker.close();
  }
}
