import { Micros } from "@tabcast/runtime";
import { describe, expect, test } from "vitest";
import { all, decoded, never, stored } from "../../test/clip.ts";
import { colourError, numberIn, PLACES, type Place } from "../../test/matrix.ts";
import { inspect } from "../inspect/inspect.ts";
import { openFile } from "../source/source.ts";

/** What a clip must come out as. Default: 50 upright frames of 160x96 at 25 per second, with the numbers 0 to 49. */
interface Wanted {
  /** True if its packets are passed on. Default: true for H.264. */
  readonly cut?: boolean;
  /** Frames per second. */
  readonly rate?: number;
  readonly numbers?: readonly number[];
  readonly size?: readonly [number, number];
  readonly place?: Place;
  readonly sound?: string;
  readonly notes?: readonly string[];
  /** Levels of 255 by which a patch may be off. Default 3. */
  readonly off?: number;
}

const count = (length: number, from = 0, step = 1) =>
  Array.from({ length }, (_, i) => from + step * i);

/** Milliseconds at which the frames of vfr-jitter.webm are shown; by ffprobe. */
const JITTERED = [
  0, 40, 84, 133, 163, 202, 250, 284, 328, 368, 407, 441, 494, 523, 571, 602, 640, 684, 732, 770,
  808, 845, 881, 927, 966, 1007, 1045, 1087, 1130, 1170, 1206, 1254, 1283, 1321, 1371, 1409, 1442,
  1492, 1530, 1568, 1602, 1649, 1692, 1734, 1772, 1813, 1848, 1882, 1932, 1969,
];

/** At each slot of 40 ms the latest frame that is due by then, to within 6 ms. */
const latest = (due: readonly number[], slots: number) =>
  count(slots).map((slot) => due.findLastIndex((at) => at <= 40 * slot + 6));

const AAC = "mp4a.40.2";
const again = { cut: false } as const;

const clips: Readonly<Record<string, Wanted>> = {
  "avc.mp4": { sound: AAC },
  "avc.mov": { sound: AAC },
  "avc-fragmented.mp4": { sound: AAC },
  "avc.mkv": { sound: AAC },
  "avc.mpegts": { sound: AAC },
  "vp9.webm": { ...again, sound: "opus" },
  "vp9.mp4": { ...again, sound: "opus" },
  "vp8-altref.webm": { ...again, sound: "opus", off: 6 },
  "av1.mp4": { ...again, sound: AAC },
  "av1.mkv": { ...again, sound: AAC },

  "rate-24-1001.mp4": { rate: 24_000 / 1001, numbers: count(36), sound: AAC },
  "rate-24-1001.mkv": { rate: 24_000 / 1001, numbers: count(36), sound: AAC },
  "rate-30-1001.mp4": { rate: 30_000 / 1001, numbers: count(45), sound: AAC },
  "rate-30-1001.mkv": { rate: 30_000 / 1001, numbers: count(45), sound: AAC },
  "rate-60-1001.mp4": { rate: 60_000 / 1001, numbers: count(90), sound: AAC },
  "rate-60-1001.mkv": { rate: 60_000 / 1001, numbers: count(90), sound: AAC },
  "rate-60.mp4": { rate: 60, numbers: count(120) },
  "rate-120.mp4": { ...again, rate: 60, numbers: count(60, 0, 2) },
  "vfr-holes.mp4": { ...again, numbers: count(50).map((n) => (n < 20 || n % 3 ? n : n - 1)) },
  "hole-later.mp4": { rate: 50, numbers: count(700).map((n) => (n === 660 ? 659 : n)) },
  "vfr-jitter.webm": { ...again, numbers: latest(JITTERED, 51) },

  "opengop.mp4": { ...again, numbers: count(75), sound: AAC },
  "longgop.mkv": { ...again, numbers: count(150) },
  "editlist-trimmed.mp4": { ...again, numbers: count(35, 15), sound: AAC },
  "editlist-delayed.mp4": { sound: AAC },
  "labels-none.mkv": { sound: AAC },
  "labels-all.mp4": { sound: AAC },
  "begins-midgop.mpegts": { numbers: count(25, 25), sound: AAC },
  // Its last three B-frames are missing, so the one before them stands until the last.
  "ends-midpacket.mpegts": {
    ...again,
    numbers: [...count(39), 38, 38, 38, 42],
    sound: AAC,
    notes: ["It ends in the middle of a packet: some of its end is missing."],
  },

  "turned-90.mp4": { ...again, size: [96, 160], place: PLACES.anticlockwise, sound: AAC },
  "turned-180.mp4": { ...again, place: PLACES.upsideDown, sound: AAC },
  "turned-270.mp4": { ...again, size: [96, 160], place: PLACES.clockwise, sound: AAC },
  "mirrored.mp4": { ...again, place: PLACES.mirrored, sound: AAC },
  "sar-avc.mp4": { ...again, size: [212, 96] },
  "sar-vui.mp4": { ...again, size: [212, 96] },
  "sar-avc.mpegts": { ...again, size: [212, 96] },
  "sar-vp9.webm": { ...again, size: [160, 128] },
  "odd.webm": { ...again, size: [160, 96] },
  "portrait.mp4": { size: [96, 160] },
  "uhd.mp4": { rate: 60, size: [3840, 2160], numbers: count(3) },

  "one-frame.mp4": { numbers: [0] },
  "one-frame.webm": { ...again, numbers: [0] },
  "one-frame.mpegts": { numbers: [0] },
  "short.mp4": { numbers: count(5) },

  "sound-51.mp4": { sound: AAC },
  "sound-mp3.mkv": { sound: "opus" },
  "sound-two.mkv": { sound: AAC, notes: ["Of its 2 sounds, track 3 (eng) is used."] },

  "colour-709-full.mp4": {},
  "colour-601.mp4": {},
  "colour-601-full.mp4": {},
  "colour-half-full.mp4": {},
  "colour-untagged.mp4": {},
  "colour-srgb.mp4": {},
  "colour-709-full.webm": again,
  "colour-601-full.mpegts": {},
  "colour-untagged-720.mp4": { size: [1280, 720], numbers: count(10) },

  "deep-vp9.webm": again,
  "deep-av1.mp4": again,
  "deep-avc.mp4": again,
  "chroma-422.mp4": again,
  "chroma-444.mp4": again,
  "chroma-444.webm": again,
};

for (const [name, wanted] of Object.entries(clips))
  test(`the file ${name} comes out with its pictures, times, colours and sound`, async () => {
    const { cut = true, rate = 25, size = [160, 96], place, off = 3 } = wanted;
    const source = await openFile(await stored(name), name, {
      segment: Micros.of(1_000_000),
      signal: never,
    });
    const { info } = source;
    expect(info).toMatchObject({ passthrough: cut, width: size[0], height: size[1] });
    expect(info.frameRate).toBeCloseTo(rate, 9);
    expect(info.audioCodec).toBe(wanted.sound);
    expect(info.notes).toEqual(wanted.notes);
    const segments = await all(source);
    const times: number[] = [];
    const numbers: number[] = [];
    let worst = 0;
    for (const [i, { seq, start, duration, video }] of segments.entries()) {
      const seen = await inspect(video);
      expect(seen).toMatchObject({ startsWithKey: true, width: size[0], height: size[1] });
      expect([seq, start]).toEqual([i, seen.timestamps[0]]);
      expect(
        Math.abs(start + duration - (seen.timestamps[0] as number) - seen.duration),
      ).toBeLessThanOrEqual(1);
      times.push(...seen.timestamps);
      for (const picture of await decoded(video)) {
        expect([picture.width, picture.height]).toEqual(size);
        numbers.push(numberIn(picture, place));
        worst = Math.max(worst, colourError(picture, place));
      }
    }
    expect(numbers).toEqual(wanted.numbers ?? count(50));
    expect(times).toEqual(numbers.map((_, k) => Math.round((k * 1e6) / rate)));
    expect(worst).toBeLessThanOrEqual(off);
    const [first] = segments;
    if (wanted.sound) {
      const audio = first?.audio;
      if (!audio) throw new Error("no sound");
      expect(Math.abs((await inspect(audio)).timestamps[0] as number)).toBeLessThan(20_000);
    }
  });

test("a picture that changes its size in mid-stream goes on at its first size, whole and on the grid", async () => {
  const source = await openFile(await stored("size-change.mpegts"), "size-change", {
    segment: Micros.of(1_000_000),
    signal: never,
  });
  expect(source.info).toMatchObject({ passthrough: true, width: 160, height: 96 });
  const segments = await all(source);
  const pictures = (await Promise.all(segments.map(({ video }) => decoded(video)))).flat();
  expect(pictures.every(({ width, height }) => width === 160 && height === 96)).toBe(true);
  expect(pictures.map((picture) => numberIn(picture))).toEqual([...count(50), ...count(50)]);
  expect(pictures.map(({ timestamp }) => timestamp)).toEqual(count(100, 0, 40_000));
  expect(Math.max(...pictures.map((picture) => colourError(picture)))).toBeLessThanOrEqual(3);
});

describe("a file in HDR", () => {
  for (const [name, transfer] of [
    ["hdr-pq.webm", "pq"],
    ["hdr-hlg.mp4", "hlg"],
  ] as const)
    test(`is refused by the name of its transfer: ${name}`, async () => {
      const opening = openFile(await stored(name), name, { signal: never });
      await expect(opening).rejects.toMatchObject({ code: "MEDIA_HDR", reason: { transfer } });
    });
});
