import { Wei } from "@tabcast/runtime";
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

test.each([
  [0n, "0 ETH"],
  [12n, "12 wei"],
  [1_234_500_000n, "1.234 gwei"],
  [46_080_000_000n, "46.08 gwei"],
  [50_000_000_000_000_000n, "0.05 ETH"],
  [1_999_999_999_999_999_999n, "1.999999 ETH"],
  [-50_000_000_000_000_000n, "-0.05 ETH"],
])("%s wei reads as %s, rounded down", (wei, text) => {
  expect(format.money(Wei.of(wei))).toBe(text);
});

test("an amount that was typed is exact, and nothing but a plain decimal is an amount", () => {
  expect(format.parseEther("0.05")).toBe(50_000_000_000_000_000n);
  expect(format.parseEther(" 2 ")).toBe(2n * 10n ** 18n);
  expect(format.parseEther("0.000000000000000001")).toBe(1n);
  for (const bad of [
    "",
    "0",
    "0.0",
    "-1",
    "1e3",
    "0,05",
    "1.",
    ".5",
    "0.0000000000000000001",
    "1 ETH",
  ])
    expect(format.parseEther(bad), bad).toBeUndefined();
});

test("a message becomes one sentence whatever its end", () => {
  expect(format.sentence("no relay answers")).toBe("No relay answers.");
  expect(format.sentence("It broke...")).toBe("It broke.");
  expect(format.sentence(undefined)).toBe("");
});
