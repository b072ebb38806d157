import { BitsPerSecond } from "@tabcast/runtime";
import { expect, test } from "vitest";
import type { CodecName, Rung } from "../types.ts";
import { corrected, Rates } from "./rate.ts";

const rung: Rung = {
  name: "360p",
  width: 640,
  height: 360,
  bitrate: BitsPerSecond.of(800_000),
};

/** Streams `segments` of two seconds through an encoder that makes `gain` of what it is asked for; gives made over wanted. */
function stream(codec: CodecName, segments: number, gain: (segment: number) => number): number[] {
  const rates = new Rates();
  return Array.from({ length: segments }, (_, i) => {
    const bits = rates.ask(codec, rung) * gain(i) * 2;
    rates.learn(codec, rung, { bytes: bits / 8, seconds: 2 });
    return bits / 2 / rung.bitrate;
  });
}
const mean = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0) / values.length;

test("thirty seconds end within a tenth of the target, whatever the encoder's constant habit within the bounds", () => {
  for (const gain of [0.64, 0.72, 0.89, 1])
    expect(Math.abs(mean(stream("vp9", 15, () => gain)) - 1)).toBeLessThan(0.1);
  for (const gain of [0.85, 1, 1.15])
    expect(Math.abs(mean(stream("avc", 15, () => gain)) - 1)).toBeLessThan(0.1);
});

test("a habit that changes from segment to segment is not chased", () => {
  const made = stream("avc", 15, (i) => (i % 2 === 0 ? 0.9 : 1.1));
  expect(Math.abs(mean(made) - 1)).toBeLessThan(0.05);
  expect(Math.max(...made)).toBeLessThan(1.25);
});

test("content that cannot use the bits stores up no burst", () => {
  const made = stream("avc", 20, (i) => (i < 15 ? 0.05 : 1));
  expect(made[15]).toBe(1);
});

test("the factor keeps its bounds, however far the encoder is off", () => {
  for (const made of [0.41, 0.5, 3, 1e9]) {
    let factor = 1;
    for (let i = 0; i < 50; i++) factor = corrected("avc", factor, made);
    expect(factor).toBeGreaterThanOrEqual(0.8);
    expect(factor).toBeLessThanOrEqual(1.2);
  }
});

test("a segment of less than a second, or of nothing, teaches nothing", () => {
  const rates = new Rates();
  const before = rates.ask("vp9", rung);
  rates.learn("vp9", rung, { bytes: 1e6, seconds: 0.2 });
  rates.learn("vp9", rung, { bytes: 0, seconds: 2 });
  rates.learn("vp9", rung, { bytes: Number.NaN, seconds: Number.NaN });
  expect(rates.ask("vp9", rung)).toBe(before);
});

test("streams learn apart, so that none starves another, and remember in one bounded place", () => {
  const rates = new Rates();
  const [cartoon, camera] = [rates.of("cartoon"), rates.of("camera")];
  cartoon.learn("vp9", rung, { bytes: 400_000, seconds: 2 });
  expect(cartoon.ask("vp9", rung)).toBeLessThan(camera.ask("vp9", rung));
  expect(rates.of("cartoon").ask("vp9", rung)).toBe(cartoon.ask("vp9", rung));
  for (let i = 0; i < 256; i++)
    rates.of(`stream ${i}`).learn("vp9", rung, { bytes: 400_000, seconds: 2 });
  expect(cartoon.ask("vp9", rung)).toBe(camera.ask("vp9", rung));
});

test("rungs and codecs learn apart, and the oldest are forgotten", () => {
  const rates = new Rates();
  rates.learn("avc", rung, { bytes: 260_000, seconds: 2 });
  expect(rates.ask("avc", rung)).toBeLessThan(800_000);
  expect(rates.ask("avc", { ...rung, width: 642 })).toBe(800_000);
  for (let i = 0; i < 256; i++)
    rates.learn("avc", { ...rung, width: 700 + 2 * i }, { bytes: 200_000, seconds: 2 });
  expect(rates.ask("avc", rung)).toBe(800_000);
});
