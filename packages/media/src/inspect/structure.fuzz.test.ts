import { seededRandom } from "@tabcast/runtime";
import { describe, expect, test } from "vitest";
import { MediaError } from "../errors.ts";
import { readInit, readMedia } from "../mp4/read.ts";
import type { AudioTrack, Sample, VideoTrack } from "../mp4/track.ts";
import { writeInit, writeMedia } from "../mp4/write.ts";
import { structureOf } from "./structure.ts";

const seed = Number(process.env.SEED ?? Date.now() | 0);
const runs = Number(process.env.RUNS ?? 4000);

const colour = { primaries: "bt709", transfer: "bt709", matrix: "bt709", fullRange: true } as const;
const video: VideoTrack = {
  kind: "video",
  codec: "avc",
  codecs: "avc1.4d401f",
  timescale: 12_800,
  width: 640,
  height: 360,
  description: Uint8Array.of(1, 0x4d, 0x40, 0x1f, 0xff, 0xe1, 0, 2, 0x67, 1, 1, 0, 2, 0x68, 1),
  colour,
};
const { description: _, ...plain } = video;
const vp9: VideoTrack = { ...plain, codec: "vp9", codecs: "vp09.00.31.08", timescale: 600 };
const av1: VideoTrack = { ...plain, codec: "av1", codecs: "av01.0.05M.08" };
const opus: AudioTrack = {
  kind: "audio",
  codec: "opus",
  codecs: "opus",
  timescale: 48_000,
  sampleRate: 48_000,
  channels: 2,
  description: Uint8Array.from([
    ...[0x4f, 0x70, 0x75, 0x73, 0x48, 0x65, 0x61, 0x64],
    ...[1, 2, 0x38, 1, 0x80, 0xbb, 0, 0, 0, 0, 0],
  ]),
};
const aac: AudioTrack = {
  ...opus,
  codec: "aac",
  codecs: "mp4a.40.2",
  timescale: 44_100,
  sampleRate: 44_100,
  description: Uint8Array.of(0x12, 0x10),
};
const tracks = { video, vp9, av1, opus, aac };

/** `order` gives presentation places in decode order. */
const samplesOf = (order: readonly number[], step = 512, start = 25_600): Sample[] =>
  order.map((place, i) => ({
    data: Uint8Array.of(0, 0, 0, 2, i === 0 ? 0x65 : 0x41, place),
    time: start + place * step,
    duration: step,
    key: i === 0,
  }));

describe("what is written is read again", () => {
  for (const [name, track] of Object.entries(tracks))
    test(`${name}: every field of the track`, () => {
      const again = readInit(writeInit(track));
      expect(again).toMatchObject(track);
    });

  test("every field of the samples, in order, reordered, and late in a long stream", () => {
    for (const order of [[0, 1, 2, 3], [0, 3, 1, 2, 4], [0]])
      for (const start of [0, 25_600, 2 ** 40]) {
        const samples = samplesOf(order, 512, start);
        const bytes = writeMedia(video, samples, 7);
        const { samples: again, sequence, boxes } = readMedia(bytes);
        expect(again).toEqual(samples);
        expect([sequence, boxes]).toEqual([7, ["styp", "sidx", "moof", "mdat"]]);
      }
  });

  test("a second key and irregular durations", () => {
    const samples = samplesOf([0, 1, 2]).map((sample, i) => ({
      ...sample,
      key: i !== 1,
      time: [0, 100, 4000][i] as number,
      duration: [100, 3900, 7][i] as number,
    }));
    expect(readMedia(writeMedia(video, samples, 1)).samples).toEqual(samples);
  });

  test("a structure says what was written", () => {
    const media = writeMedia(video, samplesOf([0, 2, 1]), 1);
    expect(structureOf(writeInit(video), media)).toEqual({
      codecs: "avc1.4d401f",
      width: 640,
      height: 360,
      frames: 3,
      timestamps: [2_000_000, 2_040_000, 2_080_000],
      duration: 120_000,
      startsWithKey: true,
      bytes: media.byteLength,
      boxes: ["styp", "sidx", "moof", "mdat"],
    });
  });

  test("a first packet that only claims to be a key is found out", () => {
    const samples = samplesOf([0, 1]).map((s) => ({
      ...s,
      data: Uint8Array.of(0, 0, 0, 2, 0x41, 0),
    }));
    const structure = structureOf(writeInit(video), writeMedia(video, samples, 1));
    expect(structure.startsWithKey).toBe(false);
  });
});

describe(`rubbish is answered or refused, never more (SEED=${seed} RUNS=${runs})`, () => {
  const random = seededRandom(seed, "mp4");
  const mutate = (bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> => {
    let copy = bytes.slice();
    for (let i = 0; i <= random.below(4); i++) {
      const at = random.below(copy.length || 1);
      const kind = random.below(5);
      if (kind === 0) copy[at] = random.below(256);
      else if (kind === 1) copy.set([255, 255, 255, 255].slice(0, copy.length - at), at);
      else if (kind === 2) copy = copy.slice(0, at);
      else if (kind === 3) copy.fill(0, at, at + random.below(16));
      else
        copy.set(copy.slice(random.below(copy.length), copy.length).slice(0, copy.length - at), at);
    }
    return copy;
  };
  const answered = (init: Uint8Array, media: Uint8Array) => {
    try {
      const { frames, timestamps } = structureOf(init, media);
      expect(timestamps).toHaveLength(frames);
    } catch (error) {
      expect(error).toBeInstanceOf(MediaError);
    }
  };

  for (const [name, track] of Object.entries(tracks))
    test(`${name}, changed in a few places`, () => {
      const init = writeInit(track);
      const media = writeMedia(track, samplesOf([0, 3, 1, 2, 4, 5]), 1);
      for (let run = 0; run < runs; run++)
        answered(mutate(init), random.below(2) ? mutate(media) : media);
      for (let run = 0; run < runs; run++) answered(init, mutate(media));
    });

  test("bytes from nowhere", () => {
    for (let run = 0; run < runs; run++) {
      const noise = () => random.bytes(random.below(300));
      answered(noise(), noise());
    }
  });

  test("samples that share bytes cannot make a small segment a large job", () => {
    const media = writeMedia(video, samplesOf([0, 1, 2]), 1);
    const at = new TextDecoder("latin1").decode(media).indexOf("trun");
    const view = new DataView(media.buffer);
    // Two more runs of the same bytes would read the packets again; one with too large sizes leaves mdat.
    view.setUint32(at + 24, 12);
    expect(() => structureOf(writeInit(video), media)).toThrow(
      expect.objectContaining({ code: "MEDIA_MALFORMED" }),
    );
  });

  test("a trun that promises four thousand million samples costs nothing", () => {
    const media = writeMedia(video, samplesOf([0, 1]), 1);
    const at = new TextDecoder("latin1").decode(media).indexOf("trun");
    new DataView(media.buffer).setUint32(at + 8, 0xffffffff);
    expect(() => structureOf(writeInit(video), media)).toThrow(
      expect.objectContaining({ code: "MEDIA_TOO_LARGE" }),
    );
  });
});
