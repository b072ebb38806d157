import { expect, test } from "vitest";
import { cellMeans, type Plane, scaled, toLimitedRange } from "./planes.ts";

const plane = (width: number, height: number, data: readonly number[]): Plane => ({
  width,
  height,
  data: Uint8Array.from(data),
});

test("each sample of a smaller plane is the mean of the area it covers", () => {
  const large = plane(3, 2, [0, 30, 60, 90, 120, 150]);
  expect([...scaled(large, 1, 1).data]).toEqual([75]);
  // Two thirds across: 1.5 samples each.
  expect([...scaled(large, 2, 1).data]).toEqual([55, 95]);
  const cells = new Float32Array(3);
  cellMeans(large, 2, 1, cells, 1);
  expect([...cells]).toEqual([0, 55, 95]);
});

test("any size keeps the mean and a flat plane flat", () => {
  const flat = plane(37, 23, new Array(37 * 23).fill(201));
  for (const [width, height] of [
    [16, 9],
    [36, 22],
    [80, 50],
  ] as const)
    expect(new Set(scaled(flat, width, height).data)).toEqual(new Set([201]));
});

test("a plane of the wanted size is passed on as it is", () => {
  const own = plane(2, 2, [1, 2, 3, 4]);
  expect(scaled(own, 2, 2)).toBe(own);
});

test("full range becomes limited by BT.601's numbers", () => {
  const picture = {
    luma: plane(3, 1, [0, 128, 255]),
    u: plane(3, 1, [0, 128, 255]),
    v: plane(1, 1, [128]),
  };
  toLimitedRange(picture);
  expect([...picture.luma.data]).toEqual([16, 126, 235]);
  expect([...picture.u.data]).toEqual([16, 128, 240]);
  expect([...picture.v.data]).toEqual([128]);
});
