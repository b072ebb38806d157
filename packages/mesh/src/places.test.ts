import { expect, test } from "vitest";
import { GRACE, IDLE_AFTER, leavers, type Place } from "./places.ts";

const now = 1_000_000;
const place = (id: string, more: Partial<Place> = {}): Place => ({
  id,
  opened: now - GRACE,
  asked: undefined,
  firm: false,
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

test("then a newcomer before one that asked long ago, and that one before nobody", () => {
  const past = place("past", { asked: now - IDLE_AFTER });
  const active = [place("x", { asked: now }), place("y", { asked: now - IDLE_AFTER + 1 })];
  expect(leavers([past, ...active, place("new", { opened: now })], { ...limits, max: 3 })).toEqual([
    "new",
  ]);
  expect(leavers([past, ...active], limits)).toEqual(["past"]);
  expect(leavers(active, { ...limits, max: 1 })).toEqual([]);
});

test("a firm place is not given up, however many there are", () => {
  const firm = [1, 2, 3].map((i) => place(`${i}`, { firm: true }));
  expect(leavers([...firm, place("idle")], limits)).toEqual(["idle"]);
  expect(leavers(firm, limits)).toEqual([]);
});

test("ways through relays have places of their own", () => {
  const relayed = [1, 2, 3].map((i) => place(`r${i}`, { relayed: true, opened: now - i }));
  expect(leavers([place("a"), place("b"), ...relayed], limits)).toEqual(["r3", "r2"]);
});
