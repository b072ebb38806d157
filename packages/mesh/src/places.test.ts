import type { Connection } from "@libp2p/interface";
import { systemClock } from "@tabcast/runtime";
import { expect, test } from "vitest";
import {
  GRACE,
  IDLE_AFTER,
  keepPlaces,
  leavers,
  MAX_CONNECTIONS,
  NEWCOMERS,
  type Place,
  type PlacesOptions,
} from "./places.ts";

const now = 1_000_000;
const place = (id: string, more: Partial<Place> = {}): Place => ({
  id,
  opened: now - GRACE,
  asked: undefined,
  firm: false,
  busy: false,
  relayed: false,
  ...more,
});
const limits = { max: 2, maxRelayed: 1, now };

test("nobody leaves while there is room", () => {
  expect(leavers([place("a"), place("b"), place("r", { relayed: true })], limits)).toEqual([]);
});

test("whoever neither asked nor was asked leaves first, the oldest of them before others", () => {
  const places = [
    place("active", { asked: now - 1 }),
    place("younger", { opened: now - GRACE - 1 }),
    place("older", { opened: now - GRACE - 2 }),
    place("newcomer", { opened: now }),
  ];
  expect(leavers(places, limits)).toEqual(["older", "younger"]);
});

test("then one that asked a minute ago, one that asked ten seconds ago, and a newcomer before who asked just now", () => {
  const past = place("past", { asked: now - IDLE_AFTER });
  const rests = place("rests", { asked: now - GRACE });
  const busy = [place("x", { asked: now }), place("y", { asked: now - GRACE + 1 })];
  const fresh = place("new", { opened: now });
  const all = [past, rests, ...busy, fresh];
  for (const [max, left] of [
    [4, ["past"]],
    [3, ["past", "rests"]],
    [2, ["past", "rests", "new"]],
    [1, ["past", "rests", "new", "y"]],
  ] as const)
    expect(leavers(all, { ...limits, max })).toEqual(left);
});

test("a crowd of newcomers pushes out its own oldest, and not who asked lately", () => {
  const asked = place("asked", { asked: now - IDLE_AFTER });
  const crowd = Array.from({ length: NEWCOMERS + 2 }, (_, n) => place(`${n}`, { opened: now - n }));
  const most = { ...limits, max: NEWCOMERS + 1 };
  expect(leavers([asked, ...crowd], most)).toEqual([`${NEWCOMERS + 1}`, `${NEWCOMERS}`]);
  expect(leavers([asked, ...crowd], { ...most, max: NEWCOMERS }).at(-1)).toBe("asked");
});

test("a firm place is not given up, however many there are", () => {
  const firm = [1, 2, 3].map((i) => place(`${i}`, { firm: true }));
  expect(leavers([...firm, place("idle")], limits)).toEqual(["idle"]);
  expect(leavers(firm, limits)).toEqual([]);
});

test("who is busy leaves for a firm place alone, after all that are not", () => {
  const busy = [1, 2].map((i) => place(`${i}`, { busy: true, asked: now - i }));
  const firm = place("crew", { firm: true, opened: now });
  expect(leavers([...busy, place("new", { opened: now })], limits)).toEqual(["new"]);
  expect(leavers([...busy, firm], limits)).toEqual(["2"]);
  expect(leavers([place("active", { asked: now }), ...busy, firm], limits)).toEqual([
    ...["active", "2"],
  ]);
});

test("a busy way through a relay is not closed", () => {
  const busy = [1, 2].map((i) => place(`${i}`, { relayed: true, busy: true }));
  expect(leavers(busy, limits)).toEqual([]);
});

test("ways through relays have places of their own", () => {
  const relayed = [1, 2, 3].map((i) => place(`r${i}`, { relayed: true, opened: now - i }));
  expect(leavers([place("a"), place("b"), ...relayed], limits)).toEqual(["r3", "r2"]);
});

test("a peer that is kept has one firm place, however many connections it opens: nobody who is busy leaves for the others", () => {
  let told: (event: { readonly detail: Connection }) => void = () => {};
  const open: Connection[] = [];
  keepPlaces({
    node: {
      getConnections: () => open,
      addEventListener: (_: string, on: typeof told) => {
        told = on;
      },
      removeEventListener() {},
    } as unknown as PlacesOptions["node"],
    relays: { has: () => false },
    degree: 0,
    clock: systemClock,
    kept: new Set(["crew"]),
    busy: ({ remotePeer }) => remotePeer.toString().startsWith("viewer"),
  });
  const come = (peer: string) => {
    const connection = {
      id: `${open.length} ${peer}`,
      status: "open",
      direction: "inbound",
      remotePeer: { toString: () => peer },
      close: async () => void open.splice(open.indexOf(connection), 1),
    } as unknown as Connection;
    open.push(connection);
    told({ detail: connection });
  };
  for (let n = 0; n < MAX_CONNECTIONS; n++) come(`viewer ${n}`);
  for (let n = 0; n < MAX_CONNECTIONS; n++) come("crew");
  const peers = open.map(({ remotePeer }) => remotePeer.toString());
  expect(peers.filter((peer) => peer === "crew")).toHaveLength(1);
  expect(peers).toHaveLength(MAX_CONNECTIONS);
});
