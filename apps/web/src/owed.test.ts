import { expect, test } from "vitest";
import { type Books, figures, guaranteedUntil, type Told } from "./owed.ts";

const NOW = 1_800_000_000;
const books = (some: Partial<Books> = {}): Books => ({
  delivered: 120n,
  signed: 100n,
  outstanding: 70n,
  guaranteed: 30n,
  ready: 25n,
  pots: new Map([["a", 80n]]),
  ...some,
});
const held = ({ until = NOW + 300, claimed = 30n } = {}): Told => ({
  guarantees: new Map([["a", { ceiling: 60n, until }]]),
  claimed: new Map([["a", claimed]]),
});
const nothing: Told = { guarantees: new Map(), claimed: new Map() };
const values = (some: Partial<Books>) =>
  figures(books(some), nothing, NOW).map(({ value }) => value);

test("delivered, signed, guaranteed and ready are four figures, and none is counted twice", () => {
  expect(values({})).toEqual([20n, 40n, 30n, 25n]);
  expect(values({ guaranteed: 0n })).toEqual([20n, 70n, 0n, 25n]);
});

test("what the books say is guaranteed counts before any news came, as after a reload", () => {
  const [, , sure] = figures(books(), nothing, NOW);
  expect(sure.value).toBe(30n);
  expect(sure.says).toBe("The chain holds it for you alone for some minutes. Claim it soon.");
});

test("a guarantee that is over, or of a pot that owes nothing, sets no hour", () => {
  expect(guaranteedUntil(books(), held(), NOW)).toBe(NOW + 300);
  expect(guaranteedUntil(books(), held({ until: NOW - 1 }), NOW)).toBe(Infinity);
  expect(guaranteedUntil(books({ pots: new Map() }), held(), NOW)).toBe(Infinity);
  expect(guaranteedUntil(books(), held({ claimed: 80n }), NOW)).toBe(Infinity);
});

test("no more is guaranteed than is outstanding, and books that the chain is ahead of owe nothing", () => {
  expect(values({ outstanding: 5n })).toEqual([20n, 0n, 5n, 25n]);
  expect(values({ delivered: 90n, outstanding: 0n })).toEqual([0n, 0n, 0n, 25n]);
});

test("each figure has one sentence, and a guarantee says until when", () => {
  for (const { says } of figures(books(), held(), NOW)) expect(says).toMatch(/^[A-Z].*\.$/);
  expect(figures(books(), held(), NOW)[2].says).toMatch(
    /^The chain holds it for you alone until .*2027/,
  );
  expect(figures(books({ guaranteed: 0n }), nothing, NOW)[2].says).toBe(
    "The chain holds nothing for you alone just now.",
  );
});
