import { expect, test } from "vitest";
import { mixed, type Planes } from "./pcm.ts";

const planes = (...values: number[]): Planes => values.map((value) => Float32Array.of(value));
const values = (mix: Planes) => mix.map((plane) => plane[0] as number);

test("as many channels as wanted are passed on as they are", () => {
  const pair = planes(0.1, 0.2);
  expect(mixed(pair, 2)).toBe(pair);
});

test("mono stands on both sides, and both sides are halved for mono", () => {
  expect(mixed(planes(0.5), 2)).toEqual(planes(0.5, 0.5));
  expect(values(mixed(planes(0.5, 0.25), 1))[0]).toBeCloseTo(0.375);
});

test("surround keeps the proportions of ITU-R BS.775: centre and back at -3 dB, no low frequencies", () => {
  const [l, r, c, lfe, bl, br] = [0.1, 0.2, 0.3, 0.9, 0.4, -0.2];
  const scale = 1 + 2 * Math.SQRT1_2;
  const [left, right] = values(mixed(planes(l, r, c, lfe, bl, br), 2)) as [number, number];
  expect(left).toBeCloseTo((l + Math.SQRT1_2 * (c + bl)) / scale, 6);
  expect(right).toBeCloseTo((r + Math.SQRT1_2 * (c + br)) / scale, 6);
});

test("no number of channels clips, however loud", () => {
  for (let count = 1; count <= 12; count++)
    for (const wanted of [1, 2])
      for (const value of values(mixed(planes(...Array<number>(count).fill(1)), wanted)))
        expect(Math.abs(value)).toBeLessThanOrEqual(1 + 1e-6);
});
