import type { Picture, Plane } from "./planes.ts";

/**
 * How one frame of a rendition stands to the source's, both at the rung's size and in limited range. Pure arithmetic;
 * `frame` is the rendition's, `wanted` the source's.
 */
export interface FrameMeasures {
  /** Luma, in dB; 100 for equal pictures. */
  readonly psnr: number;
  /** Mean luma SSIM. */
  readonly ssim: number;
  /** The fifth percentile of the SSIM of 16x16 tiles. */
  readonly tileSsim: number;
  /** Squared luma gradients, the rendition's over the source's. */
  readonly sharpness: number;
  /**
   * How much of the source's finest detail is still there: its Laplacian, where that is strong, regressed on the
   * rendition's. 1 is all of it, an enlarged half-size picture keeps about a fifth. Undefined where the source has none.
   */
  readonly detail: number | undefined;
  /** Mean absolute chroma difference, in levels. */
  readonly chroma: number;
  /** How much of the source's colour is still there; 0 is grey. Undefined where the source has next to none. */
  readonly saturation: number | undefined;
  /** The same of a picture of faint colour, where encoders may drop some. Undefined for more colour, and for next to none. */
  readonly tint?: number | undefined;
}

/** Measures one frame. Both pictures must have the same size, of at least 16x16. */
export function measureFrame(frame: Picture, wanted: Picture): FrameMeasures {
  return {
    psnr: psnr(frame.luma, wanted.luma),
    ...tileSsim(frame.luma, wanted.luma),
    sharpness: sharpness(frame.luma, wanted.luma),
    detail: detail(frame.luma, wanted.luma),
    ...chroma(frame, wanted),
  };
}

/** Peak signal to noise ratio in dB, at most 100. */
export function psnr(a: Plane, b: Plane): number {
  let sum = 0;
  for (let i = 0; i < a.data.length; i++) {
    const d = (a.data[i] as number) - (b.data[i] as number);
    sum += d * d;
  }
  return sum === 0 ? 100 : Math.min(100, 10 * Math.log10((255 * 255 * a.data.length) / sum));
}

/** SSIM's constants for 8-bit samples (Wang et al. 2004): (0.01 x 255)^2 and (0.03 x 255)^2. */
const C1 = 6.5025;
const C2 = 58.5225;
/** Sides of SSIM's windows, their distance, and the tiles they are collected in, in samples. */
const STEP = 4;
const WINDOWS_PER_TILE = 4;

/**
 * SSIM over 8x8 windows at every fourth sample, and the fifth percentile of its means over 16x16 tiles: a small false
 * patch hardly moves the mean. Up to three samples at the right and the bottom are left out.
 */
export function tileSsim(a: Plane, b: Plane): { ssim: number; tileSsim: number } {
  const columns = Math.floor(a.width / STEP);
  const rows = Math.floor(a.height / STEP);
  const sums = blockSums(a, b, columns, rows);
  const tilesAcross = Math.ceil((columns - 1) / WINDOWS_PER_TILE);
  const tilesDown = Math.ceil((rows - 1) / WINDOWS_PER_TILE);
  const tiles = new Float64Array(tilesAcross * tilesDown);
  const counts = new Float64Array(tiles.length);
  const samples = 4 * STEP * STEP;
  let total = 0;
  for (let y = 0; y + 1 < rows; y++)
    for (let x = 0; x + 1 < columns; x++) {
      const at = 5 * (y * columns + x);
      const below = at + 5 * columns;
      const sum = (k: number) =>
        (sums[at + k] as number) +
        (sums[at + 5 + k] as number) +
        (sums[below + k] as number) +
        (sums[below + 5 + k] as number);
      const ma = sum(0) / samples;
      const mb = sum(1) / samples;
      const va = sum(2) / samples - ma * ma;
      const vb = sum(3) / samples - mb * mb;
      const cov = sum(4) / samples - ma * mb;
      const value =
        ((2 * ma * mb + C1) * (2 * cov + C2)) / ((ma * ma + mb * mb + C1) * (va + vb + C2));
      total += value;
      const tile =
        Math.floor(y / WINDOWS_PER_TILE) * tilesAcross + Math.floor(x / WINDOWS_PER_TILE);
      tiles[tile] = (tiles[tile] as number) + value;
      counts[tile] = (counts[tile] as number) + 1;
    }
  for (let i = 0; i < tiles.length; i++) tiles[i] = (tiles[i] as number) / (counts[i] as number);
  tiles.sort();
  return {
    ssim: total / ((rows - 1) * (columns - 1)),
    tileSsim: tiles[Math.floor(0.05 * tiles.length)] as number,
  };
}

/** Per 4x4 block: sums of a, b, a squared, b squared and a times b. */
function blockSums(a: Plane, b: Plane, columns: number, rows: number): Int32Array {
  const sums = new Int32Array(5 * columns * rows);
  for (let by = 0; by < rows; by++)
    for (let bx = 0; bx < columns; bx++) {
      let [sa, sb, saa, sbb, sab] = [0, 0, 0, 0, 0];
      for (let y = 0; y < STEP; y++) {
        const row = (by * STEP + y) * a.width + bx * STEP;
        for (let i = row; i < row + STEP; i++) {
          const p = a.data[i] as number;
          const q = b.data[i] as number;
          sa += p;
          sb += q;
          saa += p * p;
          sbb += q * q;
          sab += p * q;
        }
      }
      const at = 5 * (by * columns + bx);
      sums[at] = sa;
      sums[at + 1] = sb;
      sums[at + 2] = saa;
      sums[at + 3] = sbb;
      sums[at + 4] = sab;
    }
  return sums;
}

/** Squared luma gradients of `frame` over those of `wanted`. One level of gradient is added to both, so that flat is 1. */
export function sharpness(frame: Plane, wanted: Plane): number {
  return gradients(frame) / gradients(wanted);
}

function gradients({ width, height, data }: Plane): number {
  let sum = width * height;
  for (let y = 0; y + 1 < height; y++)
    for (let i = y * width; i + 1 < (y + 1) * width; i++) {
      const here = data[i] as number;
      const right = (data[i + 1] as number) - here;
      const down = (data[i + width] as number) - here;
      sum += right * right + down * down;
    }
  return sum;
}

/** A Laplacian this strong is detail, in levels, and never noise: many times the picture's median. */
const DETAIL_LEVELS = 24;
const DETAIL_MEDIANS = 6;
/** Fewer such samples than one in so many say nothing about the picture. */
const DETAIL_SHARE = 1 / 500;

/** The share of the source's strong fine detail that a frame keeps, or undefined where there is too little. */
export function detail(frame: Plane, wanted: Plane): number | undefined {
  const { width, height, data } = wanted;
  const counts = new Uint32Array(1024);
  const of = new Int16Array(width * height);
  for (let y = 1; y + 1 < height; y++)
    for (let i = y * width + 1; i + 1 < (y + 1) * width; i++) {
      const value = laplacian(data, i, width);
      of[i] = value;
      const size = Math.abs(value);
      counts[size] = (counts[size] as number) + 1;
    }
  const samples = (width - 2) * (height - 2);
  let median = 0;
  for (let seen = 0; seen < samples / 2; median++) seen += counts[median] as number;
  const least = Math.max(DETAIL_LEVELS, DETAIL_MEDIANS * (median - 1));
  let [found, own, both] = [0, 0, 0];
  for (let i = 0; i < of.length; i++) {
    const value = of[i] as number;
    if (value < least && value > -least) continue;
    found++;
    own += value * value;
    both += value * laplacian(frame.data, i, width);
  }
  return found < DETAIL_SHARE * samples ? undefined : both / own;
}

const laplacian = (data: Uint8Array, i: number, width: number) =>
  4 * (data[i] as number) -
  (data[i - 1] as number) -
  (data[i + 1] as number) -
  (data[i - width] as number) -
  (data[i + width] as number);

/** Mean squared distance from grey below which a picture's colour is faint, in levels squared: 3 levels. */
const COLOUR_ENERGY = 9;
/** The same below which it has no colour to lose: 1.5 levels. Less than the mean of 2 levels that a viewer misses. */
const TINT_ENERGY = 2.25;

/** Mean chroma difference, and how much of the colour is left. */
export function chroma(
  frame: Picture,
  wanted: Picture,
): Pick<FrameMeasures, "chroma" | "saturation" | "tint"> {
  let [difference, own, both] = [0, 0, 0];
  for (const [got, want] of [
    [frame.u.data, wanted.u.data],
    [frame.v.data, wanted.v.data],
  ] as const)
    for (let i = 0; i < want.length; i++) {
      const a = (got[i] as number) - 128;
      const b = (want[i] as number) - 128;
      difference += Math.abs(a - b);
      own += b * b;
      both += a * b;
    }
  const samples = 2 * wanted.u.data.length;
  return {
    chroma: difference / samples,
    saturation: own < COLOUR_ENERGY * samples ? undefined : both / own,
    tint: own < TINT_ENERGY * samples || own >= COLOUR_ENERGY * samples ? undefined : both / own,
  };
}
