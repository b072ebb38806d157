import type { Micros } from "@tabcast/runtime";
import { MAX_PIXELS } from "../bounds.ts";
import { MediaError, tooLarge, unexpected } from "../errors.ts";

/** Shapes that differ by less than this part are one: sizes are rounded to even numbers, or to whole blocks. */
const SHAPE_TOLERANCE = 0.02;

/**
 * Watches that frames keep the shape of the first. Encoders scale every frame to their rung, so another size of the same
 * shape is fine (a sender that lowers its resolution), and another shape would be shown distorted.
 */
export class Shape {
  readonly #most: number;
  #first: { readonly width: number; readonly height: number } | undefined;

  /** `most`: pixels that were said of a picture. Default: what the media layer takes. */
  constructor(most = MAX_PIXELS) {
    this.#most = most;
  }

  /** Throws MEDIA_TOO_LARGE, MEDIA_UNEXPECTED, or MEDIA_RESIZED if the shape changes in mid-segment. */
  check(frame: VideoFrame): void {
    const { displayWidth: width, displayHeight: height, visibleRect, timestamp } = frame;
    if (width * height > MAX_PIXELS) throw tooLarge("source picture", width * height, MAX_PIXELS);
    // Its sample entry may name another size than its bitstream has.
    const pixels = visibleRect === null ? 0 : visibleRect.width * visibleRect.height;
    if (pixels > this.#most) throw unexpected("pixels", pixels, this.#most);
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
