import type { Comparison } from "@tabcast/media";
import { expect, test } from "vitest";
import { openExcuses, worstOf } from "./pictures.ts";

type Why = NonNullable<Comparison["broken"]>["why"];
const broken = (why: Why) => ({ broken: { why, message: "" }, source: {} }) as Comparison;

test("no worker is blamed for what our own encode of the same content fails too, for twenty spot checks", () => {
  let checked = 0;
  const excuses = openExcuses(() => checked);
  const judged = (own?: Comparison) => excuses.judge("360p", broken("undecodable"), own);
  expect(judged().finding).toBe("false");
  expect(judged(broken("undecodable")).finding).toBe("honest");
  checked = 20;
  expect(judged()).toEqual({ finding: "honest", failed: ["undecodable"] });
  checked = 21;
  expect(judged().finding).toBe("false");
});

test("what our own encode failed excuses no other rung, and no other measure", () => {
  const excuses = openExcuses(() => 0);
  excuses.judge("360p", broken("undecodable"), broken("undecodable"));
  expect(excuses.judge("90p", broken("undecodable"), undefined).finding).toBe("false");
  expect(excuses.judge("360p", broken("slow"), undefined).finding).toBe("false");
});

test("a spot check finds the worst of all rungs, and names every measure once", () => {
  const honest = { finding: "honest", failed: [] } as const;
  const grey = { finding: "grey", failed: ["psnr"] } as const;
  const wrong = { finding: "false", failed: ["psnr", "tiles"] } as const;
  expect(worstOf([])).toEqual(honest);
  expect(worstOf([honest, grey])).toEqual(grey);
  expect(worstOf([wrong, grey, honest])).toEqual(wrong);
});
