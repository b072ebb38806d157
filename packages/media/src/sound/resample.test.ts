import { expect, test } from "vitest";
import { Resampler } from "./resample.ts";

const sine = (rate: number, hertz: number, count: number, from = 0) =>
  Float32Array.from({ length: count }, (_, i) =>
    Math.sin((2 * Math.PI * hertz * (from + i)) / rate),
  );

/** The largest difference to a sine, in decibels of full scale, away from the edges. */
function error(samples: Float32Array, rate: number, hertz: number): number {
  let worst = 0;
  for (let i = 200; i < samples.length - 200; i++)
    worst = Math.max(
      worst,
      Math.abs((samples[i] as number) - Math.sin((2 * Math.PI * hertz * i) / rate)),
    );
  return 20 * Math.log10(worst);
}

function converted(from: number, to: number, input: Float32Array<ArrayBuffer>, cut = 441) {
  const resampler = new Resampler(1, from / to);
  const parts: number[] = [];
  for (let at = 0; at < input.length; at += cut)
    parts.push(...(resampler.add([input.slice(at, at + cut)])[0] as Float32Array));
  parts.push(...(resampler.flush()[0] as Float32Array));
  return Float32Array.from(parts);
}

test("a sine stays a sine at its time, whatever the rates", () => {
  for (const from of [8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000, 192_000]) {
    const out = converted(from, 48_000, sine(from, 1000, from / 4));
    expect(error(out, 48_000, 1000), `${from} Hz`).toBeLessThan(-70);
    expect(Math.abs(out.length - 12_000)).toBeLessThanOrEqual(1 + 48_000 / from);
  }
});

test("what the lower rate cannot hold is gone, not folded back", () => {
  const out = converted(96_000, 48_000, sine(96_000, 30_000, 24_000));
  const loudest = out
    .subarray(200, -200)
    .reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  expect(20 * Math.log10(loudest)).toBeLessThan(-60);
});

test("at the same rate samples are unchanged", () => {
  const input = sine(48_000, 5000, 4_800);
  expect(converted(48_000, 48_000, input)).toEqual(input);
});

test("the cut into pieces does not matter", () => {
  const input = sine(44_100, 3000, 8_820);
  const whole = converted(44_100, 48_000, input, input.length);
  const pieces = converted(44_100, 48_000, input, 137);
  expect(pieces.length).toBe(whole.length);
  expect(
    Math.max(...pieces.map((value, i) => Math.abs(value - (whole[i] as number)))),
  ).toBeLessThan(1e-6);
});

test("the position does not wander: after a million samples a sine is still at its time", () => {
  const resampler = new Resampler(1, 44_100 / 48_000);
  let made = 0;
  let last = new Float32Array(0);
  for (let fed = 0; fed < 882_000; fed += 44_100) {
    last = resampler.add([sine(44_100, 441, 44_100)])[0] as Float32Array<ArrayBuffer>;
    made += last.length;
  }
  // 441 Hz has whole periods in each piece, so the pieces join.
  expect(made + resampler.pending / (44_100 / 48_000)).toBeCloseTo(960_000, 6);
  const start = made - last.length;
  const worst = last.reduce((most, value, i) => {
    const phase = (441 * ((start + i) % 48_000)) / 48_000;
    return Math.max(most, Math.abs(value - Math.sin(2 * Math.PI * phase)));
  }, 0);
  expect(worst).toBeLessThan(3e-4);
});
