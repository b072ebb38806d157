import { Admission } from "@tabcast/market";
import type { inspect, Rung, Transcoder } from "@tabcast/media";
import { Pixels } from "@tabcast/runtime";
import { holdBoth, openHolding } from "../holding.ts";
import type { StreamContext } from "./context.ts";
import { type Collected, hashes, type Segment } from "./delivery.ts";
import { framesOf, pixelsOf } from "./transcode/cost.ts";

type LocalContext = Pick<
  StreamContext,
  "rungs" | "codec" | "config" | "clock" | "segmentMs" | "secrets" | "signal"
>;

export interface LocalEncoderOptions {
  readonly transcoder: () => Transcoder;
  readonly inspect: typeof inspect;
}

export interface Made {
  readonly renditions: readonly Collected[];
  readonly encodeMs: number;
}

/** This tab's local encoder, the last resort: makes the lowest rungs that the time left allows, as measured here. */
export interface LocalEncoder {
  /** What the whole ladder of a segment takes, in milliseconds. */
  usualMs(): number;
  /**
   * Makes those of `rungs` that fit into `timeMs`, all where it is undefined, and names them to `chosen` before it begins. Where none fits
   * it makes the lowest all the same, or nothing where a worker makes others `beside` it. Throws MEDIA_* or the signal's reason.
   */
  encode(segment: Segment, options: EncodeOptions): Promise<Made>;
}

export interface EncodeOptions {
  /** Those to choose from. */
  readonly rungs: readonly Rung[];
  readonly timeMs: number | undefined;
  /** A worker makes the segment's other rungs. */
  readonly beside: boolean;
  readonly chosen: (rungs: readonly Rung[]) => void;
  /** Aborted where what is not made by then comes too late, or is not needed. */
  readonly signal: AbortSignal;
}

export const NOTHING: Made = { renditions: [], encodeMs: 0 };

export function openLocalEncoder(
  { rungs, codec, config, clock, segmentMs, secrets, signal }: LocalContext,
  options: LocalEncoderOptions,
): LocalEncoder {
  const holding = openHolding(secrets);
  let transcoder: Transcoder | undefined;
  // Both are replaced by what is measured.
  let usualMs = 0.75 * segmentMs;
  let pixelsPerS = Pixels.rate(rungs, 30);
  signal.addEventListener("abort", () => transcoder?.close(), { once: true });

  return {
    usualMs: () => usualMs,
    async encode(segment, { rungs: among, timeMs, beside, chosen, signal: stop }) {
      const { init, captured, frameRate } = segment;
      const own: Admission.Own = { pixelsPerS, frames: framesOf(segment), timeMs };
      const mine = beside ? Admission.beside(among, own) : Admission.alone(among, own);
      if (mine.length === 0) return NOTHING;
      const media = captured?.video.media ?? segment.media();
      const startedAt = clock.now();
      transcoder ??= options.transcoder();
      const speed = (ms: number) => (pixelsOf(segment, mine) * 1_000) / Math.max(1, ms);
      chosen(mine);
      const waits = { signal: stop };
      try {
        const request = { init, media, codec, rungs: mine, frameRate, stream: "own" };
        const result = await transcoder.transcode(request, waits);
        // Of one that was still being made, waiting for its bytes is no part.
        const took = captured === undefined ? result.encodeMs : clock.now() - startedAt;
        const share = Pixels.perFrame(mine) / Pixels.perFrame(rungs);
        usualMs += config.alpha * (took / share - usualMs);
        pixelsPerS += config.alpha * (speed(took) - pixelsPerS);
        const renditions = await Promise.all(
          result.renditions.map(async (rendition) => ({
            ...rendition,
            ...(await hashes(
              await holdBoth(holding, rendition, { seq: segment.seq, track: rendition.rung }),
            )),
            structure: await options.inspect(rendition, waits),
          })),
        );
        return { renditions, encodeMs: Math.round(result.encodeMs) };
      } catch (error) {
        // Cut off before it was done: it would have taken longer still, so the next time fewer rungs are tried. Beside a worker part of that
        // time may have gone by without bytes, so it says less.
        const slower = Math.min(pixelsPerS, speed(clock.now() - startedAt));
        if (stop.aborted && beside) pixelsPerS += config.alpha * (slower - pixelsPerS);
        else if (stop.aborted && captured !== undefined) pixelsPerS = slower;
        throw error;
      }
    },
  };
}
