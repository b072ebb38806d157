import { expect, test } from "vitest";
import { figures } from "./spent.ts";

const values = (balances: Parameters<typeof figures>[0]) =>
  figures(balances).map(({ value }) => value);

test("a deposit is what is signed, guaranteed and left", () => {
  expect(values({ deposited: 100n, signed: 30n, free: 50n })).toEqual([100n, 30n, 20n, 50n]);
});

test("what is owed beyond the deposit guarantees nothing less than nothing", () => {
  expect(values({ deposited: 100n, signed: 110n, free: 0n })).toEqual([100n, 110n, 0n, 0n]);
});

test("each figure has a sentence", () => {
  for (const { says } of figures({ deposited: 1n, signed: 0n, free: 1n }))
    expect(says).toMatch(/^[A-Z].*\.$/);
});
