/** The scenario file: what it may say. One description is both the parser and the published JSON Schema. */
import {
  list,
  maybe,
  number,
  type Of,
  object,
  oneOf,
  optional,
  range,
  ScenarioError,
  type Shape,
  text,
  textOr,
  whole,
  word,
} from "./shape.ts";

const is = <const T extends string>(name: T) => word(name);
const seconds = number(0, 86_400);
const share = number(0, 1);

/** A value drawn for each worker. */
export type Draw =
  | { readonly dist: "const"; readonly value: number }
  | { readonly dist: "uniform"; readonly min: number; readonly max: number }
  | { readonly dist: "lognormal"; readonly median: number; readonly sigma: number };
/** A time drawn for each stay. */
export type Span =
  | { readonly dist: "exp"; readonly meanS: number }
  | { readonly dist: "weibull"; readonly k: number; readonly scaleS: number };

const positive = number(0.01, 10_000);
const draw: Shape<Draw> = oneOf<Draw>("dist", {
  const: object({ dist: is("const"), value: positive }),
  uniform: object({ dist: is("uniform"), min: positive, max: positive }),
  lognormal: object({ dist: is("lognormal"), median: positive, sigma: number(0, 3) }),
});
const span: Shape<Span> = oneOf<Span>("dist", {
  exp: object({ dist: is("exp"), meanS: number(0.1, 1e7) }),
  weibull: object({ dist: is("weibull"), k: number(0.1, 10), scaleS: number(0.1, 1e7) }),
});

/** How long tabs stay. Source: simulation.md part 3; both are assumed, not measured. */
export const PRESETS: Readonly<Record<string, Span>> = {
  tabs: { dist: "weibull", k: 0.5, scaleS: 300 },
  headless: { dist: "weibull", k: 0.6, scaleS: 4_800 },
};

export const ATTACKS = [
  "black",
  "upscale",
  "frozen",
  "shifted",
  "logo",
  "wrong-source",
  "replay",
  "starve",
  "dropped-frames",
  "late",
  "lies-speed",
  "stall",
  "bad-hash",
  "bid-storm",
  "unserved",
] as const;

/** Hostile peers that a scenario can name. What each does: `virtual/attackers`. */
export const ATTACKERS = [
  "gossip-flood",
  "author-forgery",
  "replay",
  "reflection",
  "staller",
  "body-flood",
  "proof-flood",
  "decoder-bomb",
  "equivocator",
  "bid-storm",
  "private-prober",
  "sybil-list",
  "eclipse",
  "address-garbage",
  "idle-squatter",
  "lying-relay",
  "hanging-relay",
  "uplink-thief",
] as const;
export type AttackerKind = (typeof ATTACKERS)[number];
/** Those whose effect lies in how tabs reach each other: they are run where the scenario has relays. */
export const OF_THE_MESH: ReadonlySet<AttackerKind> = new Set([
  "sybil-list",
  "eclipse",
  "address-garbage",
  "idle-squatter",
  "lying-relay",
  "hanging-relay",
  "uplink-thief",
]);

/** Codes of worker groups and workers: "lap", "lap/3", "lap/0-2". */
const someone = text(
  /^[a-z][a-z0-9-]{0,31}(\/\d{1,4}(-\d{1,4})?)?$/,
  "a worker such as lap/3, several such as lap/0-2, or a group such as lap",
);
const who = textOr(
  someone,
  object<{
    pick?: "fastest" | "crew" | "encoding" | "backup" | "broadcaster" | undefined;
    stream?: number | undefined;
    share?: number | undefined;
  }>({
    pick: maybe(word("fastest", "crew", "encoding", "backup", "broadcaster")),
    stream: maybe(whole(0, 10_000)),
    share: maybe(share),
  }),
);
export type Who = Of<typeof who>;

export type Fault =
  | { readonly do: "crash" | "leave"; readonly t: number; readonly who: Who }
  | { readonly do: "stall"; readonly t: number; readonly who: Who; readonly forS: number }
  | {
      readonly do: "slow";
      readonly t: number;
      readonly who: Who;
      readonly factor: number;
      readonly forS: number;
    }
  | { readonly do: "clock"; readonly t: number; readonly who: Who; readonly offsetS: number }
  | {
      readonly do: "partition";
      readonly t: number;
      readonly groups: readonly (readonly string[])[];
      readonly forS: number;
    };

const t = number(-86_400, 86_400);
const fault: Shape<Fault> = oneOf<Fault>("do", {
  crash: object({ do: is("crash"), t, who }),
  leave: object({ do: is("leave"), t, who }),
  stall: object({ do: is("stall"), t, who, forS: seconds }),
  slow: object({ do: is("slow"), t, who, factor: number(0.1, 1_000), forS: seconds }),
  clock: object({ do: is("clock"), t, who, offsetS: number(-1e7, 1e7) }),
  partition: object({
    do: is("partition"),
    t,
    groups: list(list(someone, 1, 100), 2, 8),
    forS: seconds,
  }),
});

/** What `expect` can name. */
export const ASSERTIONS = [
  "missed",
  "missing",
  "local",
  "localAfter",
  "own",
  "ownAfter",
  "asked",
  "lost",
  "fraudPaid",
  "conservation",
  "failoverP95S",
  "score",
  "duplicateWork",
  "uplinkRatio",
  "controlRatio",
  "jain",
  "bidsPerOffer",
  "honestDropped",
  "detectionSegments",
  "utilisation",
  "arrears",
  "viewerStalls",
] as const;

const rungName = text(/^\d{2,4}p$/, "a rung such as 480p");
const scenario = object({
  name: text(/^[a-z0-9][a-z0-9-]{0,63}$/, "a name of lower-case letters, digits and hyphens"),
  /** What it shows, in a sentence. */
  shows: maybe(text(/^.{1,160}$/, "a sentence of 1 to 160 characters")),
  seed: optional(whole(0, 2 ** 32 - 1), 1),
  engine: optional(word("virtual", "memory", "browser"), "virtual"),
  durationS: number(1, 86_400),
  warmupS: optional(number(5, 3_600), 20),
  /** Real bytes that one simulated byte stands for. */
  scale: optional(whole(1, 200), 64),
  net: optional(
    object({
      rttMs: optional(range(number(0, 5_000)), [20, 120]),
      lossPct: optional(number(0, 50), 0),
      uplinkKbps: optional(number(100, 10_000_000), 10_000),
      downlinkKbps: optional(number(100, 10_000_000), 50_000),
    }),
    { rttMs: [20, 120], lossPct: 0, uplinkKbps: 10_000, downlinkKbps: 50_000 },
  ),
  /**
   * With them tabs are held to what the mesh holds them to: they reach others through relays only, and have its places, budgets and
   * turns. Without them everybody reaches everybody at once.
   */
  relays: maybe(
    object({
      n: whole(1, 32),
      /** Slots that each has, and of these for one IP address. */
      slots: optional(whole(1, 100_000), 4_096),
      perAddress: optional(whole(1, 100_000), 64),
    }),
  ),
  workers: list(
    object({
      id: text(/^[a-z][a-z0-9-]{0,31}$/, "a name of lower-case letters, digits and hyphens"),
      n: whole(0, 20_000),
      /** Without it they come while the run warms up. */
      fromS: maybe(seconds),
      /** Multiple of real time for the first stream's ladder. */
      speed: optional(draw, { dist: "lognormal", median: 3, sigma: 0.4 }),
      /** Least and most asked, in gparts per output gigapixel; drawn for each. */
      price: optional(range(number(0, 1e6)), [1, 1]),
      uplinkKbps: maybe(number(100, 10_000_000)),
      downlinkKbps: maybe(number(100, 10_000_000)),
      /** A worker such as lap/0 whose payee's address they have copied: they cannot show its signature. */
      pastes: maybe(text(/^[a-z][a-z0-9-]{0,31}\/\d{1,4}$/, "a worker such as lap/3")),
      behaviour: maybe(
        object({
          kind: word(...ATTACKS),
          /** Of its segments that it cheats in. */
          share: optional(share, 1),
          /** Segments that it does honestly before. */
          from: optional(whole(0, 1_000_000), 0),
        }),
      ),
    }),
    0,
    100,
  ),
  viewers: optional(
    object({
      n: whole(0, 2_000),
      /** Without it all come at the end of warm-up. */
      perMin: maybe(number(0.01, 100_000)),
      rung: optional(rungName, "480p"),
      /** Tabs that read the list of live streams, from the end of warm-up on; they need relays. */
      lists: optional(whole(0, 100), 0),
    }),
    { n: 0, perMin: undefined, rung: "480p", lists: 0 },
  ),
  streams: list(
    object({
      n: optional(whole(1, 2_000), 1),
      segS: optional(number(0.5, 10), 2),
      /** Bits per second in thousands, such as 3000k. */
      source: optional(text(/^\d{2,6}k$/, "a bitrate such as 3000k"), "3000k"),
      height: optional(whole(64, 4_320), 720),
      fps: optional(number(1, 120), 30),
      ladder: optional(list(rungName, 1, 8), ["240p", "360p", "480p", "720p"]),
      /** Gwei for the pot. */
      deposit: optional(number(0, 1e12), 1e6),
      /** Gparts per output gigapixel. */
      maxPrice: optional(number(0, 1e6), 100),
      wanted: optional(whole(1, 8), 2),
      /** How fast the broadcaster's own tab makes the first stream's ladder, as a multiple of real time: it captures and encodes the source as well. */
      ownSpeed: optional(positive, 1.3),
      behaviour: maybe(object({ kind: word("never-pays") })),
    }),
    1,
    100,
  ),
  churn: maybe(
    object({
      stay: textOr(text(/^(tabs|headless)$/, "tabs or headless"), span),
      away: optional(span, { dist: "exp", meanS: 20 }),
      /** Relative weights. A stall lasts 9 s, then the tab crashes. */
      exit: optional(
        object({
          clean: optional(share, 0),
          crash: optional(share, 0),
          stall: optional(share, 0),
        }),
        { clean: 0.6, crash: 0.3, stall: 0.1 },
      ),
    }),
  ),
  faults: optional(list(fault, 0, 1_000), []),
  /** Hostile peers, besides all others. */
  attackers: optional(
    list(
      object({
        kind: word(...ATTACKERS),
        /** Of all peers of the run, these included; one at least. */
        share: optional(number(0, 0.9), 0.1),
        /** How many, instead of a share. */
        n: maybe(whole(0, 2_000)),
        /** Without it they are there before anybody else. */
        fromS: maybe(number(-3_600, 86_400)),
      }),
      0,
      20,
    ),
    [],
  ),
  /**
   * What spot checks see: the chance to see a defect, and to see one that is none; and the milliseconds that it
   * takes to make a reference, and again for each rung. 25: market.md part 9, three frames with all tests at 360p.
   */
  check: optional(
    object({
      detection: optional(share, 0.95),
      falseAlarm: optional(share, 0.0014),
      lookMs: optional(number(0, 60_000), 25),
    }),
    { detection: 0.95, falseAlarm: 0.0014, lookMs: 25 },
  ),
  expect: optional(
    list(
      object({
        id: word(...ASSERTIONS),
        min: maybe(number(-1e15, 1e15)),
        max: maybe(number(-1e15, 1e15)),
      }),
      0,
      100,
    ),
    [],
  ),
});

export type Scenario = Of<typeof scenario>;

/** A scenario in its file's text. Throws ScenarioError: SCENARIO_JSON, SCENARIO_UNKNOWN or SCENARIO_FIELD, with the path. */
export function parse(json: string): Scenario {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new ScenarioError(
      { code: "SCENARIO_JSON", path: "" },
      `the scenario is no JSON: ${(cause as Error).message}`,
      { cause },
    );
  }
  return scenario.parse(value, "");
}

/** JSON Schema (draft 2020-12) of the scenario file. */
export const schema: Readonly<Record<string, unknown>> = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "Tabcast scenario",
  ...scenario.schema,
};
