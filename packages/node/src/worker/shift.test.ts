import { Availability } from "@tabcast/market";
import { expect, test } from "vitest";
import type { Place } from "./places.ts";
import { openShift } from "./shift.ts";

/** A tab that works for two streams of one broadcaster and one of another, and what it said. */
function open() {
  const place = (stream: string, broadcaster: string) =>
    ({ stream, broadcaster, jobs: new Map(), unpaid: new Map() }) as unknown as Place;
  const places = [place("s1", "a"), place("s2", "a"), place("s3", "b")] as const;
  const working = new Set(places);
  const log: string[] = [];
  const shift = openShift({
    policy: undefined,
    places: {
      all: () => [...working],
      jobs: () => [...working].reduce((sum, { jobs }) => sum + jobs.size, 0),
      quit(one) {
        working.delete(one);
        log.push(`quit ${one.stream}`);
      },
      bye: (peer, { why, finishing }) => log.push(`${peer}: ${why}${finishing ? ", soon" : ""}`),
    },
    on: (event) => {
      if (event.type === "availability") log.push(`${event.state}, ${event.free} free`);
    },
  });
  return { shift, places, log };
}

test("each broadcaster hears once that no more is taken, and is left when nothing is in hand or owed", () => {
  const { shift, places, log } = open();
  places[0].jobs.set(1, new AbortController());
  places[1].unpaid.set(1, "owed");
  shift.look();
  shift.pause();
  expect(log.splice(0)).toEqual([
    "open, 3 free",
    "draining, 0 free",
    "a: paused, soon",
    "b: paused, soon",
    "quit s3",
    "b: paused",
  ]);
  places[0].jobs.clear();
  shift.look();
  expect(log.splice(0)).toEqual(["closed, 0 free", "quit s1", "a: paused"]);
  places[1].unpaid.clear();
  shift.look();
  expect(log.splice(0)).toEqual(["quit s2", "a: paused"]);
  shift.resume();
  expect(log).toEqual(["open, 4 free"]);
});

test("an owner who allows more than four jobs gets four", () => {
  const { shift } = open();
  shift.set({ ...Availability.ALWAYS, slots: 9 });
  expect(shift.slots()).toBe(4);
  expect(shift.state().free).toBe(4);
});
