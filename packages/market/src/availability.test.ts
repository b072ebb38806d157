import { describe, expect, test } from "vitest";
import * as Availability from "./availability.ts";

const { ALWAYS, serves, state } = Availability;
const facts: Availability.Facts = { day: 3, minute: 600, jobs: 0 };
const night: Availability.Span = { days: [3], from: 22 * 60, to: 6 * 60 };

describe("a worker's tab", () => {
  test.each<[string, Partial<Availability.Policy>, Partial<Availability.Facts>, string, string]>([
    ["with nothing asked for is open", {}, {}, "open", ""],
    ["that is paused is closed", { paused: true }, {}, "closed", "paused"],
    ["that is paused finishes what it has", { paused: true }, { jobs: 1 }, "draining", "paused"],
    [
      "that drains is closed after its last job",
      { drain: true },
      { jobs: 0 },
      "closed",
      "draining",
    ],
    ["outside its hours is closed", { hours: [night] }, {}, "closed", "hours"],
    ["inside its hours is open", { hours: [night] }, { minute: 1_380 }, "open", ""],
    ["in hours past midnight is open", { hours: [night] }, { day: 4, minute: 60 }, "open", ""],
    ["after such hours is closed", { hours: [night] }, { day: 4, minute: 361 }, "closed", "hours"],
    ["before such hours is closed", { hours: [night] }, { day: 3, minute: 60 }, "closed", "hours"],
    [
      "off the plug is closed",
      { onlyWhenCharging: true },
      { charging: false },
      "closed",
      "battery",
    ],
    ["that cannot tell is off the plug", { onlyWhenCharging: true }, {}, "closed", "battery"],
    ["on the plug is open", { onlyWhenCharging: true }, { charging: true }, "open", ""],
    ["in use is closed", { onlyWhenIdle: true }, { idle: false }, "closed", "in use"],
    ["that is idle is open", { onlyWhenIdle: true }, { idle: true }, "open", ""],
  ])("%s", (_, policy, values, expected, why) => {
    const got = state({ ...ALWAYS, ...policy }, { ...facts, ...values });
    expect(got).toMatchObject({ state: expected, why });
    expect(got.free > 0).toBe(expected === "open");
  });

  test("has as many free slots as its owner allows, less its jobs, and never fewer than none", () => {
    const free = (slots: number, jobs: number) =>
      state({ ...ALWAYS, slots }, { ...facts, jobs }).free;
    expect([free(4, 0), free(2, 1), free(1, 1), free(1, 3)]).toEqual([4, 1, 0, 0]);
  });
});

test("an owner's lists name streams and broadcasters; what is denied counts first", () => {
  const lists = (allow: string[], deny: string[]) => ({ allow, deny });
  expect(serves(lists([], []), "stream", "peer")).toBe(true);
  expect(serves(lists(["peer"], []), "stream", "peer")).toBe(true);
  expect(serves(lists(["else"], []), "stream", "peer")).toBe(false);
  expect(serves(lists(["peer"], ["stream"]), "stream", "peer")).toBe(false);
});
