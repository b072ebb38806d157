import { fullness } from "./bytes.ts";
import type { Comparison } from "./types.ts";

/** Names of what can speak against a rendition. Measured values stay here: they would teach a cheat the limits. */
export type Measure = (typeof LIMITS)[number]["name"] | NonNullable<Comparison["broken"]>["why"];

/** What a comparison means. Only "false" may cost a worker anything; "grey" asks for a second look by someone else. */
export interface Verdict {
  readonly answer: "honest" | "grey" | "false";
  /** What speaks against it: at least one for grey and false, none for honest. */
  readonly failed: readonly Measure[];
}

interface Limit<Name extends string> {
  readonly name: Name;
  /** The number that is held against the limits; undefined where this content does not show it. */
  readonly read: (comparison: Comparison, own?: Comparison) => number | undefined;
  /** Honest from `least[0]` and up to `most[0]`; false below `least[1]` and above `most[1]`; grey between. */
  readonly least?: readonly [honest: number, fair: number];
  readonly most?: readonly [honest: number, fair: number];
}

const limit = <const Name extends string>(of: Limit<Name>) => of;
const fact = <const Name extends string>(
  name: Name,
  ok: (facts: NonNullable<Comparison["facts"]>, comparison: Comparison) => boolean,
) =>
  limit({
    name,
    read: (comparison) => comparison.facts && (ok(comparison.facts, comparison) ? 1 : 0),
    least: [1, 1],
  });

type Frame = NonNullable<Comparison["frames"]>[number];
type TraceCount = "tellable" | "misplaced" | "moving" | "still" | "drifting" | "stuck";

/** What a pick of a number over all frames gives, or undefined where no frame has it. */
const over =
  (choose: (...values: number[]) => number, of: (frame: Frame) => number | undefined) =>
  ({ frames }: Comparison) => {
    const values = (frames ?? []).map(of).filter((value) => value !== undefined);
    return values.length === 0 ? undefined : choose(...values);
  };
const mean = (...values: number[]) => values.reduce((sum, each) => sum + each, 0) / values.length;

/** A share of frames; fewer than three say nothing. */
const share =
  (part: TraceCount, whole: TraceCount) =>
  ({ trace }: Comparison) =>
    trace && trace[whole] >= LEAST_FRAMES ? trace[part] / trace[whole] : undefined;
const LEAST_FRAMES = 3;

/** How far a presentation time may be from the source's, in microseconds: what a coarse timescale rounds away. */
const TIME_TOLERANCE_US = 1_000;

/** A rendition that spends less than this share of its bitrate must be nearly the source, or show that it could not do better. */
const THIN = 0.75;
/** Nearly the source, in dB: software encoders stop spending at 42 and more, text at small sizes apart. */
const NEARLY_SOURCE_DB = 44;
/** A rendition of less than this share of our own encode's bytes has saved where it could have spent. */
const SAVED = 0.85;

const meanPsnr = over(mean, ({ psnr }) => psnr);

/** The share of bitrate x duration that the coded frames fill. */
function filled({ facts, rung, source }: Comparison): number | undefined {
  return facts && (facts.sizes.coded * 8) / ((rung.bitrate * source.duration) / 1e6);
}

/** What is spent, where it is little and shows; undefined once there is an encode of our own to hold it against. */
function thin(comparison: Comparison, own: Comparison | undefined): number | undefined {
  const psnr = meanPsnr(comparison);
  if (own || psnr === undefined || psnr >= NEARLY_SOURCE_DB) return undefined;
  return filled(comparison);
}

/** Decibels lost by saving bytes that our own encode of the same rung spends; 0 if none were saved. */
function starved(comparison: Comparison, own: Comparison | undefined): number | undefined {
  const [psnr, could] = [meanPsnr(comparison), own && meanPsnr(own)];
  if (!own?.facts || !comparison.facts || psnr === undefined || could === undefined)
    return undefined;
  const saved = comparison.facts.sizes.coded < SAVED * own.facts.sizes.coded;
  return saved ? could - psnr : 0;
}

const LIMITS = [
  fact("codec", ({ codec }, asked) => codec === asked.codec),
  fact("key", ({ startsWithKey }) => startsWithKey),
  fact("count", ({ count }, { source }) => count === source.count),
  fact("times", ({ timeError }) => timeError <= TIME_TOLERANCE_US),
  fact("matrix", ({ matrix }) => matrix),
  fact("boxes", ({ strangeBoxes }) => strangeBoxes === 0),
  limit({
    name: "empty",
    read: ({ facts, source }) => facts && fullness(facts.codec, facts, source),
    least: [2, 1.5],
  }),
  limit({ name: "order", read: share("misplaced", "tellable"), most: [0.05, 0.1] }),
  limit({ name: "motion", read: share("still", "moving"), most: [0.1, 0.2] }),
  limit({ name: "drift", read: share("stuck", "drifting"), most: [0.1, 0.2] }),
  limit({
    name: "contrast",
    read: ({ trace }) => trace?.contrast,
    least: [0.95, 0.92],
    most: [1.03, 1.06],
  }),
  limit({ name: "brightness", read: ({ trace }) => trace && Math.abs(trace.offset), most: [2, 4] }),
  limit({ name: "blemish", read: ({ trace }) => trace?.blemish, most: [8, 12] }),
  limit({ name: "spot", read: ({ trace }) => trace?.spot, most: [20, 30] }),
  limit({ name: "thin", read: thin, least: [THIN, Number.NEGATIVE_INFINITY] }),
  limit({ name: "starved", read: starved, most: [1, 1.5] }),
  limit({ name: "psnr", read: over(Math.min, ({ psnr }) => psnr), least: [24, 20] }),
  limit({ name: "tiles", read: over(Math.min, ({ tileSsim }) => tileSsim), least: [0.4, 0.3] }),
  limit({ name: "detail", read: over(mean, ({ detail }) => detail), least: [0.4, 0.3] }),
  limit({
    name: "sharpness",
    read: over(mean, ({ sharpness }) => sharpness),
    least: [0.1, 0.05],
    most: [2, 3],
  }),
  limit({ name: "chroma", read: over(mean, ({ chroma }) => chroma), most: [5, 8] }),
  limit({
    name: "saturation",
    read: over(mean, ({ saturation }) => saturation),
    least: [0.5, 0.35],
    most: [1.2, 1.4],
  }),
] as const;

/**
 * Says what a comparison means. One that is grey because it is "thin" may honestly have no more to say: encode the rung
 * yourself, compare that in the same way, and judge again with it as `own`.
 */
export function judge(comparison: Comparison, own?: Comparison): Verdict {
  const failed: Measure[] = comparison.broken ? [comparison.broken.why] : [];
  const doubtful: Measure[] = [];
  for (const { name, read, least = NONE, most = ALL } of LIMITS as readonly Limit<Measure>[]) {
    const value = read(comparison, own);
    if (value === undefined) continue;
    if (value < least[1] || value > most[1] || Number.isNaN(value)) failed.push(name);
    else if (value < least[0] || value > most[0]) doubtful.push(name);
  }
  if (failed.length > 0) return { answer: "false", failed };
  return { answer: doubtful.length > 0 ? "grey" : "honest", failed: doubtful };
}

const NONE = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY] as const;
const ALL = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY] as const;

/** Every measure's number, for the bench that derives the limits. */
export function readings(comparison: Comparison, own?: Comparison): Map<string, number> {
  return new Map(
    (LIMITS as readonly Limit<Measure>[]).flatMap(({ name, read }) => {
      const value = read(comparison, own);
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
}
