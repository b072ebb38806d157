import { describe, expect, test } from "vitest";
import * as Verify from "./verify.ts";

const frames = 50;
const timestamps = Array.from({ length: frames }, (_, i) => 4_000_000 + i * 40_000);
const source: Verify.Structure = {
  width: 1920,
  height: 1080,
  frames,
  timestamps,
  duration: 2_000_000,
  startsWithKey: true,
  bytes: 1_000_000,
  boxes: ["styp", "moof", "mdat"],
};
const rung = { name: "720p", width: 1280, height: 720, bitrate: 3_000_000 };
const rendition: Verify.Structure = {
  ...source,
  width: 1280,
  height: 720,
  bytes: 600_000,
  boxes: ["styp", "sidx", "moof", "mdat"],
};
const honest: Verify.Evidence = {
  rung,
  source,
  rendition,
  claimed: { mediaLen: 600_000, frames },
  hashesMatch: true,
};
const but = (values: Partial<Verify.Structure>): Verify.Evidence => {
  const changed = { ...rendition, ...values };
  const claimed = { mediaLen: changed.bytes, frames: changed.frames };
  return { ...honest, rendition: changed, claimed };
};

describe("verification", () => {
  test("takes an honest rendition", () => {
    expect(Verify.check(honest)).toEqual({ ok: true });
  });

  test.each<[string, Verify.Evidence, readonly Verify.CheckId[]]>([
    ["bytes of another hash", { ...honest, hashesMatch: false }, ["hash"]],
    ["another length than signed", { ...honest, claimed: { mediaLen: 1, frames } }, ["length"]],
    ["three times the bitrate", but({ bytes: 2_250_000 }), ["size-high"]],
    ["a black picture's few bytes", but({ bytes: 3_000 }), ["size-low"]],
    ["a first packet that is no key frame", but({ startsWithKey: false }), ["key"]],
    [
      "every second frame dropped",
      but({ frames: 25, timestamps: timestamps.filter((_, i) => i % 2 === 0) }),
      ["count", "times"],
    ],
    [
      "one frame more",
      but({ frames: 51, timestamps: [...timestamps, 6_000_000] }),
      ["count", "times"],
    ],
    ["frames moved by 2 ms", but({ timestamps: timestamps.map((t) => t + 2_000) }), ["times"]],
    ["an older segment's times", but({ timestamps: timestamps.map((t) => t - 2e6) }), ["times"]],
    ["a smaller picture", but({ width: 640, height: 360 }), ["picture"]],
    ["a box nobody knows", but({ boxes: ["styp", "moof", "mdat", "uuid"] }), ["boxes"]],
    ["no media box", but({ boxes: ["styp", "moof"] }), ["boxes"]],
  ])("refuses %s", (_, evidence, failed) => {
    expect(Verify.check(evidence)).toEqual({ ok: false, failed });
  });

  test("names every check that failed, and each once over a ladder", () => {
    const outcome = Verify.all([
      Verify.check(but({ bytes: 10, startsWithKey: false })),
      Verify.check(but({ startsWithKey: false })),
      { ok: true },
    ]);
    expect(outcome).toEqual({ ok: false, failed: ["size-low", "key"] });
    expect(Verify.all([{ ok: true }, { ok: true }])).toEqual({ ok: true });
  });

  test("forgives what a coarse timescale rounds away", () => {
    const rounded = timestamps.map((time) => Math.round(time * 0.09) / 0.09);
    expect(Verify.check(but({ timestamps: rounded }))).toEqual({ ok: true });
  });
});

describe("the size band", () => {
  test("lets a still slide be as small as its source says", () => {
    const slide = { ...source, bytes: 12_000 };
    expect(Verify.sizeBand(rung, slide).least).toBeLessThan(300);
    expect(Verify.check({ ...but({ bytes: 2_000 }), source: slide })).toEqual({ ok: true });
  });

  test("asks no more of a rung than two fifths of its target, however rich the source", () => {
    const camera = { ...source, bytes: 100_000_000 };
    expect(Verify.sizeBand(rung, camera).least).toBe(300_000);
  });

  test("takes a still slide out of a file that was stuffed to a constant bitrate", () => {
    // Measured: 4,426 kB of source and 29.2 kB of honest 720p in six seconds.
    const stuffed = { ...source, bytes: 4_426_000 / 3 };
    expect(Verify.check({ ...but({ bytes: 29_200 / 3 }), source: stuffed })).toEqual({ ok: true });
  });

  test("leaves room for the key frame of a very short last segment", () => {
    const short = { ...source, duration: 40_000, frames: 1, bytes: 90_000 };
    const { most } = Verify.sizeBand(rung, short);
    expect(most).toBeGreaterThan(100_000);
  });

  test("is never empty for a rung up to the source's size", () => {
    for (const width of [160, 426, 1280, 1920])
      for (const bytes of [100, 10_000, 1e6, 8e6])
        for (const duration of [20_000, 2e6, 1e7]) {
          const band = Verify.sizeBand({ ...rung, width }, { ...source, bytes, duration });
          expect(band.least).toBeLessThan(band.most);
        }
  });
});

describe("a receipt", () => {
  const bytes = (value: number, length = 32) => new Uint8Array(length).fill(value);
  const asked = {
    stream: bytes(5),
    award: bytes(1, 16),
    epoch: 3,
    seq: 9,
    mediaHash: bytes(2),
    rungs: [rung],
  };
  const line = {
    rung: "720p",
    initHash: bytes(3),
    mediaHash: bytes(4),
    initLen: 700,
    mediaLen: 600_000,
    frames,
  };
  const got = {
    award: bytes(1, 16),
    epoch: 3,
    seq: 9,
    sourceHash: bytes(2),
    renditions: [line],
    encodeMs: 700,
    hardware: "sw",
    stream: bytes(5),
  };

  test("that answers the job is taken", () => {
    expect(Verify.receipt(asked, got)).toEqual({ ok: true });
  });

  test.each([
    ["another stream", { stream: bytes(9) }, ["receipt"]],
    ["another award", { award: bytes(9, 16) }, ["receipt"]],
    ["an old epoch", { epoch: 2 }, ["receipt"]],
    ["another segment", { seq: 8 }, ["receipt"]],
    ["another source", { sourceHash: bytes(9) }, ["receipt"]],
    ["no rendition", { renditions: [] }, ["rungs"]],
    ["another rung", { renditions: [{ ...line, rung: "480p" }] }, ["rungs"]],
    ["a rung twice", { renditions: [line, line] }, ["rungs"]],
  ])("of %s is refused", (_, values, failed) => {
    expect(Verify.receipt(asked, { ...got, ...values })).toEqual({ ok: false, failed });
  });
});
