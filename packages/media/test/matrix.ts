import { meanColour, type Picture } from "./clip.ts";
import { PATCHES } from "./clips/patches.ts";

/** Where a point of the coded picture is seen, both in fractions of the sides. */
export type Place = (x: number, y: number) => readonly [number, number];

/** How a picture may come to stand, by where its points go. */
export const PLACES = {
  upright: (x, y) => [x, y],
  clockwise: (x, y) => [1 - y, x],
  upsideDown: (x, y) => [1 - x, 1 - y],
  anticlockwise: (x, y) => [y, 1 - x],
  mirrored: (x, y) => [1 - x, y],
} as const satisfies Record<string, Place>;

const around = (picture: Picture, [u, v]: readonly [number, number]) => {
  const reach = 0.025;
  return meanColour(picture, [u - reach, v - reach, u + reach, v + reach]);
};

/** The number that a frame of `clips/picture.mjs` carries. */
export function numberIn(picture: Picture, place: Place = PLACES.upright): number {
  let number = 0;
  for (let bit = 0; bit < 10; bit++)
    number = 2 * number + (around(picture, place((bit + 0.5) / 10, 0.875))[1] > 128 ? 1 : 0);
  return number;
}

/** The largest difference of any patch's mean from its colour, in levels of 255. */
export function colourError(picture: Picture, place: Place = PLACES.upright): number {
  const errors = PATCHES.flatMap((colour, i) => {
    const seen = around(picture, place(((i % 4) + 0.5) / 4, i < 4 ? 0.1875 : 0.5625));
    return seen.map((value, c) => Math.abs(value - (colour[c] as number)));
  });
  return Math.max(...errors);
}
