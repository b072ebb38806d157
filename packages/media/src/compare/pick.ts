import type { Random } from "@tabcast/runtime";

/**
 * Three frames to check of a segment of `count` frames, ascending: one from the first half, one from the third quarter and
 * one from the last. All frames up to the last one are looked at in the trace, so it should come late. Draw after the receipt is
 * signed: a worker that knew them could spend its bits there. A segment of fewer than four frames is checked whole.
 */
export function pickFrames(count: number, random: Random): number[] {
  if (count < 4) return Array.from({ length: count }, (_, i) => i);
  const borders = [0, Math.floor(count / 2), Math.floor((count * 3) / 4), count];
  return [0, 1, 2].map((i) => {
    const [from, to] = [borders[i] as number, borders[i + 1] as number];
    return from + random.below(to - from);
  });
}
