import { seededRandom } from "@tabcast/runtime";
import { describe, expect, test } from "vitest";
import * as AvailabilityCheck from "./availability-check.ts";
import { LIVE } from "./config.ts";
import type { Member } from "./crew.ts";

const SEED = Number(process.env.SEED ?? Date.now() | 0);
const random = seededRandom(SEED, "availability");
const seed = random.bytes(32);
/** Two seconds of the bench's ladder, in bytes. */
const sizes = [62_500, 200_000, 400_000, 750_000];
const ladder = sizes.reduce((sum, size) => sum + size, 0);

describe(`what availability checks ask for (SEED=${SEED})`, () => {
  const SEGMENTS = 4_000;
  const plans = (newcomer: boolean) =>
    Array.from({ length: SEGMENTS }, () => random.bytes(32)).flatMap(
      (hash) => AvailabilityCheck.plan({ hash, sizes, newcomer }, seed, LIVE) ?? [],
    );

  test.each([
    ["a newcomer", true, LIVE.availabilityCheck.newcomer, 0.08],
    ["somebody proven", false, LIVE.availabilityCheck.later, 0.06],
  ])(
    "begins as often as it should at %s's segments, and costs few bytes",
    (_, newcomer, chance, most) => {
      const all = plans(newcomer);
      // Four standard deviations of as many draws.
      expect(Math.abs(all.length / SEGMENTS - chance)).toBeLessThan(0.035);
      for (const { afterMs } of all) expect(afterMs).toBeLessThan(LIVE.availabilityCheck.withinMs);
      // While a visit goes on none begins.
      const watched = all.reduce((sum, { segments }) => sum + segments, 0);
      const bytes = all.reduce(
        (sum, { rendition, segments }) => sum + segments * (sizes[rendition] ?? 0),
        0,
      );
      const lasted = SEGMENTS + watched - all.length;
      expect(bytes / (lasted * ladder)).toBeLessThan(1.25 * most);
    },
  );

  test("is often short and now and then as long as a viewer stays", () => {
    const all = plans(true).map(({ segments }) => segments);
    const { mostSegments } = LIVE.availabilityCheck;
    const share = (least: number) => all.filter((n) => n >= least).length / all.length;
    for (let least = 1; least <= mostSegments; least++)
      expect(Math.abs(share(least) - 1 / least)).toBeLessThan(0.06);
    expect(Math.max(...all)).toBe(mostSegments);
  });

  test("may be any rung, so that serving the small ones alone is not enough", () => {
    const all = plans(true);
    const count = (rung: number) => all.filter(({ rendition }) => rendition === rung).length;
    for (let rung = 0; rung < sizes.length; rung++) {
      const share = 1 / (sizes[rung] as number) / sizes.reduce((sum, size) => sum + 1 / size, 0);
      expect(Math.abs(count(rung) / all.length - share)).toBeLessThan(0.06);
      expect(count(rung)).toBeGreaterThan(0);
    }
  });

  test("is the same for the same secret and segment, and another for another secret", () => {
    const hash = random.bytes(32);
    const config = { ...LIVE, availabilityCheck: { ...LIVE.availabilityCheck, later: 1 } };
    const plan = (secret: Uint8Array) =>
      AvailabilityCheck.plan({ hash, sizes, newcomer: false }, secret, config);
    expect(plan(seed)).toEqual(plan(seed));
    expect(plan(random.bytes(32))).not.toEqual(plan(seed));
  });
});

test.each<[AvailabilityCheck.Answer[], ReturnType<typeof AvailabilityCheck.settle>]>([
  [[], "ask"],
  [["served"], "over"],
  [["gone"], "over"],
  [["refused"], "again"],
  [["refused", "served"], "over"],
  [["refused", "gone"], "over"],
  [["refused", "refused"], "unserved"],
])("after the answers %j an availability check is: %s", (answers, next) => {
  expect(AvailabilityCheck.settle(answers)).toBe(next);
});

test("a worker owes viewers what it made only while it works under the same epoch", () => {
  const member = (state: Member["state"]) => ({ state, epoch: 3 }) as Member;
  expect(AvailabilityCheck.owes(member("hired"), 3)).toBe(true);
  expect(AvailabilityCheck.owes(member("hired"), 2)).toBe(false);
  expect(AvailabilityCheck.owes(undefined, 3)).toBe(false);
  for (const state of ["asked", "suspended", "draining"] as const)
    expect(AvailabilityCheck.owes(member(state), 3)).toBe(false);
});
