import { expect, test } from "vitest";
import { isRgb, pictureOfRgb, restoreRange } from "./rgb.ts";

/** A picture of one colour. */
const plain = (bytes: readonly number[], format: string) => {
  const pixels = Uint8Array.from({ length: 4 * 4 * 2 }, (_, i) => bytes[i % 4] as number);
  const { luma, u, v } = pictureOfRgb(pixels, format, { width: 4, height: 2 });
  expect([luma.data.length, u.data.length, v.data.length]).toEqual([8, 2, 2]);
  return [luma.data[7], u.data[1], v.data[1]];
};

test("colours become the limited-range samples that BT.709 gives them", () => {
  expect(plain([255, 255, 255, 255], "RGBX")).toEqual([235, 128, 128]);
  expect(plain([0, 0, 0, 255], "RGBX")).toEqual([16, 128, 128]);
  // 75 % bars as in SMPTE RP 219: red and blue.
  expect(plain([191, 0, 0, 255], "RGBA")).toEqual([51, 109, 212]);
  expect(plain([0, 0, 191, 255], "RGBA")).toEqual([28, 212, 120]);
});

test("the matrix of the source decides how bright a colour is", () => {
  const red = pictureOfRgb(
    new Uint8Array([191, 0, 0, 255, 191, 0, 0, 255, 191, 0, 0, 255, 191, 0, 0, 255]),
    "RGBX",
    { width: 2, height: 2 },
    "smpte170m",
  );
  // 75 % red in BT.601.
  expect([red.luma.data[0], red.u.data[0], red.v.data[0]]).toEqual([65, 100, 212]);
});

test("red is found first or third, as the format's name says", () => {
  expect(plain([0, 0, 191, 255], "BGRX")).toEqual(plain([191, 0, 0, 255], "RGBX"));
  expect(plain([191, 0, 0, 255], "BGRA")).toEqual(plain([0, 0, 191, 255], "RGBA"));
});

test("planes and unknown formats are not taken for colours", () => {
  expect(["I420", "NV12", "I420A", null].filter(isRgb)).toEqual([]);
  expect(["RGBA", "RGBX", "BGRA", "BGRX"].every(isRgb)).toBe(true);
});

test("full-range samples that were taken for limited ones come back, and what was cut off stays within 10 levels", () => {
  for (let full = 0; full <= 255; full++) {
    // What a decoder makes of grey that it takes for limited.
    const level = Math.min(255, Math.max(0, Math.round(((full - 16) * 255) / 219)));
    const picture = pictureOfRgb(
      Uint8Array.from({ length: 16 }, () => level),
      "BGRX",
      { width: 2, height: 2 },
    );
    restoreRange(picture);
    const off = Math.abs((picture.luma.data[0] as number) - (16 + (full * 219) / 255));
    expect(off, `luma ${full}`).toBeLessThanOrEqual(full > 16 && full < 235 ? 2 : 10);
    expect(picture.u.data[0]).toBe(128);
  }
});
