import { expect, test } from "vitest";
import { fixed, percent, signed } from "./figures.ts";

test("what rounds to nothing has no sign", () => {
  expect(fixed(-0.0004, 3)).toBe("0.000");
  expect(fixed(-0, 0)).toBe("0");
  expect(percent(-0.000_001, 3)).toBe("0.000 %");
  expect([-0.4, 0, 0.4].map((value) => signed(value, 0))).toEqual(["0", "0", "0"]);
});

test("what is below nothing keeps its sign", () => {
  expect(fixed(-0.0006, 3)).toBe("-0.001");
  expect(fixed(-10, 1)).toBe("-10.0");
  expect(percent(-0.0425)).toBe("-4.25 %");
  expect([-1.5, 1.5].map((value) => signed(value, 1))).toEqual(["-1.5", "+1.5"]);
});
