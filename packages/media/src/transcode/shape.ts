import type { Micros } from "@tabcast/runtime";
import { MAX_PIXELS } from "../bounds.ts";
import { MediaError, tooLarge } from "../errors.ts";

/** Shapes that differ by less than this part are one: sizes are rounded to even numbers, or to whole blocks. */
const SHAPE_TOLERANCE = 0.02;

/**
 * Watches that frames keep the shape of the first. Encoders scale every frame to their rung, so another size of the same
 * shape is fine (a sender that lowers its resolution), and another shape would be shown distorted.
 */
export class Shape {
  #first: { readonly width: number; readonly height: number } | undefined;

  /** Throws MEDIA_TOO_LARGE, or MEDIA_RESIZED if the shape changes in mid-segment. */
  check({ displayWidth: width, displayHeight: height, timestamp }: VideoFrame): void {
    if (width * height > MAX_PIXELS) throw tooLarge("source picture", width * height, MAX_PIXELS);
    this.#first ??= { width, height };
    const first = this.#first;
    if (Math.abs((width * first.height) / (height * first.width) - 1) <= SHAPE_TOLERANCE) return;
    const [from, to] = [`${first.width}x${first.height}`, `${width}x${height}`];
    throw new MediaError(
      { code: "MEDIA_RESIZED", at: timestamp as Micros, from, to },
      `the picture changes from ${from} to ${to} at ${(timestamp / 1e6).toFixed(3)} s`,
    );
  }
}
