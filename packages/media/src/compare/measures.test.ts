import { seededRandom } from "@tabcast/runtime";
import { describe, expect, test } from "vitest";
import { chroma, detail, measureFrame, psnr, sharpness, tileSsim } from "./measures.ts";
import { type Plane, scaled } from "./planes.ts";

const plane = (width: number, height: number, at: (x: number, y: number) => number): Plane => ({
  width,
  height,
  data: Uint8Array.from({ length: width * height }, (_, i) => at(i % width, Math.floor(i / width))),
});
const random = seededRandom(Number(process.env.SEED ?? 1), "measures");
const noisy = plane(64, 48, () => 40 + random.below(170));
const checks = plane(64, 48, (x, y) => (((x >> 1) + (y >> 1)) % 2 === 0 ? 60 : 180));
const grey = (value: number) => plane(32, 24, () => value);

describe("measures of one frame", () => {
  test("a frame compared with itself passes every measure", () => {
    const picture = { luma: noisy, u: scaled(noisy, 32, 24), v: scaled(checks, 32, 24) };
    const same = measureFrame(picture, picture);
    expect(same).toMatchObject({ psnr: 100, sharpness: 1, chroma: 0, saturation: 1 });
    expect(same.ssim).toBeCloseTo(1, 12);
    expect(same.tileSsim).toBeCloseTo(1, 12);
  });

  test("psnr is that of the mean squared error", () => {
    const brighter = { ...noisy, data: noisy.data.map((value) => value + 5) };
    expect(psnr(brighter, noisy)).toBeCloseTo(10 * Math.log10(255 ** 2 / 25), 9);
  });

  test("ssim agrees with its formula worked out window by window", () => {
    const other = plane(64, 48, (x, y) => 0.7 * (noisy.data[y * 64 + x] as number) + 30);
    const windows: number[] = [];
    for (let y = 0; y + 8 <= 48; y += 4)
      for (let x = 0; x + 8 <= 64; x += 4) {
        const pairs = Array.from({ length: 64 }, (_, i) => {
          const at = (y + (i >> 3)) * 64 + x + (i & 7);
          return [other.data[at] as number, noisy.data[at] as number] as const;
        });
        const mean = (of: (pair: readonly [number, number]) => number) =>
          pairs.reduce((sum, pair) => sum + of(pair), 0) / 64;
        const [ma, mb] = [mean(([a]) => a), mean(([, b]) => b)];
        const va = mean(([a]) => (a - ma) ** 2);
        const vb = mean(([, b]) => (b - mb) ** 2);
        const cov = mean(([a, b]) => (a - ma) * (b - mb));
        windows.push(
          ((2 * ma * mb + 6.5025) * (2 * cov + 58.5225)) /
            ((ma ** 2 + mb ** 2 + 6.5025) * (va + vb + 58.5225)),
        );
      }
    const mean = windows.reduce((sum, value) => sum + value, 0) / windows.length;
    expect(tileSsim(other, noisy).ssim).toBeCloseTo(mean, 9);
  });

  test("a patch of 6 % spoils the worst tiles and hardly moves the mean", () => {
    const large = plane(256, 256, (x, y) => 128 + 40 * Math.sin(x / 5) * Math.cos(y / 7));
    const patched = plane(256, 256, (x, y) =>
      x < 64 && y < 64 ? 200 : (large.data[y * 256 + x] as number),
    );
    const { ssim, tileSsim: worst } = tileSsim(patched, large);
    expect(ssim).toBeGreaterThan(0.93);
    expect(worst).toBeLessThan(0.4);
  });

  test("half the contrast is a quarter of the sharpness", () => {
    const half = plane(64, 48, (x, y) => (checks.data[y * 64 + x] as number) / 2);
    expect(sharpness(half, checks)).toBeCloseTo(0.25, 2);
  });

  test("detail is lost by halving and enlarging, kept by darkening, and not there in a ramp", () => {
    const fine = plane(64, 48, (x) => (x % 8 === 3 ? 180 : 60));
    const halved = scaled(scaled(fine, 32, 24), 64, 48);
    expect(detail(halved, fine)).toBeCloseTo(1 / 6, 2);
    const dark = plane(64, 48, (x, y) => (fine.data[y * 64 + x] as number) - 40);
    expect(detail(dark, fine)).toBeCloseTo(1, 9);
    expect(
      detail(
        fine,
        plane(64, 48, (x) => 20 + 2 * x),
      ),
    ).toBeUndefined();
  });

  test("noise alone is no detail that a rendition owes", () => {
    expect(detail(noisy, noisy)).toBeUndefined();
  });

  test("grey chroma has no saturation, and a grey source none to lose", () => {
    const luma = plane(64, 48, () => 90);
    const coloured = { luma, u: grey(100), v: grey(150) };
    const without = { luma, u: grey(128), v: grey(128) };
    expect(chroma(without, coloured)).toEqual({ chroma: 25, saturation: 0 });
    expect(chroma(without, without).saturation).toBeUndefined();
  });

  test("two levels of colour are a tint that can be lost, one level is none", () => {
    const luma = plane(64, 48, () => 90);
    const of = (levels: number) => ({ luma, u: grey(128 + levels), v: grey(128 - levels) });
    expect(chroma(of(0), of(2))).toEqual({ chroma: 2, saturation: undefined, tint: 0 });
    expect(chroma(of(0), of(1)).tint).toBeUndefined();
    expect(chroma(of(0), of(3)).tint).toBeUndefined();
  });
});
