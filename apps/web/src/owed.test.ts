import { expect, test } from "vitest";
import { type Books, figures, guaranteed, type Told } from "./owed.ts";

const NOW = 1_800_000_000;
const books = (some: Partial<Books> = {}): Books => ({
  delivered: 120n,
  signed: 100n,
  claimed: 30n,
  ready: 25n,
  pots: new Map([["a", 80n]]),
  ...some,
});
const held = ({ until = NOW + 300, claimed = 30n } = {}): Told => ({
  guarantees: new Map([["a", { ceiling: 60n, until }]]),
  claimed: new Map([["a", claimed]]),
});
const nothing: Told = { guarantees: new Map(), claimed: new Map() };
const values = (some: Partial<Books>, told = nothing) =>
  figures(books(some), told, NOW).map(({ value }) => value);

test("delivered, signed, guaranteed and ready are four figures, and none is counted twice", () => {
  expect(values({})).toEqual([20n, 70n, 0n, 25n]);
  // 60 of the pot's 80 are guaranteed, and 30 of them were paid already.
  expect(values({}, held())).toEqual([20n, 40n, 30n, 25n]);
});

test("a guarantee that is over, or of a pot without vouchers, guarantees nothing", () => {
  expect(guaranteed(books(), held({ until: NOW - 1 }), NOW).value).toBe(0n);
  expect(guaranteed(books(), held({ until: NOW }), NOW).value).toBe(30n);
  expect(guaranteed(books({ pots: new Map() }), held(), NOW).value).toBe(0n);
  expect(guaranteed(books(), held({ claimed: 80n }), NOW).value).toBe(0n);
});

test("no more is guaranteed than is signed and not claimed, whatever was missed", () => {
  // The tab did not see what was claimed before it was opened.
  expect(guaranteed(books({ claimed: 95n }), held({ claimed: 0n }), NOW).value).toBe(5n);
});

test("books that the chain is ahead of owe nothing, not less", () => {
  expect(values({ delivered: 90n, claimed: 110n })).toEqual([0n, 0n, 0n, 25n]);
});

test("each figure has one sentence, and a guarantee says until when", () => {
  for (const { says } of figures(books(), held(), NOW)) expect(says).toMatch(/^[A-Z].*\.$/);
  expect(figures(books(), held(), NOW)[2].says).toMatch(
    /^The chain holds it for you alone until .*2027/,
  );
  expect(figures(books(), nothing, NOW)[2].says).toBe(
    "The chain holds nothing for you alone just now.",
  );
});
