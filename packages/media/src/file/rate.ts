/** A constant frame rate as a fraction: frame k is shown at k * ticks / timescale seconds, for ever. */
export interface Rate {
  /** Ticks per second. */
  readonly timescale: number;
  /** Ticks from one frame to the next. */
  readonly ticks: number;
}

/** What the times of a file's first frames say. */
export interface Measured {
  /** The grid to put its frames on. */
  readonly rate: Rate;
  /** True if they lie on that grid already, one in each slot. */
  readonly constant: boolean;
}

/**
 * How far from its slot a frame may lie and still belong to it, in slots. Matroska rounds to a millisecond, which is 0.06
 * of a frame at 60 per second; telephones stamp frames up to 0.1 away.
 */
const NEAR = 0.15;
/** Fastest grid, in frames per second. Faster files keep each second frame, or third, and so on. */
const FASTEST = 60;
/** Grids for frames that lie on none. */
const USUAL = [5, 10, 12, 15, 20, 24, 25, 30, 48, 50, 60];
/** Grid of a single frame whose length is unknown. */
const ALONE = { timescale: 25_000, ticks: 1000 };

export const perSecond = ({ timescale, ticks }: Rate) => timescale / ticks;

/** The slot that a frame shown at `seconds` lies on, or undefined between two. */
export function slotAt(rate: Rate, seconds: number): number | undefined {
  const at = seconds * perSecond(rate);
  const slot = Math.round(at);
  return Math.abs(at - slot) <= NEAR ? slot : undefined;
}

/** The first slot that shows a frame of `seconds`, if nothing later replaces it: the next one, or the one it lies on. */
export const slotFrom = (rate: Rate, seconds: number): number =>
  Math.max(0, Math.ceil(seconds * perSecond(rate) - NEAR));

/** Rates that cameras and broadcasters use: whole ones, whole ones over 1.001, and halves. */
const KNOWN: readonly Rate[] = [
  ...Array.from({ length: 240 }, (_, i) => ({ timescale: (i + 1) * 1000, ticks: 1000 })),
  ...[12, 15, 24, 30, 48, 60, 120, 240].map((n) => ({ timescale: n * 1000, ticks: 1001 })),
  ...[15, 25].map((n) => ({ timescale: n * 1000, ticks: 2000 })),
];

/**
 * The grid of frames that are shown at `times`: seconds in ascending order. `resolution` is the container's ticks per
 * second, in whose roundings all times lie; `length` is how long the last frame lasts, in seconds, 0 if unknown.
 */
export function measureRate(
  times: readonly number[],
  resolution: number,
  length: number,
): Measured {
  const first = times[0] ?? 0;
  const shifted = times.map((time) => time - first);
  const gaps = shifted.slice(1).map((time, i) => time - (shifted[i] as number));
  const sorted = gaps.filter((gap) => gap > 0).sort((a, b) => a - b);
  if (sorted.length === 0) return { rate: aloneFor(length, resolution), constant: true };
  const usual = sorted[Math.floor(sorted.length / 4)] as number;
  const fitting = [exact(usual, resolution), ...KNOWN]
    .filter((rate) => Math.abs(usual * perSecond(rate) - 1) < 0.25)
    .flatMap((rate, i) => {
      const spread = spreadOf(shifted, rate);
      if (spread === undefined) return [];
      // What a known rate is off by less than a tick is the container's rounding.
      const off = i === 0 ? spread : Math.max(0, spread - perSecond(rate) / resolution);
      return [{ rate, off, spread }];
    })
    .sort((a, b) => a.off - b.off || a.spread - b.spread);
  const best = fitting[0]?.rate;
  if (!best) {
    const mean = sorted.length / ((shifted.at(-1) as number) || 1);
    const wanted = 0.97 * Math.max(mean, 1 / (sorted[sorted.length >> 1] as number));
    const whole = USUAL.find((rate) => rate >= wanted) ?? FASTEST;
    return { rate: { timescale: whole * 1000, ticks: 1000 }, constant: false };
  }
  const bounded = withinBounds(best);
  const constant =
    bounded === best && shifted.every((time, i) => Math.round(time * perSecond(best)) === i);
  return { rate: bounded, constant };
}

/** The rate of which the gap is one frame in the container's own ticks. */
function exact(gap: number, resolution: number): Rate {
  const ticks = Math.max(1, Math.round(gap * resolution));
  const divisor = common(resolution, ticks);
  const least = { timescale: resolution / divisor, ticks: ticks / divisor };
  // A track's timescale should be a good deal finer than its frames, and fit 32 bits.
  const times = Math.max(
    1,
    Math.min(Math.ceil(1000 / least.ticks), Math.floor(10_000_000 / least.timescale)),
  );
  return { timescale: least.timescale * times, ticks: least.ticks * times };
}

const common = (a: number, b: number): number => (b === 0 ? a : common(b, a % b));

function aloneFor(length: number, resolution: number): Rate {
  const rate = length > 0 ? exact(length, resolution) : ALONE;
  return perSecond(rate) <= FASTEST && perSecond(rate) >= 1 ? rate : ALONE;
}

/** Between the frame that is most early and the one that is most late, in slots; undefined if any lies on no slot of its own. */
function spreadOf(times: readonly number[], rate: Rate): number | undefined {
  let [least, most, before] = [0, 0, -1];
  for (const time of times) {
    const at = time * perSecond(rate);
    const slot = Math.round(at);
    const off = at - slot;
    if (slot <= before || Math.abs(off) > NEAR) return undefined;
    before = slot;
    least = Math.min(least, off);
    most = Math.max(most, off);
  }
  return most - least;
}

/** The rate, or a whole part or multiple of it, between one and sixty frames per second. */
function withinBounds(rate: Rate): Rate {
  const value = perSecond(rate);
  if (value > FASTEST) return { ...rate, ticks: rate.ticks * Math.ceil(value / FASTEST) };
  if (value < 1) return { ...rate, timescale: rate.timescale * Math.ceil(1 / value) };
  return rate;
}
