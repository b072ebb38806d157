/** A picture's size in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** One output of the ladder. Both sides even; bitrate in bits per second. The same on the wire as everywhere else. */
export interface Rung extends Size {
  readonly name: string;
  readonly bitrate: number;
}

/** What a picture, or a ladder of them, comes to in pixels: the measure of work, speed and pay. */
export const Pixels = {
  /** Of one picture. */
  of: ({ width, height }: Size): number => width * height,
  /** Of one frame at every rung. */
  perFrame: (rungs: readonly Size[]): number =>
    rungs.reduce((sum, rung) => sum + Pixels.of(rung), 0),
  /** Output pixels per second of a ladder at so many frames per second. */
  rate: (rungs: readonly Size[], frameRate: number): number => Pixels.perFrame(rungs) * frameRate,
  /** Output pixels of so many frames of every rung. Whole frames keep it exact: 8 rungs of 4K for 30 hours at 60 stay below 2^53. */
  ofFrames: (rungs: readonly Size[], frames: number): number => Pixels.perFrame(rungs) * frames,
  /** Smallest first; the order of equals stays. */
  ascending: <R extends Size>(rungs: readonly R[]): R[] =>
    rungs.toSorted((a, b) => Pixels.of(a) - Pixels.of(b)),
};
