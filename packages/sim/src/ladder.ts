import type { Rung } from "@tabcast/runtime";

/** Bits per second of Livepeer's bench ladder, and of what is around it. Source: market.md part 13. */
const BITRATES: Readonly<Record<number, number>> = {
  144: 120_000,
  240: 250_000,
  360: 800_000,
  480: 1_600_000,
  720: 3_000_000,
  1080: 5_000_000,
};

/** Ladders of simulated streams. */
export const Ladder = {
  /** Rungs by name, 16 to 9; one byte of theirs stands for `scale`. */
  of(names: readonly string[], scale: number): readonly Rung[] {
    return names.map((name) => {
      const height = 2 * Math.round(Number.parseInt(name, 10) / 2);
      const width = 2 * Math.round((height * 16) / 18);
      const bitrate = BITRATES[height] ?? 3.3 * width * height;
      return { name, width, height, bitrate: Math.round(bitrate / scale) };
    });
  },
};
