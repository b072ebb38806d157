import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  fits,
  MOST_BYTES,
  MOST_OF_PEER,
  MOST_REQUESTS,
  MOST_REQUESTS_OF_PEER,
  NOTHING_USED,
  openBudget,
} from "./budget.ts";
import { RANKS } from "./mesh.ts";

const MIB = 2 ** 20;

test("whatever is asked for, no rank takes more than its share, nor all of them more than there is", async () => {
  const asks = fc.array(
    fc
      .record({ peer: fc.integer({ min: 0, max: 9 }), rank: fc.constantFrom(...RANKS) })
      .chain((of) => fc.integer({ min: 0, max: 20 * MIB }).map((size) => ({ ...of, size }))),
    { maxLength: 60 },
  );
  await fc.assert(
    fc.property(asks, (all) => {
      const budget = openBudget();
      const kept = new Map<string, number>();
      const frees = all.flatMap(({ peer, rank, size }) => {
        const free = budget.take(`${peer}`, rank, size);
        if (free !== undefined) kept.set(`${peer}`, (kept.get(`${peer}`) ?? 0) + size);
        return free ?? [];
      });
      const used = budget.used();
      const sum = Object.values(used).reduce((a, b) => a + b, 0);
      expect(sum).toBeLessThanOrEqual(MOST_BYTES);
      expect(used.stranger).toBeLessThanOrEqual(MOST_BYTES / 8);
      expect(used.stranger + used.viewer).toBeLessThanOrEqual(MOST_BYTES / 4);
      for (const size of kept.values()) expect(size).toBeLessThanOrEqual(MOST_OF_PEER);
      for (const free of frees) free();
      expect(budget.used()).toEqual(NOTHING_USED);
    }),
    { seed: 13 },
  );
});

test("strangers, however many, leave the crew its room; and a full tab has none for anybody", () => {
  const full = { ...NOTHING_USED, stranger: MOST_BYTES / 8 };
  expect(fits(full, "stranger", 1)).toBe(false);
  expect(fits(full, "viewer", MOST_BYTES / 8)).toBe(true);
  expect(fits(full, "crew", (7 / 8) * MOST_BYTES)).toBe(true);
  expect(fits({ ...NOTHING_USED, crew: MOST_BYTES }, "stranger", 1)).toBe(false);
});

test("a tab serves so many requests at once, and so many of one peer", () => {
  const budget = openBudget();
  const enter = (peer: string) => {
    const entered = budget.enter(peer, () => expect.unreachable("it was read"));
    entered?.read();
    return entered;
  };
  const [first, ...more] = Array.from({ length: MOST_REQUESTS_OF_PEER }, () => enter("one"));
  expect(more).not.toContain(undefined);
  expect(enter("one")).toBeUndefined();
  for (let i = MOST_REQUESTS_OF_PEER; i < MOST_REQUESTS; i++)
    expect(enter(`other ${i}`)).toBeDefined();
  expect(enter("a newcomer")).toBeUndefined();
  first?.leave();
  first?.leave();
  expect(enter("a newcomer")).toBeDefined();
  expect(enter("another")).toBeUndefined();
});

test("requests that say nothing make room, the oldest first, and are told", () => {
  const budget = openBudget();
  const dropped: number[] = [];
  for (let i = 0; i < MOST_REQUESTS; i++) {
    const entered = budget.enter(`silent ${i >> 4}`, () => void dropped.push(i));
    if (i % 2 === 0) entered?.read();
  }
  for (let i = 0; i < 3; i++) expect(budget.enter(`honest ${i}`, () => {})).toBeDefined();
  expect(dropped).toEqual([1, 3, 5]);
});
