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
  /** Those of the neighbours that dialled this tab. */
  const inbound = new Set<PeerId>();
  const budget = { free: true };
  const connected = new Set(Object.keys(tells).filter((source) => source.startsWith("relay")));
  const seen = { asked: [] as PeerId[], dialled: [] as PeerId[], most: 0, splits: [] as boolean[] };
  let under = 0;
  async function dial(peer: PeerId, signal: AbortSignal): Promise<void> {
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
  }
  const around: Surroundings = {
    self: "m",
    relays: () => [...connected],
    neighbours: () => [...live],
    async ask(source) {
      seen.asked.push(source);
      return { peers: [], relays: [], populations: new Map(), ...tells[source]?.() };
    },
    outbound: () => [...live].filter((peer) => !inbound.has(peer)),
    dial: ({ peer }, { signal }) => (budget.free ? dial(peer, signal) : undefined),
    split: (is) => void seen.splits.push(is),
  };
  const random = seededRandom(seed);
  const start = (degree = 8) => discover(around, { degree, clock, random, signal: own.signal });
  return { start, pass, seen, live, inbound, budget, connected, random, stop: () => own.abort() };
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

test("who was not dialled because dials were spent is dialled as soon as there is one", async () => {
  const { start, pass, seen, live, budget, stop } = surroundings({
    relay1: () => ({ peers: named("real", 6) }),
  });
  budget.free = false;
  start();
  await pass(120_000);
  expect(seen.dialled).toEqual([]);
  budget.free = true;
  await pass(6_000);
  expect(live.size).toBe(6);
  stop();
});

test("strangers that dial a tab do not keep it from choosing half of its neighbours itself", async () => {
  const { start, pass, live, inbound, stop } = surroundings({
    relay1: () => ({ peers: named("real", 16) }),
  });
  for (let n = 0; n < 20; n++) {
    live.add(`sybil${n}`);
    inbound.add(`sybil${n}`);
  }
  start();
  await pass(60_000);
  expect([...live].filter((peer) => peer.startsWith("real"))).toHaveLength(4);
  stop();
});

test("relays that had only just lost each other are asked again soon, and nobody is told of a split", async () => {
  let links: readonly PeerId[] = [];
  const { start, pass, seen, live, stop } = surroundings({
    relay1: () => ({ relays: links }),
    relay2: () => ({ relays: [] }),
  });
  for (let n = 0; n < 8; n++) live.add(`real${n}`);
  start();
  await pass(2_000);
  links = ["relay2"];
  const before = seen.asked.length;
  await pass(10_000);
  expect(seen.asked.length).toBeGreaterThan(before);
  await pass(600_000);
  expect(seen.splits).toEqual([]);
  expect(seen.asked.length).toBeLessThan(40);
  stop();
});

test("who dialled a tab has no say in whom it dials, unless nobody else answers", async () => {
  for (const [relayKnows, asked] of [
    [named("real", 16), false],
    [[], true],
  ] as const) {
    const { start, pass, seen, live, inbound, stop } = surroundings({
      relay1: () => ({ peers: relayKnows }),
      sybil1: () => ({ peers: named("fake", 16) }),
    });
    live.add("sybil1");
    inbound.add("sybil1");
    start();
    await pass(30_000);
    expect(seen.asked.includes("sybil1")).toBe(asked);
    expect(seen.dialled.some((peer) => peer.startsWith("fake"))).toBe(asked);
    stop();
  }
});
