import { type Planes, silentPlanes } from "./pcm.ts";

/** Zero crossings of the sinc on each side; 16 keep images and aliases about 80 dB down up to 0.9 of the band. */
const CROSSINGS = 16;
/** Points of the kernel's table between two zero crossings; straight lines join them. */
const RESOLUTION = 512;
/** Of the Kaiser window. */
const BETA = 8;
/** How much of the lower rate's band is kept when the rate falls: the rest is the filter's slope. */
const BAND = 0.94;

/** Modified Bessel function of the first kind, order zero, by its power series. */
function bessel(x: number): number {
  let [sum, term] = [1, 1];
  for (let k = 1; term > 1e-10 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

/** Its right half; after the last crossing there is nothing. */
const KERNEL = Float32Array.from({ length: (CROSSINGS + 1) * RESOLUTION + 2 }, (_, i) => {
  const x = i / RESOLUTION;
  if (x >= CROSSINGS) return 0;
  const window = bessel(BETA * Math.sqrt(1 - (x / CROSSINGS) ** 2)) / bessel(BETA);
  return x === 0 ? 1 : (Math.sin(Math.PI * x) / (Math.PI * x)) * window;
});

/**
 * Band-limited interpolation of a stream (a Kaiser-windowed sinc, as J. O. Smith describes it): output sample n is the
 * input at n times `step`, exactly, however the stream is cut into pieces. At a step of 1 it gives the input's own samples.
 */
export class Resampler {
  /** Input samples per output sample. May be changed by some percent while the stream runs. */
  step: number;
  /** Of the kernel, in zero crossings per input sample. */
  readonly #band: number;
  /** Input samples that the kernel reaches to each side. */
  readonly #reach: number;
  /** Of the input samples around one output sample. */
  readonly #weights: Float32Array;
  #held: Planes;
  /** Where the next output sample lies in `#held`. */
  #at: number;

  constructor(channels: number, step: number) {
    this.step = step;
    this.#band = step > 1 ? BAND / step : 1;
    this.#reach = Math.ceil(CROSSINGS / this.#band);
    this.#weights = new Float32Array(2 * this.#reach);
    this.#held = silentPlanes(channels, this.#reach);
    this.#at = this.#reach;
  }

  /** Input samples taken in and not yet given out. */
  get pending(): number {
    return (this.#held[0]?.length ?? 0) - this.#at;
  }

  /** Takes samples, gives what can be made with those that have come. */
  add(planes: Planes): Planes {
    const held = this.#held.map((before, channel) => {
      const more = planes[channel] ?? new Float32Array(0);
      const all = new Float32Array(before.length + more.length);
      all.set(before);
      all.set(more, before.length);
      return all;
    });
    const room = (held[0]?.length ?? 0) - this.#reach - 1 - this.#at;
    const count = room < 0 ? 0 : Math.floor(room / this.step) + 1;
    const out = silentPlanes(held.length, count);
    for (let i = 0; i < count; i++) this.#sample(held, this.#at + i * this.step, out, i);
    this.#at += count * this.step;
    const gone = Math.floor(this.#at) - this.#reach;
    this.#held = held.map((plane) => plane.slice(gone));
    this.#at -= gone;
    return out;
  }

  /** What is still pending, as if silence followed. */
  flush(): Planes {
    const channels = this.#held.length;
    const out = this.add(silentPlanes(channels, this.#reach));
    this.#held = silentPlanes(channels, this.#reach);
    this.#at = this.#reach;
    return out;
  }

  #sample(from: Planes, at: number, to: Planes, index: number): void {
    const middle = Math.floor(at);
    if (at === middle && this.#band === 1) {
      for (let c = 0; c < from.length; c++)
        (to[c] as Float32Array)[index] = (from[c] as Float32Array)[middle] as number;
      return;
    }
    const weights = this.#weights;
    const first = middle - this.#reach + 1;
    const scale = this.#band * RESOLUTION;
    for (let k = 0; k < weights.length; k++) {
      const place = Math.abs(at - first - k) * scale;
      const point = Math.floor(place);
      const here = KERNEL[point] as number;
      weights[k] = here + ((KERNEL[point + 1] as number) - here) * (place - point);
    }
    for (let c = 0; c < from.length; c++) {
      const plane = from[c] as Float32Array;
      let sum = 0;
      for (let k = 0; k < weights.length; k++)
        sum += (weights[k] as number) * (plane[first + k] as number);
      (to[c] as Float32Array)[index] = this.#band * sum;
    }
  }
}
