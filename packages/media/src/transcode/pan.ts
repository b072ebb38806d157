import { type Size, seededRandom } from "@tabcast/runtime";
import { completeColour } from "../codecs.ts";

/** How far the view moves from frame to frame, in pixels; even, so that chroma moves by whole samples. */
const STEP = 4;
/** Frames before the view is where it began. */
const FRAMES = 16;
/** Height of the noise on luma, of 255: what a camera has in a lit room. */
const NOISE = 8;

/** An I420 plane as it lies in memory. */
interface Plane {
  readonly offset: number;
  readonly stride: number;
}

/**
 * A picture that is larger than its frames: each shows a part of it that moves along, so a frame costs one copy and no
 * drawing. Hills of light with noise on them: neither the flat areas nor the exact repeats that an encoder gets for nothing.
 */
export class Pan {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #planes: readonly [Plane, Plane, Plane];

  /** For frames of up to this size, in pixels. */
  constructor({ width, height }: Size) {
    const stride = width + STEP * FRAMES;
    const half = stride / 2;
    // A row more than is seen: a plane that begins further right must still end before the next one.
    const luma = stride * (height + 1);
    const chroma = half * (Math.ceil(height / 2) + 1);
    const bytes = new Uint8Array(luma + 2 * chroma);
    const grain = seededRandom(1, "pan").bytes(8191); // prime, so that rows do not repeat it
    const wave = Uint8Array.from(
      { length: 512 },
      (_, i) => 50 + 50 * Math.sin((i * Math.PI) / 256),
    );
    for (let y = 0, at = 0; y <= height; y++)
      for (let x = 0; x < stride; x++, at++) {
        const hill = (wave[(3 * x + y) & 511] as number) + (wave[(5 * y - x) & 511] as number);
        bytes[at] = 16 + hill + ((grain[at % 8191] as number) % NOISE);
      }
    for (let at = luma; at < bytes.length; at++) bytes[at] = 96 + ((at % half) & 63);
    this.#bytes = bytes;
    this.#planes = [
      { offset: 0, stride },
      { offset: luma, stride: half },
      { offset: luma + chroma, stride: half },
    ];
  }

  /** Frame `index` of the pan. Times in microseconds. */
  frame(index: number, size: Size, timestamp: number, duration: number): VideoFrame {
    const shift = STEP * (index % FRAMES);
    return new VideoFrame(this.#bytes, {
      format: "I420",
      codedWidth: size.width,
      codedHeight: size.height,
      timestamp,
      duration,
      colorSpace: completeColour(undefined, size.height),
      layout: this.#planes.map(({ offset, stride }, i) => ({
        offset: offset + (i === 0 ? shift : shift / 2),
        stride,
      })),
    });
  }
}
