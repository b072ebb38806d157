import { BitsPerSecond, Bytes, Micros } from "@tabcast/runtime";
import { describe, expect, test } from "vitest";
import type { FrameMeasures } from "./measures.ts";
import type { TraceMeasures } from "./trace.ts";
import type { Comparison, Facts } from "./types.ts";
import { judge } from "./verdict.ts";

const frame: FrameMeasures = {
  psnr: 42,
  ssim: 0.98,
  tileSsim: 0.95,
  sharpness: 0.97,
  detail: 0.95,
  chroma: 0.7,
  saturation: 0.98,
};
const trace: TraceMeasures = {
  tellable: 40,
  misplaced: 0,
  moving: 40,
  still: 0,
  drifting: 30,
  stuck: 0,
  contrast: 0.997,
  offset: 0.1,
  blemish: 1,
  spot: 3,
};
const facts: Facts = {
  codec: "avc",
  startsWithKey: true,
  count: 50,
  timeError: 0,
  size: true,
  matrix: true,
  strangeBoxes: 0,
  sizes: { key: Bytes.of(20_000), coded: Bytes.of(195_000), pixels: 640 * 360 },
};

/** An honest comparison with some of it changed. */
function comparison({
  of = {},
  frames = {},
  over = {},
  broken,
}: {
  readonly of?: Partial<Facts>;
  readonly frames?: Partial<FrameMeasures>;
  readonly over?: Partial<TraceMeasures>;
  readonly broken?: NonNullable<Comparison["broken"]>["why"];
} = {}): Comparison {
  return {
    rung: { name: "360p", width: 640, height: 360, bitrate: BitsPerSecond.of(800_000) },
    codec: "avc",
    source: {
      sizes: { key: Bytes.of(90_000), coded: Bytes.of(900_000), pixels: 1920 * 1080 },
      duration: Micros.of(2_000_000),
      count: 50,
    },
    facts: { ...facts, ...of },
    ...(broken
      ? { broken: { why: broken, message: "" } }
      : { frames: [frame, { ...frame, ...frames }, frame], trace: { ...trace, ...over } }),
    spent: { decode: 0, frames: 0, trace: 0 },
  };
}
const coded = (bytes: number): Partial<Facts> => ({
  sizes: { ...facts.sizes, coded: Bytes.of(bytes) },
});

describe("a verdict", () => {
  test("is honest where nothing speaks against a rendition", () => {
    expect(judge(comparison())).toEqual({ answer: "honest", failed: [] });
  });

  test.each([
    ["codec", { of: { codec: "vp9" } }],
    ["key", { of: { startsWithKey: false } }],
    ["count", { of: { count: 49 } }],
    ["times", { of: { timeError: Number.POSITIVE_INFINITY } }],
    ["matrix", { of: { matrix: false } }],
    ["boxes", { of: { strangeBoxes: 1 } }],
    ["order", { over: { misplaced: 20 } }],
    ["motion", { over: { still: 12 } }],
    ["drift", { over: { stuck: 15 } }],
    ["contrast", { over: { contrast: 219 / 255 } }],
    ["contrast", { over: { contrast: 255 / 219 } }],
    ["brightness", { over: { offset: -20 } }],
    ["blemish", { over: { blemish: 30 } }],
    ["spot", { over: { spot: 60 } }],
    ["psnr", { frames: { psnr: 15 } }],
    ["tiles", { frames: { tileSsim: 0.2 } }],
  ] as const)("names %s", (name, change) => {
    expect(judge(comparison(change))).toEqual({ answer: "false", failed: [name] });
  });

  test("names what broke, beside what the container says", () => {
    const { answer, failed } = judge(comparison({ broken: "undecodable", of: { count: 3 } }));
    expect(answer).toBe("false");
    expect(failed).toContain("undecodable");
    expect(failed).toContain("count");
  });

  test("says nothing where the source does not show it", () => {
    const still = { tellable: 2, misplaced: 2, moving: 0, drifting: 0, contrast: undefined };
    expect(judge(comparison({ over: still })).answer).toBe("honest");
  });

  test("forgives an encoder that skips two of few frames that move, and not one that skips half", () => {
    expect(judge(comparison({ over: { moving: 6, still: 2 } })).answer).toBe("honest");
    expect(judge(comparison({ over: { moving: 24, still: 12 } })).failed).toEqual(["motion"]);
  });

  test("is grey for a rendition of few bytes until an own encode shows what could be done", () => {
    const thin = comparison({ of: coded(60_000) });
    expect(judge(thin)).toEqual({ answer: "grey", failed: ["thin"] });
    expect(judge(thin, comparison({ of: coded(62_000) })).answer).toBe("honest");
    const better = comparison({ of: coded(190_000), frames: { psnr: 50 } });
    expect(judge(thin, better)).toEqual({ answer: "false", failed: ["starved", "thinned"] });
  });

  test("does not hold an own encode's bytes above the target against a rendition that met it", () => {
    const met = comparison({ of: coded(195_000), frames: { psnr: 38 } });
    const lavish = comparison({ of: coded(390_000), frames: { psnr: 42.5 } });
    expect(judge(met, lavish)).toEqual({ answer: "honest", failed: [] });
  });

  test("is grey for a soft picture until an own encode shows whether detail was lost", () => {
    const soft = { frames: { detail: -0.8 } };
    expect(judge(comparison(soft))).toEqual({ answer: "grey", failed: ["soft"] });
    expect(judge(comparison(soft), comparison(soft)).answer).toBe("honest");
    expect(judge(comparison(soft), comparison())).toEqual({ answer: "false", failed: ["blurred"] });
  });

  test("lets an own encode say whether an encoder or a cheat dropped faint colour", () => {
    const tinted = (tint: number) => {
      const one = comparison();
      const frames = one.frames?.map((each) => ({ ...each, saturation: undefined, tint }));
      return { ...one, frames } as Comparison;
    };
    expect(judge(tinted(0.02))).toEqual({ answer: "grey", failed: ["tint"] });
    expect(judge(tinted(0.02), tinted(0.9))).toEqual({ answer: "false", failed: ["faded"] });
    expect(judge(tinted(0.02), tinted(0.1)).answer).toBe("honest");
  });

  test("takes what an own encode shows too for the content, and no more than that", () => {
    const busy = { over: { spot: 20 }, frames: { tileSsim: 0.3 } };
    expect(judge(comparison(busy)).answer).toBe("false");
    expect(judge(comparison(busy), comparison(busy))).toEqual({ answer: "honest", failed: [] });
    expect(judge(comparison(busy), comparison()).failed).toEqual(["spot", "tiles"]);
    const worse = { over: { spot: 30 }, frames: { tileSsim: 0.2 } };
    expect(judge(comparison(worse), comparison(busy)).failed).toEqual(["spot", "tiles"]);
    const short = comparison({ of: { count: 49 } });
    expect(judge(short, short).answer).toBe("false");
  });

  test("a number that is none is never honest", () => {
    expect(judge(comparison({ frames: { psnr: Number.NaN } })).answer).toBe("false");
  });
});
