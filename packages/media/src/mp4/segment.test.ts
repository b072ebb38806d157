import { seededRandom } from "@tabcast/runtime";
import { describe, expect, test } from "vitest";
import { chunked, joined } from "../../test/stream.ts";
import { readMedia } from "./read.ts";
import { SegmentReader } from "./segment.ts";
import { frameRateOf, type Sample, type VideoTrack } from "./track.ts";
import { writeChunk, writeInit, writeMedia } from "./write.ts";

const seed = Number(process.env.SEED ?? 1);
const track: VideoTrack = {
  kind: "video",
  codec: "vp9",
  codecs: "vp09.00.31.08",
  timescale: 12_800,
  width: 640,
  height: 360,
};
const init = writeInit(track);

/** `order` gives presentation places in decode order. Sample i has i bytes, so that one is empty. */
const samplesOf = (order: readonly number[]): Sample[] =>
  order.map((place, i) => ({
    data: new Uint8Array(i).fill(place),
    time: 25_600 + place * 512,
    duration: 512,
    key: i === 0,
  }));
const plain = samplesOf([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);

/** What a reader makes of pieces. */
function read(pieces: Iterable<Uint8Array>) {
  const reader = new SegmentReader();
  for (const piece of pieces) reader.push(piece);
  return reader.end();
}
const refusal = (bytes: Uint8Array, bounds = {}) => {
  try {
    const reader = new SegmentReader(bounds);
    reader.push(bytes);
    return reader.end();
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe("a segment that is not what was said of it", () => {
  const media = writeMedia(track, plain, 1);
  const said = (samples: number, ticks: number) => ({ said: { samples, ticks } });

  test("is refused by its headers, before its first sample is there", () => {
    for (const [bounds, what] of [
      [said(9, 1e9), "frames"],
      [said(10, 10 * 512 - 1), "duration"],
    ] as const) {
      const reader = new SegmentReader(bounds);
      let failure: unknown;
      try {
        for (const byte of media) reader.push(Uint8Array.of(byte));
      } catch (error) {
        failure = error;
      }
      expect(failure).toMatchObject({ code: "MEDIA_UNEXPECTED", reason: { what } });
      expect(reader.samples).toEqual([]);
    }
  });

  test("is read where it is what was said, and counted over all its chunks", () => {
    expect(refusal(media, said(10, 10 * 512))).toMatchObject({ sequence: 1 });
    const chunks = joined(chunked({ init, media }, 4));
    expect(refusal(chunks, said(10, 10 * 512))).toMatchObject({ sequence: 1 });
    expect(refusal(chunks, said(9, 10 * 512))).toBe("MEDIA_UNEXPECTED");
    expect(refusal(chunks, said(10, 9 * 512))).toBe("MEDIA_UNEXPECTED");
  });
});

describe(`a segment read in pieces (SEED=${seed})`, () => {
  test("chunks in a row are the segment: same samples, times right across their borders", () => {
    for (const frames of [1, 3, 4, 10]) {
      const chunks = chunked({ init, media: writeMedia(track, plain, 7) }, frames);
      const media = readMedia(joined(chunks));
      expect(media.samples).toEqual(plain);
      expect(media.sequence).toBe(7);
      expect(media.boxes).toEqual(["styp", ...chunks.flatMap(() => ["moof", "mdat"])]);
    }
  });

  test("cut anywhere, it gives what the whole gives", () => {
    const random = seededRandom(seed, "cuts");
    const segments = [
      writeMedia(track, plain, 1),
      writeMedia(track, samplesOf([0, 3, 1, 2, 4]), 1),
      joined(chunked({ init, media: writeMedia(track, plain, 1) }, 3)),
    ];
    for (const bytes of segments) {
      const whole = readMedia(bytes);
      expect(read(Array.from(bytes, (_, i) => bytes.subarray(i, i + 1)))).toEqual(whole);
      for (let run = 0; run < 200; run++) {
        const pieces: Uint8Array[] = [];
        for (let at = 0; at < bytes.length; ) {
          const size = random.below(random.below(2) ? 8 : bytes.length);
          pieces.push(bytes.subarray(at, at + size));
          at += size;
        }
        expect(read(pieces)).toEqual(whole);
      }
    }
  });

  test("a sample is there with its last byte, and its moof tells of it before", () => {
    const bytes = writeMedia(track, plain, 1);
    const mdat = bytes.length - 45 - 8;
    const reader = new SegmentReader();
    reader.push(bytes.subarray(0, mdat));
    expect(reader.samples).toHaveLength(0);
    expect(reader.announced).toHaveLength(10);
    reader.push(bytes.subarray(mdat, mdat + 8));
    expect(reader.samples).toHaveLength(1); // the empty one
    reader.push(bytes.subarray(mdat + 8, mdat + 8 + 5));
    expect(reader.samples).toHaveLength(3);
    reader.push(bytes.subarray(mdat + 8 + 5, mdat + 8 + 6));
    expect(reader.samples).toHaveLength(4);
    expect(reader.announced.map(({ time }) => time)).toEqual(plain.map(({ time }) => time));
  });

  test("an end at any byte but the last is told from a short segment", () => {
    const bytes = joined(chunked({ init, media: writeMedia(track, plain, 1) }, 5));
    const borders = new Set<number>();
    for (let at = 0; at < bytes.length; ) {
      borders.add(at);
      at += new DataView(bytes.buffer).getUint32(at);
    }
    for (let end = 0; end < bytes.length; end++) {
      const found = refusal(bytes.subarray(0, end));
      if (found !== "MEDIA_MALFORMED")
        expect([borders.has(end), found]).toEqual([true, expect.anything()]);
    }
  });
});

describe("bounds", () => {
  const moofOnly = writeChunk(track, plain, 1, "later").subarray(0, -53);

  test("more bytes, samples or boxes than allowed are refused as soon as they are promised", () => {
    const bytes = writeMedia(track, plain, 1);
    expect(refusal(bytes, { maxBytes: bytes.length - 1 })).toBe("MEDIA_TOO_LARGE");
    expect(refusal(bytes.subarray(0, -40), { maxBytes: bytes.length - 1 })).toBe("MEDIA_TOO_LARGE");
    expect(refusal(bytes.subarray(0, -50), { maxSamples: 9 })).toBe("MEDIA_TOO_LARGE");
    const chunk = writeChunk(track, plain.slice(1, 2), 1, "later");
    expect(refusal(joined(Array.from({ length: 129 }, () => chunk)))).toBe("MEDIA_MALFORMED");
    expect(refusal(joined(Array.from({ length: 128 }, () => chunk)))).toMatchObject({
      samples: { length: 128 },
    });
  });

  test("a box that promises terabytes costs what was sent", () => {
    const head = Uint8Array.of(0, 0, 0, 1, 0x6d, 0x64, 0x61, 0x74, 0, 0, 0xff, 0, 0, 0, 0, 0);
    expect(refusal(head)).toBe("MEDIA_MALFORMED");
    expect(refusal(head, { maxBytes: 1e6 })).toBe("MEDIA_TOO_LARGE");
    const moof = Uint8Array.of(0x7f, 0, 0, 0, 0x6d, 0x6f, 0x6f, 0x66);
    expect(refusal(moof)).toBe("MEDIA_TOO_LARGE");
  });

  test("a moof without its mdat, samples before it or one over another are refused", () => {
    expect(refusal(joined([moofOnly, writeChunk(track, plain, 2, "later")]))).toBe(
      "MEDIA_MALFORMED",
    );
    const at = (media: Uint8Array<ArrayBuffer>, offset: number) => {
      const trun = new TextDecoder("latin1").decode(media).indexOf("trun");
      new DataView(media.buffer).setInt32(trun + 12, offset);
      return media;
    };
    const bytes = () => writeChunk(track, plain, 1, "later");
    expect(refusal(at(bytes(), -8))).toBe("MEDIA_MALFORMED");
    expect(refusal(at(bytes(), bytes().length))).toBe("MEDIA_MALFORMED");
    expect(refusal(bytes())).toMatchObject({ samples: plain });
  });
});

test("the frame rate is found from durations, from times where they lack, and guessed from neither", () => {
  const at = (times: readonly number[], duration: number) =>
    frameRateOf(
      times.map((time) => ({ time, duration })),
      1000,
    );
  expect(at([0, 40, 80], 40)).toBe(25);
  expect(at([80, 0, 40], 40)).toBe(25);
  expect(at([40], 40)).toBe(25);
  expect(at([0, 40, 80], 0)).toBe(25);
  expect(at([40], 0)).toBe(30);
  expect(at([], 0)).toBe(30);
});
