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

test("a viewer never asks its own tab", () => {
  expect(open().order("me", "a")).toEqual(["a"]);
});

test("a viewer remembers no more than 1,024 holders that failed", () => {
  const { sources, order } = open();
  sources.failed("first");
  for (let i = 0; i < 1_024; i++) sources.failed(`peer ${i}`);
  expect(order("first", "peer 0", "new")).toEqual(["first", "new", "peer 0"]);
});
