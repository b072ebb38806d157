import { Amount, type Output, Pixels } from "@tabcast/runtime";

const GIGA = 1_000_000_000n;

/** Output pixels of every rung for `frames` frames of the source. */
export const pixels = (rungs: readonly Output[], frames: number): bigint =>
  BigInt(Pixels.ofFrames(rungs, frames));

/**
 * What a verified segment costs: `price` (per output gigapixel) times its gigapixels, rounded up to a whole smallest part.
 * Both sides compute it, so they agree to the last part.
 */
export function ofSegment(price: bigint, rungs: readonly Output[], frames: number): Amount {
  return ofPixels(price, pixels(rungs, frames));
}

/** The same of so many output pixels. */
export function ofPixels(price: bigint, count: bigint): Amount {
  return Amount.of((price * count + GIGA - 1n) / GIGA);
}
