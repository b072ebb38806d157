import { expect, test } from "vitest";
import { openLoads } from "./loads.ts";

test("a delivered segment counts among its worker's jobs until it is unloaded", () => {
  const loads = openLoads();
  loads.add("a", { seq: 1, readyAt: 0 });
  loads.add("a", { seq: 2, readyAt: 0 });
  expect(loads.holds("a", 1)).toBe(false);
  loads.made("a", 1);
  expect(loads.holds("a", 1)).toBe(true);
  expect(loads.holds("a", 2)).toBe(false);
  loads.unload("a", 1);
  expect(loads.holds("a", 1)).toBe(false);
  expect(loads.all().get("a")).toEqual([{ seq: 2, readyAt: 0 }]);
});

test("a worker that has nothing in hand any more, or is gone, is forgotten", () => {
  const loads = openLoads();
  loads.add("a", { seq: 1, readyAt: 0 });
  loads.add("b", { seq: 2, readyAt: 0 });
  loads.unload("a", 1);
  loads.lost("b");
  expect([...loads.all()]).toEqual([]);
});
