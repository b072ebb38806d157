import { seededRandom } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { grouped, type Held, sample } from "./sample.ts";

const random = seededRandom(Number(process.env.SEED ?? 3));
const held = (prefix: string, count: number, group: (n: number) => string): Held[] =>
  Array.from({ length: count }, (_, n) => ({
    peer: `${prefix}${n}`,
    relays: ["relay"],
    group: group(n),
  }));

test("a thousand slots of one address are named once where eight others hold one each", () => {
  const slots = [
    ...held("fake", 1_000, () => "203.0.113.7"),
    ...held("real", 8, (n) => `198.51.100.${n}`),
  ];
  for (let time = 0; time < 50; time++) {
    const names = sample(grouped(slots), "me", random).map(({ peer }) => peer);
    expect(names).toHaveLength(16);
    expect(names.filter((name) => name.startsWith("real"))).toHaveLength(8);
  }
});

test("sixteen are named of many, each once, differently each time, and never who asks", () => {
  const slots = held("peer", 100, (n) => `${n}`);
  const seen = new Set<string>();
  for (let time = 0; time < 60; time++) {
    const names = sample(grouped(slots), "peer7", random).map(({ peer }) => peer);
    expect(new Set(names).size).toBe(16);
    for (const name of names) seen.add(name);
  }
  expect(seen.has("peer7")).toBe(false);
  expect(seen.size).toBe(99);
});

test("all of a few are named", () => {
  const names = sample(grouped(held("peer", 3, () => "one")), "me", random);
  expect(names.map(({ peer }) => peer).sort()).toEqual(["peer0", "peer1", "peer2"]);
  expect(sample([], "me", random)).toEqual([]);
});

test("who is known here and at another relay is named once, with both", () => {
  const here: Held = { peer: "a", relays: ["r1"], group: "198.51.100.1" };
  const there: Held = { peer: "a", relays: ["r2"], group: "r2" };
  expect(sample(grouped([here, there]), "me", random)).toEqual([
    { peer: "a", relays: ["r1", "r2"] },
  ]);
});
