import { seededRandom } from "@tabcast/runtime";
import { describe, expect, test } from "vitest";
import { LIVE } from "./config.ts";
import * as Select from "./select.ts";

const one = (worker: string, values: Partial<Select.Candidate> = {}): Select.Candidate => ({
  worker,
  price: 100n,
  etaMs: 1_000,
  reputation: 0.5,
  ageMs: 60_000,
  ...values,
});

describe("the draw among bids", () => {
  test.each([
    [0, 0.132],
    [10_000, 0.047],
    [60_000, 0.022],
    [300_000, 0.01],
    [1_800_000, 0.004],
  ])("a tab %i ms old vanishes within 6 s with chance %d", (age, chance) => {
    expect(1 - Select.stays(age, 6_000, LIVE)).toBeCloseTo(chance, 3);
  });

  test("takes nobody who cannot meet the deadline, even if nobody else is there", () => {
    const slow = one("slow", { etaMs: 3_100 });
    expect(Select.select([slow], 1, 4_000, LIVE, seededRandom(1))).toEqual([]);
    expect(
      Select.select([one("ok", { etaMs: 3_000 })], 1, 4_000, LIVE, seededRandom(1)),
    ).toHaveLength(1);
  });

  test("takes the quickest of those it drew, and gives everybody a chance", () => {
    const many = Array.from({ length: 30 }, (_, i) => one(`w${i}`, { etaMs: 1_000 + i }));
    const wins = new Map<string, number>();
    const random = seededRandom(7, "draw");
    for (let round = 0; round < 2_000; round++) {
      const [first, second] = Select.select(many, 2, 4_000, LIVE, random);
      expect(first && second && first.etaMs < second.etaMs).toBe(true);
      const name = first?.worker ?? "";
      wins.set(name, (wins.get(name) ?? 0) + 1);
    }
    // The best of six out of thirty: the quickest wins one round in five, the 25th can still win, the last five never.
    expect((wins.get("w0") ?? 0) / 2_000).toBeCloseTo(0.2, 1);
    expect(wins.size).toBeGreaterThan(12);
    expect(wins.has("w29")).toBe(false);
  });

  test("prefers the cheap, the proven and the settled, and shows every term of it", () => {
    const all = [
      one("middle"),
      one("dear", { price: 200n }),
      one("proven", { reputation: 0.9 }),
      one("new", { ageMs: 0 }),
      one("slow", { etaMs: 9_000 }),
    ];
    const terms = Select.explain(all, 4_000, LIVE);
    const of = (name: string) => terms.find(({ worker }) => worker === name) as Select.Terms;
    expect(terms[0]?.worker).toBe("proven");
    expect(of("dear").price).toBeCloseTo(Math.exp(-2), 6);
    expect(of("proven").honesty).toBeCloseTo(0.81, 6);
    expect(of("new").stay).toBeLessThan(of("middle").stay);
    for (const { price, honesty, stay, weight, feasible } of terms)
      expect(weight).toBeCloseTo(feasible ? price * honesty * stay : 0, 9);
    expect(of("slow")).toMatchObject({ feasible: false, weight: 0, chance: 0 });
    expect(terms.reduce((sum, { chance }) => sum + chance, 0)).toBeCloseTo(1, 9);
  });

  test("free work has no price to weigh", () => {
    const free = [one("a", { price: 0n }), one("b", { price: 0n })];
    expect(Select.select(free, 2, 4_000, LIVE, seededRandom(3))).toHaveLength(2);
  });
});
