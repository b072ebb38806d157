import { Availability } from "@tabcast/market";
import { Amount, type Clock, type Millis, systemClock } from "@tabcast/runtime";
import { expect, test } from "vitest";
import type { Engagement } from "./engagements.ts";
import { openShift } from "./shift.ts";
import type { WorkerEvent } from "./types.ts";

/** A tab that works for two streams of one broadcaster and one of another, and what it said. */
function open() {
  const engagement = (stream: string, broadcaster: string) =>
    ({
      stream,
      broadcaster,
      award: { id: new Uint8Array(16) },
      jobs: new Map(),
      unpaid: new Map(),
    }) as unknown as Engagement;
  const engagements = [
    engagement("s1", "a"),
    engagement("s2", "a"),
    engagement("s3", "b"),
  ] as const;
  const working = new Set(engagements);
  const log: string[] = [];
  const left = new Set<string>();
  const time = { now: 0 };
  const clock: Clock = { ...systemClock, now: () => time.now as Millis };
  const on = (event: WorkerEvent) => {
    if (event.type === "availability") log.push(`${event.state}, ${event.free} free`);
  };
  const shift = openShift(
    { clock, on },
    {
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
      belongs: ({ stream }) => !left.has(stream),
    },
  );
  return { shift, engagements, log, left, time };
}

test("a private stream whose crew was left hears that no more is taken, and has what is in hand", () => {
  const { shift, engagements, log, left } = open();
  engagements[2].jobs.set(1, new AbortController());
  shift.refresh();
  left.add("s3");
  shift.refresh();
  expect(log.splice(0)).toEqual(["open, 3 free", "b: denied, soon"]);
  // Its crew is joined again while its job is in hand.
  left.clear();
  engagements[2].jobs.clear();
  shift.refresh();
  expect(log.splice(0)).toEqual(["quit s3", "b: denied"]);
});

test("a new job is taken for five seconds after it was said that none is, and then no more", () => {
  const { shift, engagements, log, left, time } = open();
  const [here, , gone] = engagements;
  gone.jobs.set(1, new AbortController());
  left.add("s3");
  shift.refresh();
  expect(log).toContain("b: denied, soon");
  time.now += 4_999;
  expect([shift.takes(here), shift.takes(gone)]).toEqual([true, true]);
  time.now += 1;
  expect([shift.takes(here), shift.takes(gone)]).toEqual([true, false]);
  log.length = 0;
  time.now += 4_999;
  expect([shift.takes(gone), log]).toEqual([false, []]);
  time.now += 1;
  expect([shift.takes(gone), log], "it has not heard").toEqual([false, ["b: denied, soon"]]);
});

test("each broadcaster hears once that no more is taken, and is left when nothing is in hand or owed", () => {
  const { shift, engagements, log } = open();
  engagements[0].jobs.set(1, new AbortController());
  engagements[1].unpaid.set(1, { state: "owed", amount: Amount.of(1) });
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

test("a broadcaster that has heard that no more is taken is left once nothing is in hand, although work was resumed before", () => {
  const { shift, engagements, log } = open();
  for (const { jobs } of engagements) jobs.set(1, new AbortController());
  shift.refresh();
  shift.pause();
  shift.resume();
  log.splice(0);
  for (const { jobs } of engagements) jobs.clear();
  shift.refresh();
  expect(log).toEqual(["quit s1", "a: paused", "quit s2", "a: paused", "quit s3", "b: paused"]);
});

test.each(["s1", "b"])(
  "a stream that its owner comes to deny, by the name %s, gets nothing more, and the others go on",
  (denied) => {
    const { shift, engagements, log } = open();
    const theirs = engagements.find(({ stream, broadcaster }) =>
      [stream, broadcaster].includes(denied),
    ) as Engagement;
    const { stream, broadcaster } = theirs;
    theirs.jobs.set(1, new AbortController());
    shift.refresh();
    log.splice(0);
    shift.set({ ...Availability.ALWAYS, deny: [denied] });
    shift.refresh();
    expect(log.splice(0)).toEqual([`${broadcaster}: denied, soon`]);
    theirs.jobs.clear();
    shift.refresh();
    expect(log).toEqual([`quit ${stream}`, `${broadcaster}: denied`]);
  },
);

test("an owner who allows more than four jobs gets four", () => {
  const { shift } = open();
  shift.set({ ...Availability.ALWAYS, slots: 9 });
  expect(shift.slots()).toBe(4);
  expect(shift.state().free).toBe(4);
});
