import { expect, test } from "vitest";
import type { VideoTrack } from "../mp4/track.ts";
import type { CodecName } from "../types.ts";
import { Shape } from "./shape.ts";
import { holdTrack } from "./transcode.ts";

const frame = (width: number, height: number) =>
  ({
    displayWidth: width,
    displayHeight: height,
    visibleRect: { width, height },
    timestamp: 0,
  }) as unknown as VideoFrame;

test("a picture larger than was said is refused as it is decoded, whatever its sample entry says", () => {
  expect(() => new Shape(640 * 368).check(frame(3840, 2160))).toThrow(/pixels 8294400/);
  expect(() => new Shape(640 * 368).check(frame(640, 360))).not.toThrow();
  expect(() => new Shape().check(frame(3840, 2160))).not.toThrow();
});

test("a track of another codec or size than was said is refused before its decoder opens", () => {
  const track = { codec: "avc", width: 640, height: 360 } as VideoTrack;
  const limits = {
    codec: "avc" as CodecName,
    pixels: 640 * 368,
    frames: 60,
    duration: 2e6 as never,
  };
  expect(() => holdTrack(track, limits)).not.toThrow();
  expect(() => holdTrack({ ...track, width: 3840, height: 2160 }, limits)).toThrow(/pixels/);
  expect(() => holdTrack(track, { ...limits, codec: "av1" })).toThrow(/codec avc, expected av1/);
});
