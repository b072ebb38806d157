import { expect, test } from "vitest";
import { openLoads } from "./loads.ts";

test("keeps a delivered segment in its worker's hands until it is unloaded", () => {
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

test("forgets a worker that has nothing in hand any more, or is gone with all it had", () => {
  const loads = openLoads();
  loads.add("a", { seq: 1, readyAt: 0 });
  loads.add("b", { seq: 2, readyAt: 0 });
  loads.unload("a", 1);
  loads.lost("b");
  expect([...loads.all()]).toEqual([]);
});
