import { seededRandom } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { virtualClock } from "../../testing/virtual-clock.ts";
import type { PeerId } from "../mesh.ts";
import { discover, type Surroundings } from "./discover.ts";
import type { Named, Sample } from "./types.ts";

const seed = Number(process.env.SEED ?? 23);

/** A network as one tab sees it: who tells what, and who answers a dial, `slow` ones only after 15 s. */
function surroundings(tells: Readonly<Record<PeerId, () => Partial<Sample>>>) {
  const { clock, pass } = virtualClock();
  const own = new AbortController();
  const live = new Set<PeerId>();
  const connected = new Set(Object.keys(tells).filter((source) => source.startsWith("relay")));
  const seen = { asked: [] as PeerId[], dialled: [] as PeerId[], most: 0, splits: [] as boolean[] };
  let under = 0;
  const around: Surroundings = {
    self: "m",
    relays: () => [...connected],
    neighbours: () => [...live],
    async ask(source) {
      seen.asked.push(source);
      return { peers: [], relays: [], populations: new Map(), ...tells[source]?.() };
    },
    async dial({ peer }, { signal }) {
      seen.dialled.push(peer);
      seen.most = Math.max(seen.most, ++under);
      try {
        if (!peer.startsWith("real")) {
          await clock.sleep(15_000, { signal });
          throw new Error("nobody answers");
        }
        await clock.sleep(1_000, { signal });
        live.add(peer);
      } finally {
        under--;
      }
    },
    split: (is) => void seen.splits.push(is),
  };
  const random = seededRandom(seed);
  const start = (degree = 8) => discover(around, { degree, clock, random, signal: own.signal });
  return { start, pass, seen, live, connected, random, stop: () => own.abort() };
}

const named = (prefix: string, count: number): Named[] =>
  Array.from({ length: count }, (_, n) => ({ peer: `${prefix}${n}`, relays: ["relay1"] }));

test("a fresh tab among liars that name a thousand peers has four neighbours in a minute", async () => {
  const lie = () => ({ peers: named(`fake${random.below(1_000)}-`, 16) });
  const { start, pass, seen, live, random, stop } = surroundings({
    relay1: () => ({ peers: named("real", 6) }),
    relay2: lie,
    sybil1: lie,
    sybil2: lie,
  });
  live.add("sybil1").add("sybil2");
  start();
  await pass(60_000);
  expect([...live].filter((peer) => peer.startsWith("real")).length).toBeGreaterThanOrEqual(4);
  expect(seen.most).toBeLessThanOrEqual(4);
  stop();
});

test("a tab that has its neighbours asks relays once a minute and nobody else", async () => {
  const { start, pass, seen, live, stop } = surroundings({
    relay1: () => ({ peers: named("real", 16) }),
  });
  for (let n = 0; n < 8; n++) live.add(`real${n}`);
  start();
  await pass(600_000);
  expect(seen.dialled).toEqual([]);
  expect(new Set(seen.asked)).toEqual(new Set(["relay1"]));
  expect(seen.asked.length).toBeLessThanOrEqual(11);
  stop();
});

test("a tab that lost its neighbours finds others", async () => {
  const { start, pass, live, stop } = surroundings({
    relay1: () => ({ peers: named("real", 16) }),
  });
  start(4);
  await pass(20_000);
  expect(live.size).toBe(4);
  live.clear();
  await pass(20_000);
  expect(live.size).toBe(4);
  stop();
});

test("relays that do not know each other for a minute are told of once, and when they meet again", async () => {
  let links: readonly PeerId[] = [];
  const { start, pass, seen, stop } = surroundings({
    relay1: () => ({ relays: links }),
    relay2: () => ({ relays: [] }),
  });
  start();
  await pass(50_000);
  expect(seen.splits).toEqual([]);
  await pass(30_000);
  expect(seen.splits).toEqual([true]);
  links = ["relay2"];
  await pass(10_000);
  expect(seen.splits).toEqual([true, false]);
  stop();
});

test("what a relay said of the network counts while it is connected", async () => {
  const populations = new Map([["offers", { here: 10, all: 2_000 }]]);
  const { start, pass, connected, stop } = surroundings({ relay1: () => ({ populations }) });
  const { said } = start();
  await pass(1_000);
  expect(said().get("relay1")?.populations.get("offers")?.all).toBe(2_000);
  connected.delete("relay1");
  await pass(2_000);
  expect(said().size).toBe(0);
  stop();
});

test("what a neighbour says of relays and numbers counts for nothing", async () => {
  const { start, pass, live, stop } = surroundings({
    sybil: () => ({ relays: ["x"], populations: new Map([["offers", { here: 1, all: 1 }]]) }),
  });
  live.add("sybil");
  const { said } = start();
  await pass(10_000);
  expect(said().size).toBe(0);
  stop();
});
