import { cellMeans, type Plane } from "./planes.ts";

/** Cells along a picture's longer side. Few enough to be cheap and to average coding noise away, enough to see motion. */
const CELLS = 80;

/**
 * A picture's luma as a few thousand cells, for every frame from the first: small enough to keep for each segment, and
 * the same whatever the rung. What happens in time, and what is wrong everywhere, shows here.
 */
export interface Trace {
  readonly columns: number;
  readonly rows: number;
  readonly frames: number;
  /** Mean luma of each cell in limited range, frame after frame, row after row. */
  readonly cells: Float32Array;
}

/** The grid of a picture of this size: square cells, 80 along the longer side. */
export function gridOf({ width, height }: { readonly width: number; readonly height: number }): {
  readonly columns: number;
  readonly rows: number;
} {
  const cell = Math.max(width, height) / CELLS;
  return {
    columns: Math.max(1, Math.min(CELLS, Math.round(width / cell))),
    rows: Math.max(1, Math.min(CELLS, Math.round(height / cell))),
  };
}

/** Collects a trace frame by frame; every frame of the first `limit` must come, in order. */
export class Tracer {
  readonly #grid: { readonly columns: number; readonly rows: number };
  readonly #cells: Float32Array;
  #frames = 0;

  constructor(grid: { readonly columns: number; readonly rows: number }, limit: number) {
    this.#grid = grid;
    this.#cells = new Float32Array(limit * grid.columns * grid.rows);
  }

  add(luma: Plane, fullRange: boolean): void {
    const { columns, rows } = this.#grid;
    const size = columns * rows;
    const at = this.#frames++ * size;
    cellMeans(luma, columns, rows, this.#cells, at);
    if (!fullRange) return;
    for (let i = at; i < at + size; i++)
      this.#cells[i] = 16 + ((this.#cells[i] as number) * 219) / 255;
  }

  trace(): Trace {
    const { columns, rows } = this.#grid;
    return {
      columns,
      rows,
      frames: this.#frames,
      cells: this.#cells.slice(0, this.#frames * columns * rows),
    };
  }
}

/** How a rendition's trace stands to its source's. */
export interface TraceMeasures {
  /** Frames whose neighbours in the source differ enough to tell them apart. */
  readonly tellable: number;
  /** Of those, the frames that look more like a neighbour than like their own source frame. */
  readonly misplaced: number;
  /** Frames before which the source moved. */
  readonly moving: number;
  /** Of those, the frames before which the rendition did not. */
  readonly still: number;
  /** The same over twelve frames, where slow motion shows. */
  readonly drifting: number;
  readonly stuck: number;
  /** Contrast of the rendition over the source's: 1, or 0.86 and 1.16 where the range is wrong. Undefined for flat pictures. */
  readonly contrast: number | undefined;
  /** Mean luma, the rendition's minus the source's, in levels. */
  readonly offset: number;
  /** What the worst fiftieth of all cells are off, in levels, averaged over time: a logo stays where it is, coding noise does not. */
  readonly blemish: number;
  /** The same of the fourth worst cell, in the worst quarter of a second: a word that is another. */
  readonly spot: number;
}

/** A cell has moved if it changed by more levels than noise and coding make of its dozens of samples. */
const MOVED_LEVELS = 4;
/** So many cells must have moved for a change to be motion. */
const MOVED_CELLS = 8;
/** Source frames before and after that a rendition's frame is held against. */
export const NEIGHBOURS = 3;
/** A frame is misplaced from here on the way from its own source frame (0) to a neighbour (1). Noise that the encoder drops gives 0.5. */
const MISPLACED = 0.75;
/** A frame is still if it made less than this part of the source's motion. */
const STILL = 0.25;
/** Frames over which slow motion adds up. */
const SLOW_LAG = 12;
/** A spot is as large as a word, and stays for a quarter of a second. */
const SPOT_CELLS = 4;
const SPOT_FRAMES = 6;
/** Least variance of a source's cells that has a contrast, in levels squared. */
const CONTRAST_ENERGY = 25;

/** Measures the frames that both traces have. Their grids must be equal. */
export function measureTrace(rendition: Trace, source: Trace): TraceMeasures {
  const frames = Math.min(rendition.frames, source.frames);
  const slow = motion(rendition, source, frames, SLOW_LAG);
  return {
    ...placement(rendition, source, frames),
    ...motion(rendition, source, frames, 1),
    drifting: slow.moving,
    stuck: slow.still,
    ...levels(rendition, source, frames),
  };
}

/** Which source frame each frame looks like, as far as the source's own frames can be told apart. */
function placement(
  rendition: Trace,
  source: Trace,
  frames: number,
): Pick<TraceMeasures, "tellable" | "misplaced"> {
  let [tellable, misplaced] = [0, 0];
  for (let i = 0; i < frames; i++) {
    let [could, was] = [false, false];
    for (let j = Math.max(0, i - NEIGHBOURS); j <= i + NEIGHBOURS && j < source.frames; j++) {
      const way = j === i ? undefined : share(source, i, j, rendition, i, source, i);
      could ||= way !== undefined;
      was ||= way !== undefined && way > MISPLACED;
    }
    if (could) tellable++;
    if (was) misplaced++;
  }
  return { tellable, misplaced };
}

/** Where the source moves within `lag` frames, how often the rendition does not. */
function motion(
  rendition: Trace,
  source: Trace,
  frames: number,
  lag: number,
): { moving: number; still: number } {
  let [moving, still] = [0, 0];
  for (let i = lag; i < frames; i++) {
    const made = share(source, i - lag, i, rendition, i, rendition, i - lag);
    if (made === undefined) continue;
    moving++;
    if (made < STILL) still++;
  }
  return { moving, still };
}

/**
 * How much of the source's change from frame `from` to frame `to` is in the change from frame `b` of `before` to frame
 * `a` of `after`: the one regressed on the other, in the cells that moved. Undefined if these are too few.
 */
function share(
  source: Trace,
  from: number,
  to: number,
  after: Trace,
  a: number,
  before: Trace,
  b: number,
): number | undefined {
  const size = source.columns * source.rows;
  let [moved, own, both] = [0, 0, 0];
  for (let c = 0; c < size; c++) {
    const step =
      (source.cells[to * size + c] as number) - (source.cells[from * size + c] as number);
    if (step < MOVED_LEVELS && step > -MOVED_LEVELS) continue;
    moved++;
    own += step * step;
    both += step * ((after.cells[a * size + c] as number) - (before.cells[b * size + c] as number));
  }
  return moved < MOVED_CELLS ? undefined : both / own;
}

/** Contrast and brightness over all frames, and what stays wrong in one place. */
function levels(
  rendition: Trace,
  source: Trace,
  frames: number,
): Pick<TraceMeasures, "contrast" | "offset" | "blemish" | "spot"> {
  const size = source.columns * source.rows;
  let [sa, sb, sbb, sab] = [0, 0, 0, 0];
  for (let i = 0; i < frames * size; i++) {
    const a = rendition.cells[i] as number;
    const b = source.cells[i] as number;
    sa += a;
    sb += b;
    sbb += b * b;
    sab += a * b;
  }
  const count = Math.max(1, frames * size);
  const variance = sbb / count - (sb / count) ** 2;
  const covariance = sab / count - (sa / count) * (sb / count);
  let spot = 0;
  for (let from = 0; from < frames; from += SPOT_FRAMES) {
    const worst = lasting(
      rendition,
      source,
      Math.max(0, Math.min(from, frames - SPOT_FRAMES)),
      Math.min(frames, from + SPOT_FRAMES),
    );
    spot = Math.max(spot, worst[Math.max(0, size - SPOT_CELLS)] as number);
  }
  return {
    contrast: variance < CONTRAST_ENERGY ? undefined : covariance / variance,
    offset: (sa - sb) / count,
    blemish: lasting(rendition, source, 0, frames)[Math.floor(0.98 * size)] as number,
    spot,
  };
}

/** How far each cell is off, averaged over the frames from `from` up to `to`, ascending. */
function lasting(rendition: Trace, source: Trace, from: number, to: number): Float32Array {
  const size = source.columns * source.rows;
  const errors = new Float32Array(size);
  for (let i = from; i < to; i++)
    for (let c = 0, at = i * size; c < size; c++, at++)
      errors[c] =
        (errors[c] as number) + (rendition.cells[at] as number) - (source.cells[at] as number);
  for (let c = 0; c < size; c++) errors[c] = Math.abs(errors[c] as number) / Math.max(1, to - from);
  return errors.sort();
}
