import { seededRandom } from "@tabcast/runtime";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as Check from "./check.ts";

const { SEED, FC_PATH = "", RUNS = "200" } = process.env;
const replay = { seed: Number(SEED ?? Date.now() | 0), path: FC_PATH, numRuns: Number(RUNS) };
const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
const ppm = fc.integer({ min: 1, max: 1_000_000 });
const random = seededRandom(3, "check");
const seed = random.bytes(32);

describe(`who is checked (SEED=${replay.seed})`, () => {
  test("follows the specification: HMAC-SHA256 with the seed, 48 bits", () => {
    // Computed with Python's hmac: hmac.new(bytes(range(32)), b"tabcast/1/check\0" + bytes(32), "sha256").
    const key = Uint8Array.from({ length: 32 }, (_, i) => i);
    expect(Check.draw(key, new Uint8Array(32))).toBeCloseTo(0.946809555782842, 12);
    expect(Buffer.from(Check.commit(key)).toString("hex")).toBe(
      "7a8dae905a22d907cbf966f755609482d0c1e78ea38da98db4d68617657bd232",
    );
  });

  test("comes to as many as the chance says, whatever the chance", () => {
    for (const chance of [30_000, 150_000, 500_000, 1_000_000]) {
      let hit = 0;
      for (let i = 0; i < 4_000; i++) if (Check.chosen(seed, random.bytes(32), chance)) hit++;
      // Four standard deviations of the worst case are 0.032.
      expect(Math.abs(hit / 4_000 - chance / 1e6)).toBeLessThan(0.033);
    }
  });

  test("can be recomputed by anybody from the reveal, and every lie in it shows", () => {
    const line = fc.record({ receipt: bytes32, ppm });
    const property = fc.property(
      bytes32,
      fc.uniqueArray(line, { minLength: 1, maxLength: 20, selector: (one) => String(one.receipt) }),
      fc.nat(),
      (key, lines, pick) => {
        const kept = lines.map((one, seq) => ({ seq, ...one }));
        const checks = kept.map((one) => ({
          ...one,
          checked: Check.chosen(key, one.receipt, one.ppm),
        }));
        const commitment = Check.commit(key);
        expect(Check.audit({ seed: key, checks }, commitment, kept)).toEqual([]);
        const at = pick % checks.length;
        const bend = (change: object) =>
          checks.map((one, i) => (i === at ? { ...one, ...change } : one));
        const seq = at;
        const turned = bend({ checked: !checks[at]?.checked });
        expect(Check.audit({ seed: key, checks: turned }, commitment)).toEqual([
          { what: "draw", seq },
        ]);
        const raised = bend({ ppm: checks[at]?.ppm === 1 ? 2 : 1 });
        expect(Check.audit({ seed: key, checks: raised }, commitment, kept)).toContainEqual({
          what: "chance",
          seq,
        });
        const other = bend({ receipt: new Uint8Array(32).fill(255) });
        expect(Check.audit({ seed: key, checks: other }, commitment, kept)).toContainEqual({
          what: "receipt",
          seq,
        });
        const wrong = Uint8Array.from(key, (byte, i) => (i === 0 ? byte ^ 1 : byte));
        expect(Check.audit({ seed: wrong, checks }, commitment, kept)).toEqual([{ what: "seed" }]);
      },
    );
    fc.assert(property, replay);
  });
});

describe("the choice of rungs and frames to compare", () => {
  const ladder = [
    { width: 1280, height: 720 },
    { width: 426, height: 240 },
  ];
  test("is the same for the same seed and receipt, another at the second spot check", () => {
    const receipt = random.bytes(32);
    const of = (check: number) => {
      const chance = Check.places(seed, receipt, check);
      return Array.from({ length: 8 }, () => chance.below(60));
    };
    expect(of(1)).toEqual(of(1));
    expect(of(1)).not.toEqual(of(2));
    expect(of(1).every((frame) => frame >= 0 && frame < 60)).toBe(true);
  });

  test("is every rung of a newcomer's, and one rung of others', drawn by its share of the pixels", () => {
    expect(Check.rungs(ladder, true, random)).toEqual([0, 1]);
    const hits = Array.from({ length: 3_000 }, () => Check.rungs(ladder, false, random)[0]);
    const small = hits.filter((index) => index === 1).length / 3_000;
    expect(small).toBeGreaterThan(0.07);
    expect(small).toBeLessThan(0.13); // 426 x 240 is a tenth of the pixels
  });
});

test.each<[Check.Finding[], ReturnType<typeof Check.settle>]>([
  [[], "check"],
  [["honest"], "pass"],
  [["grey"], "again"],
  [["false"], "again"],
  [["none"], "doubt"],
  [["grey", "honest"], "pass"],
  [["grey", "grey"], "doubt"],
  [["grey", "false"], "fail"],
  [["false", "honest"], "pass"],
  [["false", "grey"], "doubt"],
  [["false", "false"], "fail"],
  [["false", "none"], "doubt"],
])("after findings %j comes %s: one alone never counts against a worker", (findings, next) => {
  expect(Check.settle(findings)).toBe(next);
});
