import { expect, test } from "vitest";
import { QUIET_AFTER, watchQuiet } from "./quiet.ts";

test("a relay is quiet when another brought messages in thirty seconds and it brought nothing", () => {
  const watch = watchQuiet();
  expect(watch.quiet(["a", "b"])).toEqual([]);
  for (let s = 1; s < QUIET_AFTER; s++) watch.brought("a", "message", s * 1_000);
  expect(watch.quiet(["a", "b"])).toEqual([]);
  watch.brought("a", "message", QUIET_AFTER * 1_000);
  expect(watch.quiet(["a", "b"])).toEqual(["b"]);
  watch.brought("b", "names", QUIET_AFTER * 1_000 + 1);
  expect(watch.quiet(["a", "b"])).toEqual([]);
});

test("a hundred messages in one second, or names alone, make no relay quiet", () => {
  const watch = watchQuiet();
  watch.quiet(["a", "b"]);
  for (let n = 0; n < 100; n++) watch.brought("a", "message", 1_000 + n);
  for (let s = 2; s < 100; s++) watch.brought("a", "names", s * 1_000);
  expect(watch.quiet(["a", "b"])).toEqual([]);
});

test("where all are silent nobody is quiet, and who was away begins anew", () => {
  const watch = watchQuiet();
  watch.quiet(["a", "b"]);
  for (let s = 1; s <= QUIET_AFTER; s++) watch.brought("a", "message", s * 1_000);
  expect(watch.quiet(["a"])).toEqual([]);
  expect(watch.quiet(["a", "b"])).toEqual([]);
});
