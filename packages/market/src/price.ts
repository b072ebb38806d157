import { Wei } from "@tabcast/runtime";

/** One output: width and height in pixels. */
export interface Picture {
  readonly width: number;
  readonly height: number;
}

/** Output pixels of `frames` frames of every rung. */
export function pixels(rungs: readonly Picture[], frames: number): bigint {
  return (
    rungs.reduce((sum, { width, height }) => sum + BigInt(width * height), 0n) * BigInt(frames)
  );
}

/**
 * What a verified segment costs: `price` (wei per output megapixel) times its megapixels, rounded up to a whole wei. Both
 * sides compute it, so they agree to the wei.
 */
export function ofSegment(price: bigint, rungs: readonly Picture[], frames: number): Wei {
  return Wei.of((price * pixels(rungs, frames) + 999_999n) / 1_000_000n);
}
