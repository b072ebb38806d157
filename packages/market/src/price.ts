import { Pixels, type Size, Wei } from "@tabcast/runtime";

/** Output pixels of `frames` frames of every rung. */
export const pixels = (rungs: readonly Size[], frames: number): bigint =>
  BigInt(Pixels.perFrame(rungs)) * BigInt(frames);

/**
 * What a verified segment costs: `price` (wei per output megapixel) times its megapixels, rounded up to a whole wei. Both
 * sides compute it, so they agree to the wei.
 */
export function ofSegment(price: bigint, rungs: readonly Size[], frames: number): Wei {
  return Wei.of((price * pixels(rungs, frames) + 999_999n) / 1_000_000n);
}
