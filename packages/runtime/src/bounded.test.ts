import { expect, test } from "vitest";
import { BoundedMap } from "./bounded.ts";

test("a bounded map drops the entry that was set longest ago, and tells which", () => {
  const dropped: [string, number][] = [];
  const map = new BoundedMap<string, number>(2, (key, value) => dropped.push([key, value]));
  map.set("a", 1).set("b", 2).set("a", 3);
  expect([...map]).toEqual([
    ["b", 2],
    ["a", 3],
  ]);
  expect(dropped).toEqual([]);
  map.set("c", 4);
  expect([...map.keys()]).toEqual(["a", "c"]);
  expect(dropped).toEqual([["b", 2]]);
});

test("a bounded map does not make an entry newer by reading it, nor tell of one that was deleted", () => {
  const dropped: string[] = [];
  const map = new BoundedMap<string, number>(2, (key) => dropped.push(key));
  map.set("a", 1).set("b", 2);
  map.get("a");
  map.set("c", 3);
  expect([...map.keys()]).toEqual(["b", "c"]);
  map.delete("b");
  map.set("d", 4);
  expect(dropped).toEqual(["a"]);
});

test("a bounded map refuses a bound below one", () => {
  for (const most of [0, -1, Number.NaN])
    expect(() => new BoundedMap(most)).toThrow(`1 entry or more, got ${most}`);
});
