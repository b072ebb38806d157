import { Availability } from "@tabcast/market";
import { expect, test } from "vitest";
import type { Engagement } from "./engagements.ts";
import { openShift } from "./shift.ts";

/** A tab that works for two streams of one broadcaster and one of another, and what it said. */
function open() {
  const engagement = (stream: string, broadcaster: string) =>
    ({ stream, broadcaster, jobs: new Map(), unpaid: new Map() }) as unknown as Engagement;
  const engagements = [
    engagement("s1", "a"),
    engagement("s2", "a"),
    engagement("s3", "b"),
  ] as const;
  const working = new Set(engagements);
  const log: string[] = [];
  const shift = openShift({
    policy: undefined,
    engagements: {
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
  return { shift, engagements, log };
}

test("each broadcaster hears once that no more is taken, and is left when nothing is in hand or owed", () => {
  const { shift, engagements, log } = open();
  engagements[0].jobs.set(1, new AbortController());
  engagements[1].unpaid.set(1, "owed");
  shift.refresh();
  shift.pause();
  expect(log.splice(0)).toEqual([
    "open, 3 free",
    "draining, 0 free",
    "a: paused, soon",
    "b: paused, soon",
    "quit s3",
    "b: paused",
  ]);
  engagements[0].jobs.clear();
  shift.refresh();
  expect(log.splice(0)).toEqual(["closed, 0 free", "quit s1", "a: paused"]);
  engagements[1].unpaid.clear();
  shift.refresh();
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
