import { BitsPerSecond, type Random, seededRandom } from "@tabcast/runtime";
import { pickFrames } from "../../src/compare/pick.ts";
import { type Picture, scaledPicture } from "../../src/compare/planes.ts";
import type { Comparison, Reference } from "../../src/compare/types.ts";
import { judge } from "../../src/compare/verdict.ts";
import type { Verifier } from "../../src/compare/verifier.ts";
import { defaultLadder } from "../../src/ladder.ts";
import type { CodecName, Fragment, Rung, Transcoder } from "../../src/types.ts";
import type { Clip } from "./content.ts";
import {
  decoded,
  differs,
  FORGERIES,
  forgedSource,
  halved,
  type Loot,
  type Shape,
  sourceOf,
} from "./forge.ts";

/** One source segment and what is done with it. */
export interface Trial {
  readonly kind: string;
  readonly seed: number;
  readonly shape: Shape;
  readonly codecs: readonly CodecName[];
  /** How often each honest rendition is checked, each time by frames of its own. */
  readonly checks: number;
  /** Names out of ATTACKS. */
  readonly attacks: readonly string[];
}

/** One check of one rendition. */
export interface Row {
  readonly kind: string;
  readonly seed: number;
  readonly codec: CodecName;
  readonly rung: string;
  /** "honest", or the attack's name. */
  readonly what: string;
  readonly comparison: Comparison;
  /** Of the verifier's own encode, where the verdict asked for it. */
  readonly own?: Comparison;
  /** Frames up to the last one checked whose forged picture is visibly another; absent where no picture was forged. */
  readonly differing?: number;
}

/** What trials are made with. */
export interface Tools {
  readonly transcoder: Transcoder;
  readonly verifier: Verifier;
  readonly kinds: readonly string[];
  readonly clip: (kind: string, seed: number, shape: Shape) => Clip;
}

/** Attacks that need no forged picture of the source's size. */
const UPSCALED = "upscaled half-res";
const STARVED = "bitrate / 3";
const MISSING = "missing frames";
/** Every attack, in the table's order. */
export const ATTACKS: readonly string[] = [...Object.keys(FORGERIES), UPSCALED, STARVED, MISSING];

const never = new AbortController().signal;

/** Makes a source segment, its honest renditions and its false ones, and checks them as a broadcaster would. */
export async function runTrial(trial: Trial, tools: Tools): Promise<Row[]> {
  const { kind, seed, shape, codecs, checks, attacks } = trial;
  const random = seededRandom(seed, "trial");
  const clip = tools.clip(kind, seed, shape);
  const bench = new Bench(trial, tools, await sourceOf(clip, 0, shape), random);
  for (const codec of codecs) {
    const renditions = await bench.render(bench.source, codec, bench.rungs);
    for (let n = 0; n < checks; n++) await bench.check("honest", codec, bench.rungs, renditions);
  }
  if (attacks.length === 0) return bench.rows;

  const others = tools.kinds.filter((name) => name !== kind);
  const other = tools.clip(others[random.below(others.length)] as string, seed + 1, shape);
  const loot: Loot = {
    honest: await decoded(bench.source),
    next: await decoded(await sourceOf(clip, shape.frames, shape)),
    other: await decoded(await sourceOf(other, 0, shape)),
    shape,
    random,
  };
  for (const attack of attacks) {
    const codec = codecs[random.below(codecs.length)] as CodecName;
    const rung = bench.rungs[random.below(bench.rungs.length)] as Rung;
    await bench.attack(attack, codec, rung, loot);
  }
  return bench.rows;
}

class Bench {
  readonly rows: Row[] = [];
  readonly rungs: readonly Rung[];
  readonly source: Fragment;
  readonly #trial: Trial;
  readonly #tools: Tools;
  readonly #random: Random;

  constructor(trial: Trial, tools: Tools, source: Fragment, random: Random) {
    this.#trial = trial;
    this.#tools = tools;
    this.source = source;
    this.rungs = defaultLadder(trial.shape);
    this.#random = random;
  }

  async render(
    { init, media }: Fragment,
    codec: CodecName,
    rungs: readonly Rung[],
  ): Promise<readonly Fragment[]> {
    const request = { init, media, codec, rungs };
    return (await this.#tools.transcoder.transcode(request, { signal: never })).renditions;
  }

  /** Checks renditions of some rungs by three frames, and by an encode of its own where the verdict asks for it. */
  async check(
    what: string,
    codec: CodecName,
    rungs: readonly Rung[],
    renditions: readonly Fragment[],
    differsAt?: (index: number) => boolean,
  ): Promise<void> {
    const { kind, seed, shape } = this.#trial;
    const frames = pickFrames(shape.frames, this.#random);
    const { verifier } = this.#tools;
    const references = await verifier.reference(
      { source: this.source, frames, rungs },
      { signal: never },
    );
    const seen = Array.from({ length: (frames.at(-1) ?? 0) + 1 }, (_, index) => index);
    const differing = differsAt && seen.filter(differsAt).length;
    for (const [i, rung] of rungs.entries()) {
      const [rendition, reference] = [renditions[i], references[i]];
      if (!rendition || !reference) throw new Error("a rung is missing");
      const request = { rendition, reference, rung, codec };
      const comparison = await verifier.compare(request, { signal: never });
      const own = judge(comparison).failed.includes("thin")
        ? await this.#own(codec, rung, reference)
        : undefined;
      this.rows.push({
        kind,
        seed,
        codec,
        rung: rung.name,
        what,
        comparison,
        ...(own ? { own } : {}),
        ...(differing === undefined ? {} : { differing }),
      });
    }
  }

  async #own(codec: CodecName, rung: Rung, reference: Reference): Promise<Comparison> {
    const rendition = await this.#rendered(this.source, codec, rung);
    const request = { rendition, reference, rung, codec };
    return this.#tools.verifier.compare(request, { signal: never });
  }

  async #rendered(from: Fragment, codec: CodecName, rung: Rung): Promise<Fragment> {
    const [fragment] = await this.render(from, codec, [rung]);
    if (!fragment) throw new Error("no rendition");
    return fragment;
  }

  /** Makes and checks a false rendition of one rung. */
  async attack(attack: string, codec: CodecName, rung: Rung, loot: Loot): Promise<void> {
    const { shape } = this.#trial;
    const { honest } = loot;
    const own = (index: number) => honest.pictures[index] as Picture;
    const forged = (pictureAt: (index: number) => Picture, keeps?: (index: number) => boolean) =>
      forgedSource(shape, honest.colour, pictureAt, keeps);
    const judged = async (from: Fragment, made = rung, differsAt?: (index: number) => boolean) =>
      this.check(attack, codec, [rung], [await this.#rendered(from, codec, made)], differsAt);

    if (attack === STARVED)
      return judged(this.source, { ...rung, bitrate: BitsPerSecond.of(rung.bitrate / 3) });
    if (attack === MISSING) {
      const every = 3 + this.#random.below(8);
      return judged(await forged(own, (index) => index % every !== every - 1));
    }
    const forgery = FORGERIES[attack]?.(loot) ?? ((index: number) => halved(own(index), rung));
    return judged(await forged(forgery), rung, (index) => {
      const picture = forgery(index);
      const { width, height } = picture.luma;
      return differs(picture, scaledPicture(own(index), width, height));
    });
  }
}
