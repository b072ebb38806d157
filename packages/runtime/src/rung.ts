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

/** What of a rung says how much work it is. */
export type Output = Pick<Rung, "width" | "height">;

/** Which of the source's frames a rung shows, and how fast: every one. What counts, times or pays frames of a rung asks here. */
export const Frames = {
  /** How many of so many of the source. */
  of: (_rung: Output, frames: number): number => frames,
  /** Those that it shows, of one for each frame of the source, in order. */
  shown: <F>(_rung: Output, source: readonly F[]): readonly F[] => source,
  /** Frames per second, of those of the source. */
  rate: (_rung: Output, frameRate: number): number => frameRate,
};

/** What a picture, or a ladder of them, comes to in pixels: the measure of work, speed and pay. `frames` are the source's. */
export const Pixels = {
  /** Of one picture. */
  of: ({ width, height }: Size): number => width * height,
  /** Of one frame of the source at every rung. */
  perFrame: (rungs: readonly Output[]): number =>
    rungs.reduce((sum, rung) => sum + Pixels.of(rung), 0),
  /** Output pixels per second of a ladder at so many frames per second. */
  rate: (rungs: readonly Output[], frameRate: number): number => Pixels.perFrame(rungs) * frameRate,
  /** Output pixels of so many frames of every rung. Whole frames keep it exact: 8 rungs of 4K for 30 hours at 60 stay below 2^53. */
  ofFrames: (rungs: readonly Output[], frames: number): number => Pixels.perFrame(rungs) * frames,
  /** Output pixels of renditions, one for each rung in order, by the frames that each has. */
  made: (rungs: readonly Output[], renditions: readonly { readonly frames: number }[]): number =>
    rungs.reduce((sum, rung, i) => sum + Pixels.of(rung) * (renditions[i]?.frames ?? 0), 0),
  /** Smallest first; the order of equals stays. */
  ascending: <R extends Size>(rungs: readonly R[]): R[] =>
    rungs.toSorted((a, b) => Pixels.of(a) - Pixels.of(b)),
};
