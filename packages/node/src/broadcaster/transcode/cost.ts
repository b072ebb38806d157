/** What a segment costs to transcode, in frames, bytes, pixels and wei: what a job of another kind would count otherwise. */
import { Price } from "@tabcast/market";
import type { Rung } from "@tabcast/media";
import { type Amount, Pixels } from "@tabcast/runtime";
import type { Segment } from "../delivery.ts";

export const framesOf = ({ captured, planned }: Segment): number =>
  captured?.video.frames ?? planned.frames;

/** Source bytes that are there. */
export const bytesOf = ({ init, captured }: Segment): number =>
  init.byteLength + (captured?.video.media.byteLength ?? 0);

/** Output pixels of these rungs. */
export const pixelsOf = (segment: Segment, rungs: readonly Rung[]): number =>
  Pixels.ofFrames(rungs, framesOf(segment));

/** What these rungs cost at `price`, in parts per output gigapixel. */
export const amountOf = (segment: Segment, rungs: readonly Rung[], price: bigint): Amount =>
  Price.ofSegment(price, rungs, framesOf(segment));
