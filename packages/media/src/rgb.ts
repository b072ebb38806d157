import { concatBytes } from "@tabcast/runtime";
import type { Picture } from "./compare/planes.ts";

/** Where red stands in four bytes of a pixel; blue is at the other end. */
const RED: Readonly<Record<string, number>> = { RGBA: 0, RGBX: 0, BGRA: 2, BGRX: 2 };

/** True for a frame that a decoder gives in colours instead of planes, as Firefox's does where it decodes in a process of its own. */
export const isRgb = (format: string | null): format is string => format !== null && format in RED;

/** Shares of red and of blue in brightness: ITU-R BT.709 item 3.2, and BT.601 item 2.5.1 under its two names. */
const SHARES: Readonly<Record<string, readonly [red: number, blue: number]>> = {
  bt709: [0.2126, 0.0722],
  smpte170m: [0.299, 0.114],
  bt470bg: [0.299, 0.114],
};

/** Pixels of four bytes as 8-bit 4:2:0 of limited range. Sides in pixels, even; other matrices count as bt709. */
export function pictureOfRgb(
  pixels: Uint8Array | Uint8ClampedArray,
  format: string,
  { width, height }: { readonly width: number; readonly height: number },
  matrix = "bt709",
): Picture {
  const [ofRed, ofBlue] = SHARES[matrix] ?? (SHARES.bt709 as readonly [number, number]);
  const ofGreen = 1 - ofRed - ofBlue;
  const red = RED[format] ?? 0;
  const [halfWidth, halfHeight] = [width / 2, height / 2];
  const luma = new Uint8Array(width * height);
  const u = new Uint8Array(halfWidth * halfHeight);
  const v = new Uint8Array(halfWidth * halfHeight);
  for (let y = 0; y < height; y += 2)
    for (let x = 0; x < width; x += 2) {
      // Of the four pixels that share one sample of each colour difference.
      let [sumY, sumR, sumB] = [0, 0, 0];
      for (let part = 0; part < 4; part++) {
        const at = (y + (part >> 1)) * width + x + (part & 1);
        const r = pixels[4 * at + red] as number;
        const g = pixels[4 * at + 1] as number;
        const b = pixels[4 * at + 2 - red] as number;
        const bright = ofRed * r + ofGreen * g + ofBlue * b;
        luma[at] = 16.5 + (bright * 219) / 255;
        sumY += bright;
        sumR += r;
        sumB += b;
      }
      const at = (y >> 1) * halfWidth + (x >> 1);
      u[at] = 128.5 + ((sumB - sumY) * 224) / (4 * 255 * 2 * (1 - ofBlue));
      v[at] = 128.5 + ((sumR - sumY) * 224) / (4 * 255 * 2 * (1 - ofRed));
    }
  const half = { width: halfWidth, height: halfHeight };
  return { luma: { width, height, data: luma }, u: { ...half, data: u }, v: { ...half, data: v } };
}

/** What stands for luma that was cut off, between the cut and the end of the range, so that no error is larger than 10. */
const DARK = 8;
const BRIGHT = 245;

/**
 * Puts right the samples, of limited range, of a picture whose full-range ones were taken for limited: they are the source's own
 * samples, except that luma ends at 16 and 235. In place.
 */
export function restoreRange({ luma, u, v }: Picture): void {
  for (let i = 0; i < luma.data.length; i++) {
    const sample = luma.data[i] as number;
    const full = sample <= 16 ? DARK : sample >= 235 ? BRIGHT : sample;
    luma.data[i] = 16.5 + (full * 219) / 255;
  }
  for (const { data } of [u, v])
    for (let i = 0; i < data.length; i++)
      data[i] = 128.5 + (((data[i] as number) - 128) * 224) / 255;
}

/** Makes planes of decoded frames that came in colours. One for a decoder: it keeps a canvas. */
export class Planes {
  readonly #canvas = new OffscreenCanvas(2, 2);
  readonly #restores: boolean;

  /** `restores`: the decoder took full range for limited, by `losesRange`. */
  constructor(restores: boolean) {
    this.#restores = restores;
  }

  /**
   * The frame, or where it is RGB a new one with planes in its place, which is closed. Firefox 153 encodes RGB by BT.601 and calls
   * it BT.709, and colours that moved are what a check finds.
   */
  of(frame: VideoFrame): VideoFrame {
    const { format, visibleRect: rect, colorSpace, timestamp, duration } = frame;
    if (!isRgb(format) || !rect || !((colorSpace.matrix ?? "bt709") in SHARES)) return frame;
    const size = { width: rect.width & ~1, height: rect.height & ~1 };
    Object.assign(this.#canvas, size);
    const context = this.#canvas.getContext("2d", { alpha: false, willReadFrequently: true });
    if (context === null) return frame;
    context.drawImage(frame, 0, 0, rect.width, rect.height);
    frame.close();
    const { data } = context.getImageData(0, 0, size.width, size.height);
    const matrix = colorSpace.matrix ?? "bt709";
    const picture = pictureOfRgb(data, "RGBA", size, matrix);
    if (this.#restores) restoreRange(picture);
    const { luma, u, v } = picture;
    return new VideoFrame(concatBytes(luma.data, u.data, v.data), {
      format: "I420",
      codedWidth: size.width,
      codedHeight: size.height,
      timestamp,
      ...(duration === null ? {} : { duration }),
      colorSpace: {
        matrix,
        primaries: colorSpace.primaries ?? "bt709",
        transfer: colorSpace.transfer ?? "bt709",
        fullRange: false,
      },
    });
  }
}
