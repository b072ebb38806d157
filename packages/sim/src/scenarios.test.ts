import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { judge } from "./assertions.ts";
import { parse } from "./scenario.ts";
import { virtual } from "./virtual/engine.ts";

const folder = new URL("../scenarios/", import.meta.url);
/** Ten minutes of a city, or of a metropolis, take more than all others together: `npm run simulate -- city`. */
const LARGE = ["city.json", "metropolis.json"];
const files = readdirSync(folder).filter((name) => name.endsWith(".json"));

describe("a scenario of this folder", () => {
  // The process can run one at a time: one that was given up would go on beside the next and spoil it.
  const patience = { timeout: 180_000 };
  test.each(files.filter((name) => !LARGE.includes(name)))(
    "%s meets its expectations",
    patience,
    async (name) => {
      const scenario = parse(readFileSync(new URL(name, folder), "utf8"));
      const run = await virtual.run(scenario, { seed: scenario.seed, keepEvents: false });
      expect(judge(run).findings).toEqual([]);
    },
  );

  test("is one that can be read, if it is too large to be run here", () => {
    for (const name of LARGE) parse(readFileSync(new URL(name, folder), "utf8"));
  });
});
