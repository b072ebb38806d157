import { expect, test } from "vitest";
import { judge } from "./targets.ts";

test("readings on target are silent, misses are named, wide misses fail", () => {
  const { missed, failed } = judge([
    { what: "speed", where: "scene", value: 1.2 },
    { what: "speed", where: "camera", value: 1.1 },
    { what: "speed", where: "slow", value: 0.5 },
    { what: "ssim", where: "scene 720p", value: -0.004 },
    { what: "ssim", where: "scene 480p", value: -0.012 },
    { what: "bitrate", where: "slide", value: -0.9 },
    { what: "bitrate", where: "burst", value: 0.4 },
    { what: "memory", where: "2160p", value: 850, source: "uhd" },
    { what: "memory", where: "1080p", value: 650 },
    { what: "block", where: "page", value: 0 },
  ]);
  expect(missed.map((text) => text.split(":")[0])).toEqual(["camera", "scene 480p", "slide"]);
  expect(failed.map((text) => text.split(":")[0])).toEqual(["slow", "burst", "1080p"]);
});
