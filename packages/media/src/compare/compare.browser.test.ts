import { BitsPerSecond, seededRandom } from "@tabcast/runtime";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MADE } from "../../bench/attacks/content.ts";
import { type Shape, sourceOf } from "../../bench/attacks/forge.ts";
import { ATTACKS, type Row, runTrial } from "../../bench/attacks/trial.ts";
import { never } from "../../test/clip.ts";
import { defaultLadder } from "../ladder.ts";
import { readInit } from "../mp4/read.ts";
import type { VideoTrack } from "../mp4/track.ts";
import { writeInit } from "../mp4/write.ts";
import { createTranscoder } from "../transcode/transcoder.ts";
import type { Fragment, Rendition, Rung, Transcoder } from "../types.ts";
import { codedSizes } from "./coded-size.ts";
import { readVideo } from "./fragment.ts";
import { pickFrames } from "./pick.ts";
import type { Reference } from "./types.ts";
import { judge, type Verdict } from "./verdict.ts";
import { createVerifier, type Verifier } from "./verifier.ts";

const SEED = Number(import.meta.env.SEED ?? 7);
const RUNS = Number(import.meta.env.RUNS ?? 60);
const shape: Shape = {
  width: 640,
  height: 360,
  frameRate: 25,
  frames: 25,
  bitrate: 2_500_000,
};
const kinds = Object.keys(MADE);
const clip = (kind: string, seed: number, { width, height, frameRate }: Shape) => {
  const make = MADE[kind];
  if (!make) throw new Error(`no content named ${kind}`);
  return make({ width, height, frameRate, seed });
};

let transcoder: Transcoder;
let verifier: Verifier;
beforeAll(() => {
  transcoder = createTranscoder();
  verifier = createVerifier();
});
afterAll(() => {
  transcoder.close();
  verifier.close();
});

describe(`honest and false renditions (SEED=${SEED})`, () => {
  const run = (kind: string, attacks: readonly string[]) =>
    runTrial(
      { kind, seed: SEED, shape, codecs: ["avc"], checks: 1, attacks },
      { transcoder, verifier, kinds, clip },
    );
  const answers = (rows: readonly Row[]) =>
    rows.map(({ what, comparison, own }) => [what, judge(comparison, own).answer]);

  test("of a cartoon, the honest rungs pass and every attack that shows is found", async () => {
    const rows = await run("cartoon", ATTACKS);
    const shown = rows.filter(({ visible }) => visible !== false);
    expect(new Set(shown.map(({ what }) => what)).size).toBeGreaterThanOrEqual(ATTACKS.length);
    for (const [what, answer] of answers(shown))
      expect([what, answer]).toEqual([what, what === "honest" ? "honest" : "false"]);
  });

  test("of noise, night, text, a swish and a slide, the honest rungs pass", async () => {
    for (const kind of kinds)
      for (const [, answer] of answers(await run(kind, [])))
        expect([kind, answer]).toEqual([kind, "honest"]);
  });

  test("what cannot be seen on a still slide is not held against it", async () => {
    const rows = await run("slide", ["frozen", "shifted by 1", "dropped frames"]);
    for (const row of rows.filter(({ what }) => what !== "honest")) {
      expect(row.visible).toBe(false);
      expect(judge(row.comparison, row.own).answer).not.toBe("false");
    }
  });
});

describe("a stranger's rendition", () => {
  let source: Fragment;
  let rendition: Rendition;
  let reference: Reference;
  const [rung] = defaultLadder({ width: 426, height: 240 }) as [Rung];
  const verdict = async (bytes: Pick<Fragment, "init" | "media">): Promise<Verdict> => {
    const request = { rendition: bytes, reference, rung, codec: "avc" } as const;
    return judge(await verifier.compare(request, { signal: never }));
  };
  beforeAll(async () => {
    source = await sourceOf(clip("cartoon", SEED, shape), 0, shape);
    const request = {
      init: source.init,
      media: source.media,
      codec: "avc",
      rungs: [rung],
    } as const;
    rendition = (await transcoder.transcode(request, { signal: never })).renditions[0] as Rendition;
    const frames = pickFrames(shape.frames, seededRandom(SEED, "frames"));
    reference = (
      await verifier.reference({ source, frames, rungs: [rung] }, { signal: never })
    )[0] as Reference;
  });

  test("is honest as its worker made it", async () => {
    expect(await verdict(rendition)).toEqual({ answer: "honest", failed: [] });
  });

  test("of another size is refused, whether it says so or not", async () => {
    const large = { ...rung, width: 640, height: 360, bitrate: BitsPerSecond.of(300_000) };
    const request = {
      init: source.init,
      media: source.media,
      codec: "avc",
      rungs: [large],
    } as const;
    const [other] = (await transcoder.transcode(request, { signal: never })).renditions;
    if (!other) throw new Error("no rendition");
    expect((await verdict(other)).failed).toContain("picture");
    const track = readInit(other.init) as VideoTrack;
    const lying = writeInit({ ...track, width: rung.width, height: rung.height });
    const liar = { rendition: { init: lying, media: other.media }, reference, rung };
    const { broken } = await verifier.compare({ ...liar, codec: "avc" }, { signal: never });
    expect(broken).toEqual({ why: "picture", message: "announces 640x368 instead of 426x240" });
  });

  test("announces its size in its own headers, in every codec", async () => {
    const { init, media } = source;
    for (const [codec, width] of [
      ["avc", 432],
      ["vp9", 426],
      ["av1", 426],
    ] as const) {
      const request = { init, media, codec, rungs: [rung] };
      const [made] = (await transcoder.transcode(request, { signal: never })).renditions;
      const { track, samples } = readVideo(made as Rendition);
      const sizes = [...codedSizes(track, samples)];
      expect(sizes.length).toBeGreaterThan(0);
      for (const size of sizes) expect([codec, size]).toEqual([codec, { width, height: 240 }]);
    }
  });

  test("of another codec is refused", async () => {
    const request = {
      init: source.init,
      media: source.media,
      codec: "vp9",
      rungs: [rung],
    } as const;
    const [other] = (await transcoder.transcode(request, { signal: never })).renditions;
    expect((await verdict(other as Rendition)).failed).toContain("codec");
  });

  test("that is no rendition, is cut off, damaged or too large is refused by name", async () => {
    const { init, media } = rendition;
    const cases: [string, Pick<Fragment, "init" | "media">][] = [
      ["malformed", { init, media: new Uint8Array(2_000) }],
      ["malformed", { init, media: media.slice(0, media.length / 2) }],
      ["malformed", { init: new Uint8Array(0), media }],
      ["too-large", { init, media: new Uint8Array(4_000_000) }],
    ];
    for (const [why, bytes] of cases)
      expect(await verdict(bytes)).toEqual({ answer: "false", failed: [why] });
    const damaged = media.slice();
    damaged.fill(0x5a, media.length / 2, media.length / 2 + 4_000);
    expect((await verdict({ init, media: damaged })).answer).toBe("false");
    expect(await verdict(rendition)).toEqual({ answer: "honest", failed: [] });
  });

  test(`of damaged bytes ends with a comparison, ${RUNS} times (SEED=${SEED})`, async () => {
    const random = seededRandom(SEED, "damage");
    const outcomes = new Set<string>();
    for (let run = 0; run < RUNS; run++) {
      const [init, media] = [rendition.init.slice(), rendition.media.slice()];
      // Headers are a small part of the bytes and most of the trouble.
      const target = random.below(4) === 0 ? init : media;
      const reach = random.below(2) === 0 ? target.length : Math.min(1_500, target.length);
      for (let flips = 1 + random.below(8); flips > 0; flips--)
        target[random.below(reach)] = random.below(256);
      const comparison = await verifier.compare(
        { rendition: { init, media }, reference, rung, codec: "avc" },
        { signal: never },
      );
      outcomes.add(comparison.broken?.why ?? "measured");
      if (comparison.broken) expect(judge(comparison).answer).toBe("false");
    }
    expect([...outcomes]).toEqual(expect.arrayContaining(["malformed", "measured"]));
    expect((await verdict(rendition)).answer).toBe("honest");
  });

  test("whose comparison is aborted leaves the next one its turn", async () => {
    const own = new AbortController();
    const request = { rendition, reference, rung, codec: "avc" } as const;
    const comparing = verifier.compare(request, { signal: own.signal });
    own.abort(new Error("enough"));
    await expect(comparing).rejects.toThrow("enough");
    expect((await verdict(rendition)).answer).toBe("honest");
  });

  test("cannot be compared at a frame that the source does not have", async () => {
    for (const frames of [[], [25], [3, 3], [5, 2], [-1], [1.5]])
      await expect(
        verifier.reference({ source, frames, rungs: [rung] }, { signal: never }),
      ).rejects.toMatchObject({ code: "MEDIA_OPTION" });
  });
});
