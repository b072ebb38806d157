import { Millis, seededRandom } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { Acquaintances } from "./acquaintances.ts";

const named = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, n) => ({ peer: `${prefix}${n}`, relays: ["relay"] }));
const at = Millis.of;
const seed = Number(process.env.SEED ?? 11);

/** Dials `times`, where only peers whose name begins with `real` answer; how many of those were met. */
function meet(known: Acquaintances, times: number): number {
  const live = new Set<string>();
  for (let turn = 0; turn < times; turn++) {
    const choice = known.next(live, at(turn));
    if (choice === undefined) continue;
    const reached = choice.peer.startsWith("real");
    known.dialled(choice, reached, at(turn));
    if (reached) live.add(choice.peer);
  }
  return live.size;
}

test("three liars with a thousand names each cannot keep a tab from a relay's eight", () => {
  const known = new Acquaintances(seededRandom(seed));
  known.learn("relay", named("real", 8));
  for (const liar of ["x", "y", "z"])
    for (let round = 0; round < 63; round++) known.learn(liar, named(`${liar}${round}-`, 16));
  expect(meet(known, 40)).toBeGreaterThanOrEqual(4);
});

test("a source whose names lead nowhere is followed ever less", () => {
  const chosen = { liar: 0, relay: 0 };
  const random = seededRandom(seed);
  // Of fifty tabs together: one alone may be unlucky.
  for (let tab = 0; tab < 50; tab++) {
    const known = new Acquaintances(random);
    known.learn("liar", named("fake", 32));
    known.learn("relay", named("real", 32));
    const live = new Set<string>();
    for (let turn = 0; turn < 24; turn++) {
      const choice = known.next(live, at(turn));
      if (choice === undefined) break;
      chosen[choice.source as keyof typeof chosen]++;
      known.dialled(choice, choice.source === "relay", at(turn));
      live.add(choice.peer);
    }
  }
  expect(chosen.relay).toBeGreaterThan(2 * chosen.liar);
});

test("whoever is connected, or failed a moment ago, is not chosen; after a wait that grows it is", () => {
  const known = new Acquaintances(seededRandom(seed));
  known.learn("relay", named("peer", 1));
  expect(known.next(new Set(["peer0"]), at(0))).toBeUndefined();
  const choice = known.next(new Set(), at(0));
  expect(choice).toMatchObject({ peer: "peer0", source: "relay", relays: ["relay"] });
  if (choice === undefined) return;
  known.dialled(choice, false, at(0));
  expect(known.next(new Set(), at(2_000))).toBeUndefined();
  expect(known.next(new Set(), at(7_501))).toBeDefined();
  known.dialled(choice, false, at(8_000));
  expect(known.next(new Set(), at(12_000))).toBeUndefined();
  expect(known.next(new Set(), at(23_001))).toBeDefined();
  known.dialled(choice, true, at(30_000));
  expect(known.next(new Set(), at(30_000))).toBeDefined();
});

test("what is kept of a source is bounded, and gone when the source is", () => {
  const known = new Acquaintances(seededRandom(seed));
  known.learn("source", named("old", 32));
  known.learn("source", named("new", 32));
  const seen = new Set<string>();
  for (;;) {
    const choice = known.next(seen, at(0));
    if (choice === undefined) break;
    seen.add(choice.peer);
  }
  expect(seen.size).toBe(32);
  expect([...seen].every((peer) => peer.startsWith("new"))).toBe(true);
  known.forget("source");
  expect(known.next(new Set(), at(0))).toBeUndefined();
});

test("of a thousand sources the last sixteen are heard, and nobody names itself", () => {
  const known = new Acquaintances(seededRandom(seed));
  for (let n = 0; n < 1_000; n++) known.learn(`s${n}`, [{ peer: `p${n}`, relays: [] }]);
  known.learn("selfish", [{ peer: "selfish", relays: [] }]);
  const seen = new Set<string>();
  for (;;) {
    const choice = known.next(seen, at(0));
    if (choice === undefined) break;
    seen.add(choice.peer);
  }
  expect(seen.size).toBe(15);
  expect(seen.has("selfish")).toBe(false);
});

test("a relay's word counts as that of sixteen, until its names lead nowhere", () => {
  const random = seededRandom(seed);
  const chosen = { relay: 0, ring: 0 };
  for (let tab = 0; tab < 50; tab++) {
    const known = new Acquaintances(random);
    known.learn("relay", named("real", 32), 16);
    for (let n = 0; n < 8; n++) known.learn(`ring${n}`, named(`ring${n}-`, 16));
    const live = new Set<string>();
    for (let turn = 0; turn < 8; turn++) {
      const choice = known.next(live, at(turn));
      if (choice === undefined) break;
      chosen[choice.source === "relay" ? "relay" : "ring"]++;
      known.dialled(choice, true, at(turn));
      live.add(choice.peer);
    }
  }
  expect(chosen.relay).toBeGreaterThan(1.5 * chosen.ring);
  const known = new Acquaintances(random);
  known.learn("liar", named("fake", 32), 16);
  known.learn("honest", named("real", 32));
  let fakes = 0;
  for (let turn = 0; turn < 40; turn++) {
    const choice = known.next(new Set(), at(turn));
    if (choice === undefined) break;
    fakes += Number(choice.source === "liar");
    known.dialled(choice, choice.source === "honest", at(turn));
  }
  expect(fakes).toBeLessThan(32);
});
