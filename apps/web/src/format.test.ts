import { expect, test } from "vitest";
import * as format from "./format.ts";

test("figures carry a unit and few digits", () => {
  expect(format.bitrate(800_000)).toBe("0.8 Mbit/s");
  expect(format.bitrate(250_000)).toBe("250 kbit/s");
  expect(format.bytes(999)).toBe("999 B");
  expect(format.bytes(12_345_678)).toBe("12.3 MB");
  expect(format.rung({ width: 480, height: 270, bitrate: 800_000 })).toBe("480 x 270, 0.8 Mbit/s");
  expect(format.seconds(1.94)).toBe("1.9 s");
  expect(format.seconds(-0.3)).toBe("0.0 s");
  expect(format.clock(3_761)).toBe("1:02:41");
  expect(format.counted(1, "peer")).toBe("1 peer");
  expect(format.counted(1_200, "peer")).toBe("1,200 peers");
});

test("a message becomes one sentence whatever its end", () => {
  expect(format.sentence("no relay answers")).toBe("No relay answers.");
  expect(format.sentence("It broke...")).toBe("It broke.");
  expect(format.sentence(undefined)).toBe("");
});
