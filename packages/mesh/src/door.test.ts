import type { MultiaddrConnection } from "@libp2p/interface";
import { peerIdFromString } from "@libp2p/peer-id";
import { expect, test } from "vitest";
import { type Arrival, crowdedOut, openDoor } from "./door.ts";
import { peerIdFromPublicKey } from "./peer-id.ts";

const arrivals = (...all: readonly string[]): Arrival[] =>
  all.map((one) => ({ from: one.slice(1), by: one.slice(0, 1) }));

test.each([
  ["the oldest, where all are alike", ["A1", "B2", "C3"], "A1"],
  ["the oldest of the relay that most come by", ["A1", "B2", "B3", "A4", "B5"], "B2"],
  [
    "the oldest of the peer that has most under way, whatever it comes by",
    ["B1", "A9", "B2", "B3", "C9"],
    "A9",
  ],
])("of handshakes there ends %s", (_, all, out) => {
  const of = arrivals(...all);
  expect(crowdedOut(of)).toBe(of[all.indexOf(out)]);
});

test("where nobody is on the way in, nobody leaves", () => {
  expect(crowdedOut([])).toBeUndefined();
});

const somebody = peerIdFromString(peerIdFromPublicKey(new Uint8Array(32).fill(3)));

/** A door, and those who come to it. */
function door({
  most = 100,
  mostBy = undefined as number | undefined,
  makeRoom = (_: string): boolean => false,
} = {}) {
  const names = new Map<MultiaddrConnection, string>();
  const gone: string[] = [];
  const { denyInboundConnection, denyInboundUpgradedConnection } = openDoor({
    most,
    arrivalOf: (connection) => arrivals(names.get(connection) ?? "")[0] as Arrival,
    mostBy: (by) => (by === "X" ? undefined : mostBy),
    makeRoom,
  });
  /** Somebody comes: whether it is let in, its end, and the end of its handshake. */
  const come = (name: string) => {
    const events = new EventTarget();
    const leave = () => events.dispatchEvent(new Event("close"));
    const connection = Object.assign(events, {
      abort() {
        gone.push(name);
        leave();
      },
    }) as unknown as MultiaddrConnection;
    names.set(connection, name);
    const isIn = denyInboundConnection(connection) === false;
    return { isIn, leave, upgraded: () => denyInboundUpgradedConnection(somebody, connection) };
  };
  return { come, gone };
}

test("one address has so many connections, until one of them ends; some addresses have any number", () => {
  const { come, gone } = door({ mostBy: 2 });
  const [first, second] = [come("A1"), come("A2")];
  for (const one of [first, second]) one.upgraded();
  expect([first.isIn, second.isIn, come("A3").isIn, come("B1").isIn]).toEqual([
    true,
    true,
    false,
    true,
  ]);
  expect(gone).toEqual(["A3"]);
  first.leave();
  const fourth = come("A4");
  expect(fourth.isIn).toBe(true);
  fourth.upgraded();
  expect(come("A5").isIn).toBe(false);
  expect(["X1", "X2", "X3"].map((name) => come(name).isIn)).toEqual([true, true, true]);
});

test("where one address has all its connections, one of them is asked to leave, and of many handshakes the oldest", () => {
  const asked: string[] = [];
  const { come, gone } = door({ mostBy: 8, makeRoom: (by) => asked.push(by) > 0 });
  for (let i = 0; i < 8; i++) come(`A${i}`).upgraded();
  expect(["A8", "A9"].map((name) => come(name).isIn)).toEqual([true, true]);
  expect([asked, gone]).toEqual([["A", "A"], []]);
  // Two handshakes are a quarter: sockets that say nothing push out each other, and nobody who is through.
  expect(["A10", "A11"].map((name) => come(name).isIn)).toEqual([true, true]);
  expect([asked, gone]).toEqual([
    ["A", "A"],
    ["A8", "A9"],
  ]);
});

test("where an address may have no connection at all, nobody from there comes in", () => {
  const { come } = door({ mostBy: 0 });
  expect([come("A1").isIn, come("X1").isIn]).toEqual([false, true]);
});

test("a handshake that hangs makes room for a newcomer, and one that is through does not", () => {
  const { come, gone } = door({ most: 2 });
  come("A1").upgraded();
  come("A2");
  come("B3");
  expect(gone).toEqual([]);
  expect(come("B4").isIn).toBe(true);
  expect(gone).toEqual(["B3"]);
  expect(come("C5").isIn).toBe(true);
  expect(gone).toEqual(["B3", "A2"]);
});
