import { expect, test } from "vitest";
import { Ballistics, SILENCE } from "./meter.ts";

const sine = (amplitude: number) =>
  Float32Array.from({ length: 2048 }, (_, i) => amplitude * Math.sin((i * Math.PI) / 32));
const silence = new Float32Array(2048);

test("a full-scale sine peaks at 0 dBFS and is as loud as 3 dB less; half the amplitude is 6 dB less", () => {
  const meter = new Ballistics();
  const full = meter.read(sine(1), 0);
  expect(full.peak).toBeCloseTo(0, 2);
  expect(full.loudness).toBeCloseTo(-3.01, 1);
  const half = meter.read(sine(0.5), 10);
  expect(half.peak).toBeCloseTo(-6.02, 1);
  expect(half.held).toBe(full.held);
  expect(meter.read(silence, 20)).toMatchObject({ peak: SILENCE, loudness: SILENCE });
});

test("a peak is held for a second and a half, then falls by 20 dB a second, however often it is read", () => {
  for (const step of [16, 100, 1_000]) {
    const meter = new Ballistics();
    meter.read(sine(1), 0);
    let held = 0;
    for (let now = step; now <= 3_000; now += step) {
      held = meter.read(silence, now).held;
      if (now <= 1_500) expect(held).toBeCloseTo(0, 2);
    }
    const fell = 20 * ((Math.floor(3_000 / step) * step - 1_500) / 1000);
    expect(held).toBeCloseTo(-fell, 1);
    expect(meter.read(sine(0.9), 3_100).held).toBeCloseTo(-0.92, 1);
  }
});
