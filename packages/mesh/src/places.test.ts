import type { Connection } from "@libp2p/interface";
import { type Millis, systemClock } from "@tabcast/runtime";
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
  extra: false,
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

test("what is more than three of one peer leaves first, though it is busy, and is a way through a relay", () => {
  const extra = place("extra", { extra: true, busy: true, asked: now });
  const idle = [place("a"), place("b")];
  expect(leavers([...idle, extra], limits)).toEqual(["extra"]);
  const way = { relayed: true, opened: now };
  const ways = [place("way", way), place("more", { ...way, busy: true, extra: true })];
  expect(leavers(ways, limits)).toEqual(["more"]);
});

const hirers = Array.from({ length: MAX_CONNECTIONS }, (_, n) => `hirer ${n}`);

/** A tab that has the connections which come, and keeps the peers "crew" and "other crew". */
function tab(busy: (connection: Connection) => boolean = () => false) {
  let told: (event: { readonly detail: Connection }) => void = () => {};
  let time = now;
  let opened = 0;
  const open: Connection[] = [];
  const { asked } = keepPlaces({
    node: {
      getConnections: () => open,
      addEventListener: (_: string, on: typeof told) => {
        told = on;
      },
      removeEventListener() {},
    } as unknown as PlacesOptions["node"],
    relays: { has: () => false },
    degree: 0,
    clock: { ...systemClock, now: () => time as Millis },
    kept: new Set(["crew", "other crew", ...hirers]),
    busy,
  });
  return {
    open,
    /** A peer's connection comes, a millisecond after what was before it. */
    come(peer: string, { relayed = false, asks = true } = {}) {
      const connection = {
        id: `${opened++} ${peer}`,
        status: "open",
        direction: "inbound",
        ...(relayed && { limits: {} }),
        remotePeer: { toString: () => peer },
        close: async () => void open.splice(open.indexOf(connection), 1),
      } as unknown as Connection;
      time++;
      open.push(connection);
      told({ detail: connection });
      if (asks) asked(connection);
      return connection;
    },
    count: (peer: string) => open.filter(({ remotePeer }) => remotePeer.toString() === peer).length,
  };
}

test.each([
  ["crew", "busy"],
  ["crew", "between two requests"],
  ["stranger", "busy"],
  ["stranger", "between two requests"],
])(
  "one peer (%s) that opens any number of connections, and asks on each, pushes out three viewers at most, who are %s",
  (peer, state) => {
    const { come, open, count } = tab(() => state === "busy");
    for (let n = 0; n < MAX_CONNECTIONS; n++) come(`viewer ${n}`);
    for (let n = 0; n < MAX_CONNECTIONS; n++) come(peer);
    expect(count(peer)).toBeLessThanOrEqual(3);
    expect(open).toHaveLength(MAX_CONNECTIONS);
  },
);

test("where two tabs have dialled each other both connections stay, whichever each of them uses", () => {
  const { come, open } = tab(({ remotePeer }) => remotePeer.toString().startsWith("viewer"));
  const both = [come("crew", { asks: false }), come("crew", { asks: false })];
  for (let n = 0; n < 2 * MAX_CONNECTIONS; n++) come(`viewer ${n}`);
  come("other crew");
  expect(open).toEqual(expect.arrayContaining(both));
});

test("a third connection of two tabs that have dialled each other closes neither of the two", () => {
  const using = new Set<Connection>();
  const { come, open } = tab((connection) => using.has(connection));
  for (let n = 3; n <= MAX_CONNECTIONS; n++) come(`stranger ${n}`, { asks: false });
  come("crew", { asks: false });
  const theirs = come("crew");
  using.add(theirs);
  come("crew", { asks: false });
  expect(open).toContain(theirs);
});

test.each([
  ["direct", false],
  ["through relays", true],
])("peers that hire by the dozen leave half of the places to others (%s)", (_, relayed) => {
  const { come, open } = tab();
  for (const hirer of hirers) for (let i = 0; i < 3; i++) come(hirer, { relayed, asks: false });
  const newcomer = come("newcomer", { relayed, asks: false });
  const crew = come("crew", { relayed });
  expect(open).toEqual(expect.arrayContaining([newcomer, crew]));
});

test("the way of a peer that is kept through a relay stays, however many others come", () => {
  const { come, open } = tab();
  const way = come("crew", { relayed: true });
  for (let n = 0; n < MAX_CONNECTIONS; n++) come(`stranger ${n}`, { relayed: true });
  expect(open).toContain(way);
});
