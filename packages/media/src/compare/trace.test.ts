import { describe, expect, test } from "vitest";
import { gridOf, measureTrace, type Trace } from "./trace.ts";

const [COLUMNS, ROWS, FRAMES] = [40, 20, 30];

/** A trace whose cell at (x, y) of frame i is `at(x, y, i)`. */
function trace(at: (x: number, y: number, i: number) => number): Trace {
  const size = COLUMNS * ROWS;
  const cells = Float32Array.from({ length: FRAMES * size }, (_, c) =>
    at(c % COLUMNS, Math.floor((c % size) / COLUMNS), Math.floor(c / size)),
  );
  return { columns: COLUMNS, rows: ROWS, frames: FRAMES, cells };
}

/** A square that goes to the right over a ramp. */
const moving = (x: number, y: number, i: number) => {
  const left = 2 + i;
  return x >= left && x < left + 8 && y > 4 && y < 13 ? 200 : 50 + 2 * x;
};
const source = trace(moving);

describe("the trace", () => {
  test("of equal pictures says nothing against the rendition", () => {
    expect(measureTrace(source, source)).toEqual({
      tellable: FRAMES,
      misplaced: 0,
      moving: FRAMES - 1,
      still: 0,
      drifting: FRAMES - 12,
      stuck: 0,
      contrast: 1,
      offset: 0,
      blemish: 0,
      spot: 0,
    });
  });

  test("a frame late is misplaced in every frame but the doubled first", () => {
    const late = trace((x, y, i) => moving(x, y, Math.max(0, i - 1)));
    expect(measureTrace(late, source)).toMatchObject({ tellable: FRAMES, misplaced: FRAMES - 1 });
  });

  test("every second frame repeated is still every second time", () => {
    const halting = trace((x, y, i) => moving(x, y, i - (i % 2)));
    expect(measureTrace(halting, source)).toMatchObject({ still: 15, misplaced: 15, stuck: 0 });
  });

  test("a frozen picture is stuck", () => {
    const frozen = trace((x, y) => moving(x, y, 0));
    const { moving: moved, still, drifting, stuck } = measureTrace(frozen, source);
    expect([still, stuck]).toEqual([moved, drifting]);
  });

  test("a source that stands still shows neither order nor motion", () => {
    const still = trace((x, y) => moving(x, y, 0));
    expect(measureTrace(still, still)).toMatchObject({ tellable: 0, moving: 0, drifting: 0 });
  });

  test("noise that the encoder takes away is no misplaced frame", () => {
    let state = 1;
    const noise = () => {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
      return (state / 0x7fffffff - 0.5) * 14;
    };
    const noisy = trace((x) => 60 + 3 * x + noise());
    const clean = trace((x) => 60 + 3 * x);
    const { tellable, misplaced } = measureTrace(clean, noisy);
    expect(tellable).toBeGreaterThan(20);
    expect(misplaced).toBe(0);
  });

  test("a wrong range shows as contrast, a lighter picture as an offset, a patch as a blemish", () => {
    const full = trace((x, y, i) => ((moving(x, y, i) - 16) * 255) / 219);
    expect(measureTrace(full, source).contrast).toBeCloseTo(255 / 219, 5);
    const lighter = trace((x, y, i) => moving(x, y, i) + 6);
    const { contrast, ...lifted } = measureTrace(lighter, source);
    expect(contrast).toBeCloseTo(1, 9);
    expect(lifted).toMatchObject({ offset: 6, blemish: 6 });
    const logo = trace((x, y, i) => (x < 5 && y < 5 ? 240 : moving(x, y, i)));
    expect(measureTrace(logo, source).blemish).toBeGreaterThan(100);
    const words = trace((x, y, i) => (x < 8 && y === 18 ? 10 : moving(x, y, i)));
    const { blemish, spot } = measureTrace(words, source);
    expect(blemish).toBe(0);
    expect(spot).toBeGreaterThanOrEqual(40);
  });

  test("a flat picture has no contrast to keep", () => {
    const flat = trace(() => 40);
    expect(measureTrace(flat, flat).contrast).toBeUndefined();
  });

  test("cells are square and eighty along the longer side", () => {
    expect(gridOf({ width: 1920, height: 1080 })).toEqual({ columns: 80, rows: 45 });
    expect(gridOf({ width: 374, height: 666 })).toEqual({ columns: 45, rows: 80 });
    expect(gridOf({ width: 4000, height: 16 })).toEqual({ columns: 80, rows: 1 });
  });
});
