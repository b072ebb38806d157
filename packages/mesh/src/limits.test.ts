import { Millis } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { gossipLimits } from "./limits.ts";
import type { GossipRules } from "./mesh.ts";

const TOPIC = "/tabcast/test/limited";
const rules: GossipRules = new Map([
  [
    TOPIC,
    {
      largest: 100,
      each: { perSecond: 2, burst: 10 },
      all: { perSecond: 10, burst: 25 },
      judge: async () => "accept" as const,
    },
  ],
]);

function open() {
  let now = 0;
  const limits = gossipLimits(rules, {
    clock: { now: () => Millis.of(now) },
    trusted: (peer) => peer.startsWith("relay"),
  });
  return {
    limits,
    pass(ms: number) {
      now += ms;
    },
    /** How many of `count` messages pass. */
    bring: (neighbour: string, count: number) =>
      Array.from({ length: count }, () => limits.admits(TOPIC, neighbour)).filter(Boolean).length,
  };
}

test("a neighbour brings a burst and then its rate, under however many names", () => {
  const { bring, pass } = open();
  expect(bring("a", 200)).toBe(10);
  pass(3_000);
  expect(bring("a", 200)).toBe(6);
  pass(3_600_000);
  expect(bring("a", 200)).toBe(10);
});

test("all neighbours together are bounded, and use up nothing of a trusted relay's", () => {
  const { bring, pass } = open();
  expect(["a", "b", "c", "d", "e"].map((peer) => bring(peer, 10))).toEqual([10, 10, 5, 0, 0]);
  expect(bring("relay 1", 100)).toBe(25);
  expect(bring("relay 2", 100)).toBe(25);
  pass(1_000);
  expect(bring("d", 100)).toBe(10);
});

test("topics of one pool have one allowance together, however many they are", () => {
  const each = { perSecond: 2, burst: 10 };
  const all = { perSecond: 10, burst: 25 };
  const rule = { largest: 100, each, all, judge: async () => "accept" as const };
  const parts = Array.from({ length: 256 }, (_, part) => `/tabcast/test/parts/${part}`);
  const limits = gossipLimits(new Map(parts.map((part) => [part, { ...rule, pool: "parts" }])), {
    clock: { now: () => Millis.of(0) },
    trusted: () => false,
  });
  const bring = (neighbour: string) =>
    parts.filter((topic) => limits.admits(topic, neighbour)).length;
  expect(["a", "b", "c", "d"].map(bring)).toEqual([10, 10, 5, 0]);
});

test("a topic without a rule is not counted", () => {
  const { limits } = open();
  for (let i = 0; i < 1_000; i++) expect(limits.admits("/tabcast/test/free", "a")).toBe(true);
});
