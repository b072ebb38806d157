import type { Mesh } from "@tabcast/mesh";
import { type Millis, systemClock } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { openSources } from "./sources.ts";

function open() {
  let now = 0;
  const mesh = { self: "me" } as Mesh;
  const sources = openSources({ mesh, clock: { ...systemClock, now: () => now as Millis } });
  const order = (...peers: string[]) =>
    sources.order(peers.map((peer) => ({ peer, addrs: [] }))).map(({ peer }) => peer);
  const pass = (ms: number) => {
    now += ms;
  };
  return { sources, order, pass };
}

test("a viewer asks a holder that failed after all others, for 15 s", () => {
  const { sources, order, pass } = open();
  sources.failed("a");
  expect(order("a", "b", "c")).toEqual(["b", "c", "a"]);
  pass(14_999);
  expect(order("a", "b", "c")).toEqual(["b", "c", "a"]);
  pass(1);
  expect(order("a", "b", "c")).toEqual(["a", "b", "c"]);
});

test("a holder that fails again and again is asked last twice as long each time, ten minutes at most", () => {
  const { sources, order, pass } = open();
  for (const seconds of [15, 30, 60, 120, 240, 480, 600, 600]) {
    expect(order("a", "b")).toEqual(["a", "b"]);
    sources.failed("a");
    sources.failed("a"); // twice for one segment is once
    pass(seconds * 1_000 - 1);
    expect(order("a", "b")).toEqual(["b", "a"]);
    pass(1);
  }
  pass(600_000); // it did nothing wrong for so long
  sources.failed("a");
  pass(15_000);
  expect(order("a", "b")).toEqual(["a", "b"]);
});

test("a holder that fails each of its segments is out within 20 of them", () => {
  const { sources, order, pass } = open();
  const tried: number[] = [];
  for (let seq = 0; seq < 150; seq++, pass(2_000)) {
    if (order("bad", "good")[0] !== "bad") continue;
    tried.push(seq);
    sources.failed("bad");
  }
  expect(tried.filter((seq) => seq >= 20)).toHaveLength(3);
  expect(tried.filter((seq) => seq < 20).length).toBeLessThanOrEqual(2);
});

test("a viewer never asks its own tab", () => {
  expect(open().order("me", "a")).toEqual(["a"]);
});

test("a viewer remembers no more than 1,024 holders that failed", () => {
  const { sources, order } = open();
  sources.failed("first");
  for (let i = 0; i < 1_024; i++) sources.failed(`peer ${i}`);
  expect(order("first", "peer 0", "new")).toEqual(["first", "new", "peer 0"]);
});
