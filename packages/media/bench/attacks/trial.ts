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
  /** Whether the forged pictures are visibly other ones; absent where none was forged. */
  readonly visible?: boolean;
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

/** A forged picture must be visibly another in so many of the frames looked at, or nobody loses anything. */
const VISIBLE_FRAMES = 3;
const never = new AbortController().signal;

/** Makes a source segment, its honest renditions and its false ones, and checks them as a broadcaster would. */
export async function runTrial(trial: Trial, tools: Tools): Promise<Row[]> {
  const { kind, seed, shape, codecs, checks, attacks } = trial;
  const random = seededRandom(seed, "trial");
  const clip = tools.clip(kind, seed, shape);
  const bench = new Bench(trial, tools, await sourceOf(clip, 0, shape));
  const honest = new Map<CodecName, readonly Fragment[]>();
  // In every second trial the worker has learnt its rates from the segment before.
  const before = random.below(2) === 0 ? await sourceOf(clip, shape.frames, shape) : undefined;
  const stream = `${kind} ${seed}`;
  for (const codec of codecs) {
    if (before) await bench.render(codec, bench.rungs, before, stream);
    honest.set(codec, await bench.render(codec, bench.rungs, bench.source, stream));
  }
  for (let n = 0; n < checks; n++) {
    await bench.draw(random);
    for (const [codec, renditions] of honest)
      for (const [i, rung] of bench.rungs.entries())
        await bench.check("honest", codec, rung, renditions[i] as Fragment);
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
  // By the frames drawn last, so that a poorer rendition stands beside the honest one of the same frames.
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
  #frames: readonly number[] = [];
  #references = new Map<string, Reference>();

  constructor(trial: Trial, tools: Tools, source: Fragment) {
    this.#trial = trial;
    this.#tools = tools;
    this.source = source;
    this.rungs = defaultLadder(trial.shape);
  }

  async render(
    codec: CodecName,
    rungs: readonly Rung[],
    { init, media }: Fragment = this.source,
    stream?: string,
  ): Promise<readonly Fragment[]> {
    const request = { init, media, codec, rungs, ...(stream ? { stream } : {}) };
    return (await this.#tools.transcoder.transcode(request, { signal: never })).renditions;
  }

  /** Draws the frames that the next checks look at. */
  async draw(random: Random): Promise<void> {
    this.#frames = pickFrames(this.#trial.shape.frames, random);
    const request = { source: this.source, frames: this.#frames, rungs: this.rungs };
    const references = await this.#tools.verifier.reference(request, { signal: never });
    this.#references = new Map(this.rungs.map(({ name }, i) => [name, references[i] as Reference]));
  }

  /** Checks a rendition by the frames drawn, and by an encode of its own where the verdict is not honest, as node does. */
  async check(
    what: string,
    codec: CodecName,
    rung: Rung,
    rendition: Fragment,
    differsAt?: (index: number) => boolean,
  ): Promise<void> {
    const comparison = await this.#compare(codec, rung, rendition);
    const doubted = judge(comparison).answer !== "honest";
    const own = doubted
      ? await this.#compare(codec, rung, (await this.render(codec, [rung]))[0] as Fragment)
      : undefined;
    const { kind, seed } = this.#trial;
    this.rows.push({
      kind,
      seed,
      codec,
      rung: rung.name,
      what,
      comparison,
      ...(own ? { own } : {}),
      ...(differsAt ? { visible: this.#visible(differsAt) } : {}),
    });
  }

  #compare(codec: CodecName, rung: Rung, rendition: Fragment): Promise<Comparison> {
    const reference = this.#references.get(rung.name) as Reference;
    const request = { rendition, reference, rung, codec };
    return this.#tools.verifier.compare(request, { signal: never });
  }

  /** Whether enough of the frames up to the last one drawn are visibly other ones. */
  #visible(differsAt: (index: number) => boolean): boolean {
    let found = 0;
    for (let index = this.#frames.at(-1) ?? 0; index >= 0 && found < VISIBLE_FRAMES; index--)
      if (differsAt(index)) found++;
    return found === VISIBLE_FRAMES;
  }

  /** Makes and checks a false rendition of one rung. */
  async attack(attack: string, codec: CodecName, rung: Rung, loot: Loot): Promise<void> {
    const { shape } = this.#trial;
    const { honest, random } = loot;
    const own = (index: number) => honest.pictures[index] as Picture;
    const judged = async (
      from: Fragment,
      made: Rung = rung,
      differsAt?: (index: number) => boolean,
    ) => {
      const [rendition] = await this.render(codec, [made], from);
      if (!rendition) throw new Error("no rendition");
      await this.check(attack, codec, rung, rendition, differsAt);
    };

    if (attack === STARVED)
      return judged(this.source, { ...rung, bitrate: BitsPerSecond.of(rung.bitrate / 3) });
    if (attack === MISSING) {
      const every = 3 + random.below(8);
      const keeps = (index: number) => index % every !== every - 1;
      return judged(await forgedSource(shape, honest.colour, own, keeps));
    }
    const forgery = FORGERIES[attack]?.(loot) ?? ((index: number) => halved(own(index), rung));
    return judged(await forgedSource(shape, honest.colour, forgery), rung, (index) => {
      const picture = forgery(index);
      const { width, height } = picture.luma;
      return differs(picture, scaledPicture(own(index), width, height));
    });
  }
}
