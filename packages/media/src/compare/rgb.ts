import type { Picture } from "./planes.ts";

/** Where red stands in four bytes of a pixel; blue is at the other end. */
const RED: Readonly<Record<string, number>> = { RGBA: 0, RGBX: 0, BGRA: 2, BGRX: 2 };

/** True for a frame that a decoder gives in colours instead of planes, as Firefox's does where it decodes in a process of its own. */
export const isRgb = (format: string | null): format is string => format !== null && format in RED;

/**
 * Pixels of four bytes as 8-bit 4:2:0 of limited range, by ITU-R BT.709 items 3.2 to 3.4 whatever the matrix was that they were made
 * by: two pictures from one decoder can be compared. Sides in pixels, even.
 */
export function pictureOfRgb(
  pixels: Uint8Array,
  format: string,
  { width, height }: { readonly width: number; readonly height: number },
): Picture {
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
        const bright = 0.2126 * r + 0.7152 * g + 0.0722 * b;
        luma[at] = 16.5 + (bright * 219) / 255;
        sumY += bright;
        sumR += r;
        sumB += b;
      }
      const at = (y >> 1) * halfWidth + (x >> 1);
      u[at] = 128.5 + ((sumB - sumY) * 224) / (4 * 255 * 1.8556);
      v[at] = 128.5 + ((sumR - sumY) * 224) / (4 * 255 * 1.5748);
    }
  const half = { width: halfWidth, height: halfHeight };
  return { luma: { width, height, data: luma }, u: { ...half, data: u }, v: { ...half, data: v } };
}
