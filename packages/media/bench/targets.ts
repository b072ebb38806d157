/** What issue B asks of H.264 on one machine with native ffmpeg. */
export const TARGETS = {
  /** Speed over that of libx264 ultrafast, at least. */
  speed: 1.2,
  /** Luma SSIM of a rung less that of libx264 superfast at the same bitrate, at least. */
  ssim: -0.005,
  /** Part of the wanted bitrate by which a rung may miss it over 30 s. */
  bitrate: 0.1,
  /** Peak memory of the page, in MiB, for sources of 1080p30 and of 2160p. */
  memory: { hd: 400, uhd: 900 },
  /** Longest block of the page's main thread, in milliseconds. */
  block: 50,
} as const;

/** So much past a target the bench fails; before, it only says what was missed. */
const WIDE = { speed: 0.8, ssim: -0.03, bitrate: 0.25, memory: 1.5, block: 250 } as const;

export interface Verdict {
  readonly missed: readonly string[];
  readonly failed: readonly string[];
}

/** One measured thing beside its target. */
export interface Reading {
  readonly what: "speed" | "ssim" | "bitrate" | "memory" | "block";
  readonly where: string;
  readonly value: number;
  /** For memory: which kind of source. */
  readonly source?: keyof typeof TARGETS.memory;
}

/** Which readings missed their target, and which by a wide margin. Too few bits are a miss, never a failure: a slide has no use for them. */
export function judge(readings: readonly Reading[]): Verdict {
  const missed: string[] = [];
  const failed: string[] = [];
  for (const { what, where, value, source = "hd" } of readings) {
    const [least, most, gone] = boundsOf(what, source, value);
    if (value >= least && value <= most) continue;
    const limit = value < least ? least : most;
    const text = `${where}: ${what} ${value.toFixed(what === "ssim" ? 4 : 2)}, target ${limit}`;
    (gone ? failed : missed).push(text);
  }
  return { missed, failed };
}

function boundsOf(
  what: Reading["what"],
  source: keyof typeof TARGETS.memory,
  value: number,
): readonly [least: number, most: number, gone: boolean] {
  const any = Number.POSITIVE_INFINITY;
  switch (what) {
    case "speed":
      return [TARGETS.speed, any, value < WIDE.speed];
    case "ssim":
      return [TARGETS.ssim, any, value < WIDE.ssim];
    case "bitrate":
      return [-TARGETS.bitrate, TARGETS.bitrate, value > WIDE.bitrate];
    case "memory":
      return [0, TARGETS.memory[source], value > WIDE.memory * TARGETS.memory[source]];
    case "block":
      return [0, TARGETS.block, value > WIDE.block];
  }
}
