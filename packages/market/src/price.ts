import { type Output, Pixels, Wei } from "@tabcast/runtime";

/** Output pixels of every rung for `frames` frames of the source. */
export const pixels = (rungs: readonly Output[], frames: number): bigint =>
  BigInt(Pixels.ofFrames(rungs, frames));

/**
 * What a verified segment costs: `price` (wei per output megapixel) times its megapixels, rounded up to a whole wei. Both
 * sides compute it, so they agree to the wei.
 */
export function ofSegment(price: bigint, rungs: readonly Output[], frames: number): Wei {
  return ofPixels(price, pixels(rungs, frames));
}

/** The same of so many output pixels. */
export function ofPixels(price: bigint, count: bigint): Wei {
  return Wei.of((price * count + 999_999n) / 1_000_000n);
}
