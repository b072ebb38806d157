import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const here = fileURLToPath(new URL(".", import.meta.url));
const sources = globSync("**/*.{ts,tsx}", { cwd: here }).filter(
  (name) => !/\.test\.ts$/.test(name),
);

test("no page names a coin or its parts by itself: what money is in comes from the network", () => {
  expect(sources.length).toBeGreaterThan(60);
  const named = sources.flatMap((name) =>
    readFileSync(`${here}${name}`, "utf8")
      .split("\n")
      .map((line) => line.replace(/^\s*(\/?\*|\/\/).*$|\/\*\*?.*\*\/|\/\/ .*$/g, ""))
      .filter((line) => /\b(ETH|ether|gwei|wei)\b|["'`$]USDC/.test(line))
      .map((line) => `${name}: ${line.trim()}`),
  );
  // The chain's dollar, which a pot of before may be in.
  expect(named).toEqual([
    expect.stringMatching(/^network-money\.ts: .*symbol: "USDC", decimals: 6/),
  ]);
});
