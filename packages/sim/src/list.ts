/** What can be simulated, one line each: scenarios by what they show, attackers by what they do. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ATTACKERS, parse } from "./scenario.ts";

/** Every scenario of a folder, and every attacker. Throws ScenarioError where a file is none. */
export async function list(folder: string): Promise<string> {
  const { attackers } = await import("./virtual/attackers/index.ts");
  const scenarios = readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .sort()
    .map((name) => parse(readFileSync(join(folder, name), "utf8")));
  return [
    "scenarios",
    ...scenarios.map(({ name, shows }) => `  ${name.padEnd(22)} ${shows ?? ""}`),
    "attackers, each beside the same run without it: npm run simulate -- attack-staller, or attack-all",
    ...ATTACKERS.map((kind) => {
      const { what, aims, bound } = attackers[kind];
      return `  ${kind.padEnd(22)} ${what}. Aims at ${aims}. Held to: ${bound}`;
    }),
  ].join("\n");
}
