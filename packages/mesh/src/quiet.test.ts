import { expect, test } from "vitest";
import { ASIDE_AFTER, QUIET_AFTER, watchQuiet } from "./quiet.ts";

/** A watch, and whom it set aside. */
function open() {
  const aside: string[] = [];
  return { aside, watch: watchQuiet({ setAside: (relay) => aside.push(relay) }) };
}

test("a relay is quiet when another brought messages in forty seconds and it gave no sign, and is set aside after ten", () => {
  const { watch, aside } = open();
  expect(watch.quiet(["a", "b"])).toEqual([]);
  for (let s = 1; s < QUIET_AFTER; s++) {
    watch.brought("a", "message", s * 1_000);
    expect(aside.length).toBe(Math.floor(s / ASIDE_AFTER));
  }
  expect(watch.quiet(["a", "b"])).toEqual([]);
  watch.brought("a", "message", QUIET_AFTER * 1_000);
  expect(watch.quiet(["a", "b"])).toEqual(["b"]);
  expect(new Set(aside)).toEqual(new Set(["b"]));
  watch.brought("b", "sign", QUIET_AFTER * 1_000 + 1);
  expect(watch.quiet(["a", "b"])).toEqual([]);
});

test("a hundred messages in one second, or signs alone, make no relay quiet", () => {
  const { watch, aside } = open();
  watch.quiet(["a", "b"]);
  for (let n = 0; n < 100; n++) watch.brought("a", "message", 1_000 + n);
  for (let s = 2; s < 100; s++) watch.brought("a", "sign", s * 1_000);
  expect(watch.quiet(["a", "b"])).toEqual([]);
  expect(aside).toEqual([]);
});

test("where all are silent nobody is quiet, and who was away begins anew", () => {
  const { watch } = open();
  watch.quiet(["a", "b"]);
  for (let s = 1; s <= QUIET_AFTER; s++) watch.brought("a", "message", s * 1_000);
  expect(watch.quiet(["a"])).toEqual([]);
  expect(watch.quiet(["a", "b"])).toEqual([]);
});
