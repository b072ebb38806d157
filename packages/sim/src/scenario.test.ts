import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parse, type Scenario, schema } from "./scenario.ts";
import { ScenarioError } from "./shape.ts";

const here = (path: string) => new URL(path, import.meta.url);
const seed = Number(process.env.SEED ?? Date.now() | 0);
const numRuns = Number(process.env.RUNS ?? 500);

/** Everything that can be said, once. */
const full = {
  name: "full",
  shows: "that everything can be said",
  seed: 42,
  engine: "virtual",
  durationS: 120,
  warmupS: 20,
  scale: 64,
  net: { rttMs: [20, 120], lossPct: 0.2, uplinkKbps: 10_000, downlinkKbps: 50_000 },
  workers: [
    {
      id: "lap",
      n: 6,
      speed: { dist: "lognormal", median: 2, sigma: 0.4 },
      price: [8, 12],
      uplinkKbps: 3_000,
      downlinkKbps: 9_000,
      behaviour: { kind: "upscale", share: 0.3, from: 15 },
    },
    { id: "phone", n: 1, price: [1, 1], speed: { dist: "const", value: 0.6 } },
    { id: "desk", n: 1, price: [1, 1], speed: { dist: "uniform", min: 1, max: 2 } },
  ],
  relays: { n: 3, slots: 100, perAddress: 8 },
  viewers: { n: 5, perMin: 2, rung: "480p", lists: 1 },
  streams: [
    {
      n: 3,
      segS: 2,
      source: "3000k",
      height: 720,
      fps: 30,
      ladder: ["240p", "720p"],
      deposit: 500,
      maxPrice: 100,
      wanted: 2,
      ownSpeed: 0.5,
      behaviour: { kind: "never-pays" },
    },
  ],
  churn: {
    stay: { dist: "weibull", k: 0.5, scaleS: 300 },
    away: { dist: "exp", meanS: 20 },
    exit: { clean: 0.6, crash: 0.3, stall: 0.1 },
  },
  faults: [
    { t: 40, do: "partition", groups: [["lap/0-2"], ["lap/3-5"]], forS: 10 },
    { t: 80, do: "crash", who: { pick: "crew", stream: 0 } },
    { t: 80, do: "leave", who: { share: 0.5 } },
    { t: 80, do: "stall", who: "lap/1", forS: 9 },
    { t: 80, do: "slow", who: "lap", forS: 9, factor: 4 },
    { t: 80, do: "clock", who: "lap", offsetS: 86_400 },
  ],
  attackers: [
    { kind: "staller", share: 0.3 },
    { kind: "replay", share: 0.1, n: 4, fromS: -10 },
  ],
  check: { detection: 0.9, falseAlarm: 0.01, lookMs: 40 },
  expect: [{ id: "missed", min: 0, max: 0.01 }],
};

const at = (path: readonly (string | number)[]) =>
  path.reduce<string>(
    (text, key) =>
      typeof key === "number" ? `${text}[${key}]` : text === "" ? key : `${text}.${key}`,
    "",
  );

/** Paths of all objects in a value. */
function objects(value: unknown, path: readonly (string | number)[] = []): (string | number)[][] {
  if (typeof value !== "object" || value === null) return [];
  const inner = Object.entries(value).flatMap(([key, one]) =>
    objects(one, [...path, Array.isArray(value) ? Number(key) : key]),
  );
  return Array.isArray(value) ? inner : [[...path], ...inner];
}

const refusal = (text: string): ScenarioError => {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof ScenarioError) return error;
    throw error;
  }
  throw new Error("it was accepted");
};

describe("the scenario file", () => {
  test("is read with every field that it can have", () => {
    expect(parse(JSON.stringify(full))).toEqual(full);
  });

  test.each(objects(full).map((path) => [at(path) || "the top", path] as const))(
    "a field that nobody knows is refused by its path, in %s",
    (_, path) => {
      const copy = structuredClone(full);
      const inner = path.reduce<Record<string | number, unknown>>(
        (value, key) => value[key] as Record<string, unknown>,
        copy,
      );
      inner.surprise = 1;
      const { reason } = refusal(JSON.stringify(copy));
      expect(reason).toEqual({ code: "SCENARIO_UNKNOWN", path: at([...path, "surprise"]) });
    },
  );

  test.each([
    [{ durationS: 0 }, "durationS"],
    [{ name: "Not a name" }, "name"],
    [{ workers: [{ id: "lap", n: 1.5 }] }, "workers[0].n"],
    [{ workers: [{ id: "lap", n: 1, speed: { dist: "zipf" } }] }, "workers[0].speed.dist"],
    [{ net: { rttMs: [120, 20] } }, "net.rttMs"],
    [{ faults: [{ t: 1, do: "crash", who: "../lap" }] }, "faults[0].who"],
    [{ expect: [{ id: "happiness", max: 1 }] }, "expect[0].id"],
    [{ streams: [] }, "streams"],
    [{ shows: "" }, "shows"],
    [{ attackers: [{ kind: "gravity" }] }, "attackers[0].kind"],
    [{ attackers: [{ kind: "staller", share: 1 }] }, "attackers[0].share"],
  ])("a field with a wrong value is refused by its path: %j", (change, path) => {
    const { reason } = refusal(JSON.stringify({ ...full, ...change }));
    expect(reason).toEqual({ code: "SCENARIO_FIELD", path });
  });

  test("what is no JSON is refused", () => {
    expect(refusal("{").reason.code).toBe("SCENARIO_JSON");
  });

  test(`any JSON is a scenario or refused (SEED=${seed} RUNS=${numRuns})`, () => {
    const places = objects(full);
    const changed = fc
      .tuple(fc.constantFrom(...places), fc.nat(), fc.jsonValue())
      .map(([path, pick, value]) => {
        const copy = structuredClone(full);
        const inner = path.reduce<Record<string | number, unknown>>(
          (one, key) => one[key] as Record<string, unknown>,
          copy,
        );
        const keys = Object.keys(inner);
        inner[keys[pick % keys.length] as string] = value;
        return JSON.stringify(copy);
      });
    const any = fc.oneof(fc.json(), fc.string(), changed, changed);
    const never = fc.property(any, (text) => {
      let scenario: Scenario;
      try {
        scenario = parse(text);
      } catch (error) {
        expect(error).toBeInstanceOf(ScenarioError);
        return;
      }
      // What was accepted means the same when it is read again.
      expect(parse(JSON.stringify(scenario))).toEqual(scenario);
    });
    fc.assert(never, { seed, numRuns });
  });

  test("the published schema is the one that the parser checks by", () => {
    const published = JSON.parse(readFileSync(here("../scenario.schema.json"), "utf8"));
    expect(published).toEqual(JSON.parse(JSON.stringify(schema)));
  });

  test("every file of the folder is a scenario under its own name", () => {
    const files = readdirSync(here("../scenarios/"));
    expect(files.length).toBeGreaterThan(20);
    for (const file of files)
      expect(parse(readFileSync(here(`../scenarios/${file}`), "utf8")).name).toBe(
        file.replace(/\.json$/, ""),
      );
  });
});
