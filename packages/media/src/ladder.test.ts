import { expect, test } from "vitest";
import { defaultLadder, originalName, parseLadder } from "./ladder.ts";

const hd = { width: 1920, height: 1080 };
const short = (rungs: ReturnType<typeof defaultLadder>) =>
  rungs.map(({ name, width, height, bitrate }) => `${name} ${width}x${height}@${bitrate / 1000}`);

test("the source's own track is named by its short side, and as the original", () => {
  expect(originalName(hd)).toBe("1080p (original)");
  expect(originalName({ width: 374, height: 666 })).toBe("374p (original)");
});

test("the default ladder is every named rung not larger than the source, in its shape", () => {
  expect(short(defaultLadder(hd))).toEqual([
    "720p 1280x720@3000",
    "480p 854x480@1600",
    "360p 640x360@800",
    "240p 426x240@250",
  ]);
  expect(short(defaultLadder({ width: 374, height: 666 }))).toEqual([
    "360p 360x642@800",
    "240p 240x428@250",
  ]);
  expect(short(defaultLadder({ width: 640, height: 480 }))[0]).toBe("480p 640x480@1600");
  expect(defaultLadder({ width: 320, height: 200 })).toEqual([]);
});

test("no side is ever odd, whatever the source's shape", () => {
  for (let width = 16; width < 2200; width += 37)
    for (let height = 16; height < 2200; height += 41)
      for (const rung of defaultLadder({ width, height })) {
        expect((rung.width % 2) + (rung.height % 2)).toBe(0);
        expect(rung.width / rung.height).toBeCloseTo(width / height, 0);
      }
});

test("names and sizes are read in the order given", () => {
  expect(short(parseLadder("480p, 426x240@300k,1280x720@2500", hd))).toEqual([
    "480p 854x480@1600",
    "426x240 426x240@300",
    "1280x720 1280x720@2500",
  ]);
});

const refused: [string, string, RegExp][] = [
  ["", "LADDER_EMPTY", /at least one/],
  [" , ", "LADDER_EMPTY", /at least one/],
  ["1440p", "LADDER_UNKNOWN", /720p, 480p, 360p, 240p, or WIDTHxHEIGHT@KBPS/],
  ["640x360", "LADDER_UNKNOWN", /640x360/],
  ["641x360@500", "LADDER_ODD", /641x360/],
  ["3842x2160@9000", "LADDER_TOO_LARGE", /3840x2160/],
  ["2560x1440@9000", "LADDER_TOO_LARGE", /larger than the source \(1920x1080\)/],
  ["8x8@100", "LADDER_TOO_SMALL", /at least 16/],
  ["640x360@5", "LADDER_BITRATE", /5 kbit/],
  ["720p,720p", "LADDER_DUPLICATE", /720p twice/],
  [
    Array.from({ length: 9 }, (_, i) => `${100 + 2 * i}x100@100`).join(),
    "LADDER_TOO_MANY",
    /9 rungs/,
  ],
];
for (const [text, code, message] of refused)
  test(`"${text.slice(0, 30)}" is refused with ${code}`, () => {
    expect(() => parseLadder(text, hd)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
  });

test("a named rung larger than the source is refused", () => {
  expect(() => parseLadder("720p", { width: 640, height: 360 })).toThrow(
    expect.objectContaining({ code: "LADDER_TOO_LARGE" }),
  );
});
