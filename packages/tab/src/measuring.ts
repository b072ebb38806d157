import type { CodecName, Measured } from "@tabcast/media";
import type { Clock } from "@tabcast/runtime";
import type { Media } from "./outside.ts";

/** How far the check of a device is. */
export interface CheckEvent {
  readonly type: "check";
  readonly codec: CodecName;
  readonly frames: number;
  /** Of `steps`, counted from 1. */
  readonly step: number;
  readonly steps: number;
}

export interface MeasuringOptions {
  readonly media: Pick<Media, "measure">;
  readonly clock: Clock;
  /** Codecs to measure, best first. */
  readonly codecs: readonly CodecName[];
  /** Milliseconds after which no further codec is begun. Default: all are measured. */
  readonly patience?: number | undefined;
  readonly on: (event: CheckEvent) => void;
  readonly signal: AbortSignal;
}

/**
 * What this device can do, one codec after the other: together they would measure each other. A codec that this browser cannot
 * encode is one that it does not offer; without any, it is no worker, and the last one's failure is thrown.
 */
export async function measureAll(options: MeasuringOptions): Promise<Measured[]> {
  const { media, clock, codecs, patience, on, signal } = options;
  const found: Measured[] = [];
  const begun = clock.now();
  let failure: unknown;
  for (const [at, codec] of codecs.entries()) {
    // The later codecs cost more: a device that is still busy with the first measures them when an offer asks for one.
    if (at > 0 && found.length > 0 && patience !== undefined && clock.now() - begun > patience)
      break;
    const progress = (frames: number) =>
      on({ type: "check", codec, frames, step: at + 1, steps: codecs.length });
    progress(0);
    try {
      found.push(await media.measure({ codec, signal, progress }));
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      failure = thrown;
    }
  }
  if (found.length === 0) throw failure;
  return found;
}
