/** Red, green and blue of the eight patches: two rows of four. Mid-tones, since saturated ones clip and hide errors. */
export const PATCHES: readonly (readonly [number, number, number])[] = [
  [180, 90, 80],
  [90, 160, 90],
  [80, 100, 180],
  [170, 160, 80],
  [150, 90, 160],
  [90, 160, 160],
  [200, 200, 200],
  [60, 60, 60],
];
