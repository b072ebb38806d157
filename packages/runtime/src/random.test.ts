import { describe, expect, test } from "vitest";
import { secureRandom, seededRandom } from "./index.ts";

describe("chance with a seed", () => {
  const drawn = (seed: number, name?: string) => {
    const random = seededRandom(seed, name);
    return Array.from({ length: 20 }, () => random.fraction());
  };

  test("repeats for the same seed and name, and for no other", () => {
    expect(drawn(7, "network")).toEqual(drawn(7, "network"));
    expect(drawn(7, "network")).not.toEqual(drawn(8, "network"));
    expect(drawn(7, "network")).not.toEqual(drawn(7, "workers"));
  });

  test.each([
    ["seeded", seededRandom(1)],
    ["secure", secureRandom],
  ])("%s fractions fill [0, 1) evenly", (_, random) => {
    const tenths = new Array<number>(10).fill(0);
    for (let i = 0; i < 20_000; i++) {
      const value = random.fraction();
      expect(value >= 0 && value < 1).toBe(true);
      tenths[Math.floor(value * 10)] = (tenths[Math.floor(value * 10)] ?? 0) + 1;
    }
    // 2,000 expected in each; eight standard deviations are 340.
    for (const count of tenths) expect(Math.abs(count - 2_000)).toBeLessThan(340);
  });

  test("whole numbers stay below their limit, and all of them come", () => {
    const random = seededRandom(3);
    const seen = new Set(Array.from({ length: 500 }, () => random.below(7)));
    expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  test("bytes have the length asked for and use the whole range", () => {
    const bytes = seededRandom(4).bytes(4_000);
    expect(bytes).toHaveLength(4_000);
    expect(new Set(bytes).size).toBe(256);
    expect(secureRandom.bytes(16)).not.toEqual(secureRandom.bytes(16));
  });
});
