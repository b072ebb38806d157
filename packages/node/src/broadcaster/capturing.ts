import type { inspect, Source } from "@tabcast/media";
import { CodedError } from "@tabcast/runtime";
import type { StreamContext } from "./context.ts";
import { capture, type Segment } from "./delivery.ts";
import type { Meter } from "./meter.ts";

export interface CapturingOptions {
  readonly source: Source;
  readonly inspect: typeof inspect;
  readonly meter: Pick<Meter, "captured">;
  /** Takes a segment, begun or complete. */
  readonly take: (segment: Segment) => void;
  /** Resolves when the source may open one more than `opened` segments. */
  readonly room: (opened: number) => Promise<unknown>;
  /** A segment could not be completed. */
  readonly fail: (error: unknown) => void;
}

/** Takes the segments of a source one after the other, and counts those that were completed. */
export interface Capturing {
  /** Resolves when the source has ended; rejects with what ended it badly, or the signal's reason. */
  run(): Promise<void>;
  /** Resolves once all that was opened is complete and counted, or never will be. */
  counted(): Promise<void>;
  /** Whole segments from the first one on, which is what is published in the end, and their media time. */
  counts(): { readonly captured: number; readonly mediaUs: number };
}

export function openCapturing(
  context: Pick<StreamContext, "clock" | "on" | "signal">,
  { source, inspect: read, meter, take, room, fail }: CapturingOptions,
): Capturing {
  const { on, signal } = context;
  let captured = 0;
  let mediaUs = 0;
  let counting: Promise<void> = Promise.resolve();

  const count = async (segment: Segment) => {
    const { seq, video, duration, audio } = await segment.closed;
    meter.captured(video.init.byteLength + video.media.byteLength);
    on({ type: "captured", seq, bytes: video.media.byteLength, frames: video.frames });
    await audio;
    captured = seq + 1;
    mediaUs += duration;
  };

  return {
    async run() {
      for await (const opening of source.openings({ signal })) {
        const segment = await capture(context, opening, { inspect: read });
        counting = counting.then(() => count(segment));
        counting.catch((error: unknown) => {
          // Closed by its owner: the stream ends with what is whole.
          if (!(error instanceof CodedError && error.code === "MEDIA_CLOSED")) fail(error);
        });
        if (opening.complete) await segment.closed;
        take(segment);
        await room(opening.seq + 1);
      }
    },
    counted: () => counting.catch(() => {}),
    counts: () => ({ captured, mediaUs }),
  };
}
