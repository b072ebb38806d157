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
  /** No content explains it. */
  readonly structure?: boolean;
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
    structure: true,
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

/** A share of frames beyond those forgiven; fewer than three in all say nothing. */
const share =
  (part: TraceCount, whole: TraceCount, forgiven = 0) =>
  ({ trace }: Comparison) =>
    trace && trace[whole] >= LEAST_FRAMES
      ? Math.max(0, trace[part] - forgiven) / trace[whole]
      : undefined;
const LEAST_FRAMES = 3;
/** At the edge of what counts as motion an honest encoder may skip a frame or two, as AV1 does in the dark. */
const SKIPPED_FRAMES = 2;

/** How far a presentation time may be from the source's, in microseconds: what a coarse timescale rounds away. */
const TIME_TOLERANCE_US = 1_000;

const meanPsnr = over(mean, ({ psnr }) => psnr);
const meanDetail = over(mean, ({ detail }) => detail);

/** Nearly the source, in dB: from here on, software encoders stop spending. */
const NEARLY_SOURCE_DB = 46;

/** The share of bitrate x duration that the coded frames fill, unless the picture is nearly the source anyway. */
function spending(comparison: Comparison): number | undefined {
  const { facts, rung, source } = comparison;
  const psnr = meanPsnr(comparison);
  if (!facts || psnr === undefined || psnr >= NEARLY_SOURCE_DB) return undefined;
  return (facts.sizes.coded * 8) / ((rung.bitrate * source.duration) / 1e6);
}

/**
 * Decibels that our own encode has and the rendition has not. Nearly the source is good enough: OpenH264 gave one screen of
 * text 44 dB after quiet segments and 51 dB afresh.
 */
function behind(comparison: Comparison, own: Comparison): number | undefined {
  const [psnr, could] = [meanPsnr(comparison), meanPsnr(own)];
  if (psnr === undefined || could === undefined) return undefined;
  return Math.min(could, NEARLY_SOURCE_DB) - psnr;
}

/**
 * Decibels lost by spending less than `share` of what our own encode spends, or of what was asked if that is less; 0 if
 * nothing was saved. An own encode must begin with nothing learnt, or it stands for another stream's rates.
 */
const saving =
  (share: number) =>
  (comparison: Comparison, own: Comparison): number | undefined => {
    if (!own.facts || !comparison.facts) return undefined;
    const { rung, source } = comparison;
    const asked = (rung.bitrate * source.duration) / 8e6;
    const could = Math.min(asked, own.facts.sizes.coded);
    return comparison.facts.sizes.coded < share * could ? behind(comparison, own) : 0;
  };

/** An own encode that keeps less of the source's detail than this has noise for detail, and says nothing. */
const KEPT = 0.3;

/** The detail that is kept, as a share of what our own encode keeps. */
function kept(comparison: Comparison, own: Comparison): number | undefined {
  const [detail, could] = [meanDetail(comparison), meanDetail(own)];
  return detail === undefined || could === undefined || could < KEPT ? undefined : detail / could;
}

const meanTint = over(mean, ({ tint }) => tint);

/** The faint colour that is kept, as a share of what our own encode keeps; one that keeps little says nothing. */
function faded(comparison: Comparison, own: Comparison): number | undefined {
  const [tint, could] = [meanTint(comparison), meanTint(own)];
  return tint === undefined || could === undefined || could < KEPT ? undefined : tint / could;
}

/** A measure that content alone can explain: it is grey at worst, and gone once an own encode answers for the content. */
const alone =
  (read: (comparison: Comparison) => number | undefined) =>
  (comparison: Comparison, own?: Comparison) =>
    own ? undefined : read(comparison);
const beside =
  (read: (comparison: Comparison, own: Comparison) => number | undefined) =>
  (comparison: Comparison, own?: Comparison) =>
    own && read(comparison, own);
const NEVER = Number.NEGATIVE_INFINITY;

/**
 * The limits, all of them. Set in November 2026 from 1218 honest checks of Chromium 156's software encoders, 406 of each
 * codec, and 51 of each attack (npm run bench -- attacks --calibrate), before the encoders learnt their rate. Honest
 * renditions against attacks: contrast 0.965 to 1.01 against 0.86 and 1.16, blemish up to 6.3 against 21 and more for
 * logos, spot up to 11.5, saturation from 0.60 against 0, no frame out of order. Since changed after looking at checks of
 * other seeds: SKIPPED_FRAMES, "starved", "thinned" and "worse". To be derived anew whenever the encoders' settings change.
 */
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
  limit({ name: "motion", read: share("still", "moving", SKIPPED_FRAMES), most: [0.1, 0.2] }),
  limit({ name: "drift", read: share("stuck", "drifting", SKIPPED_FRAMES), most: [0.1, 0.2] }),
  limit({
    name: "contrast",
    read: ({ trace }) => trace?.contrast,
    least: [0.955, 0.92],
    most: [1.025, 1.06],
  }),
  limit({
    name: "brightness",
    read: ({ trace }) => trace && Math.abs(trace.offset),
    most: [1.2, 2.5],
  }),
  limit({ name: "blemish", read: ({ trace }) => trace?.blemish, most: [9, 12] }),
  limit({ name: "spot", read: ({ trace }) => trace?.spot, most: [15, 18] }),
  limit({ name: "psnr", read: over(Math.min, ({ psnr }) => psnr), least: [26, 20] }),
  limit({ name: "tiles", read: over(Math.min, ({ tileSsim }) => tileSsim), least: [0.6, 0.45] }),
  limit({ name: "chroma", read: over(mean, ({ chroma }) => chroma), most: [4.5, 6.5] }),
  limit({
    name: "saturation",
    read: over(mean, ({ saturation }) => saturation),
    least: [0.5, 0.3],
    most: [1.12, 1.2],
  }),
  limit({
    name: "sharpness",
    read: over(mean, ({ sharpness }) => sharpness),
    least: [0.06, 0.03],
    most: [1.7, 2.5],
  }),
  limit({ name: "thin", read: alone(spending), least: [0.75, NEVER] }),
  limit({ name: "soft", read: alone(meanDetail), least: [0.5, NEVER] }),
  // Set by reason, not by measurement: both refuse only what an own encode keeps.
  limit({ name: "tint", read: alone(meanTint), least: [0.5, NEVER] }),
  limit({ name: "faded", read: beside(faded), least: [0.6, 0.4] }),
  limit({ name: "starved", read: beside(saving(0.75)), most: [1, 2] }),
  limit({ name: "thinned", read: beside(saving(0.6)), most: [0.5, 0.75] }),
  limit({ name: "blurred", read: beside(kept), least: [0.75, 0.6] }),
  limit({ name: "worse", read: beside(behind), most: [2, 4] }),
] as const;

/**
 * Says what a comparison means. Where it is grey, the content may be the reason, which an encode of one's own shows: make the rung
 * oneself, compare that by the same reference, and judge again with it as `own`. What is grey then is for others to look at.
 */
export function judge(comparison: Comparison, own?: Comparison): Verdict {
  const failed: Measure[] = comparison.broken ? [comparison.broken.why] : [];
  const doubtful: Measure[] = [];
  for (const {
    name,
    read,
    least = NONE,
    most = ALL,
    structure,
  } of LIMITS as readonly Limit<Measure>[]) {
    const value = read(comparison, own);
    if (value === undefined) continue;
    if (own && !structure && shared(value, read(own), { least, most })) continue;
    if (value < least[1] || value > most[1] || Number.isNaN(value)) failed.push(name);
    else if (value < least[0] || value > most[0]) doubtful.push(name);
  }
  if (failed.length > 0) return { answer: "false", failed };
  return { answer: doubtful.length > 0 ? "grey" : "honest", failed: doubtful };
}

/** How much worse than our own encode a rendition may measure where the content is to blame, as a share. */
const ALIKE = 0.05;

/** Whether our own encode is as far out of what is usual: then it is the content, and the measure says nothing. */
function shared(
  value: number,
  mine: number | undefined,
  { least, most }: { readonly least: readonly number[]; readonly most: readonly number[] },
): boolean {
  if (mine === undefined) return false;
  const low = mine < (least[0] ?? 0) && value >= mine * (1 - ALIKE);
  return low || (mine > (most[0] ?? 0) && value <= mine * (1 + ALIKE));
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
