import { expect, test } from "vitest";
import { readFlags } from "./bench.ts";

const flags = {
  quick: { type: "boolean" },
  clip: { type: "string", of: ["scene", "camera"] },
  save: { type: "string" },
  rows: { type: "file" },
  minutes: { type: "number", least: 1, most: 60 },
} as const;

test("a bench reads flags of every kind", () => {
  expect(readFlags(flags, ["--quick", "--clip", "camera,scene", "--minutes=2.5"])).toEqual({
    quick: true,
    clip: ["camera", "scene"],
    save: undefined,
    rows: undefined,
    minutes: 2.5,
  });
  expect(readFlags({}, [])).toEqual({});
});

test.each([
  [["--clip", "nonsense"], /--clip takes scene, camera, got "nonsense"/],
  [["--clip", "scene,"], /--clip takes scene, camera, got ""/],
  [["--minutes", "0"], /--minutes takes a number from 1 to 60, got "0"/],
  [["--minutes", "soon"], /got "soon"/],
  [["--rows", "/nowhere.json"], /--rows takes a file.*"\/nowhere.json"/],
  [["--clips", "scene"], /Unknown option '--clips'.*its flags are --quick, --clip/],
  [["scene"], /'scene'.*its flags are/],
  [["--save"], /--save/],
  [["--quick=yes"], /--quick/],
])("a bench refuses %j and says what it knows", (argv, words) => {
  expect(() => readFlags(flags, argv)).toThrow(words);
});

test("a bench without flags refuses any", () => {
  expect(() => readFlags({}, ["--quick"])).toThrow(/'--quick'.*it takes no flags/);
});
