/** Whose decisions are spoilt, and the tests that should notice: the quick ones first, those on a real chain for what they leave. */

export interface Source {
  /** From the root of the repository. */
  readonly path: string;
  /** The only functions that are spoilt; undefined: all. */
  readonly functions?: readonly string[];
}

export interface Group {
  readonly name: string;
  readonly sources: readonly Source[];
  /** Tests that are over at once and leave nothing behind: paths from the root of the repository. */
  readonly quick: readonly string[];
  /** Tests with a chain, or a clock that nobody moves: asked about what those let live, in this order. */
  readonly slow: readonly string[];
}

const within = (folder: string, names: readonly string[], ending: string) =>
  names.map((name) => `packages/${folder}/${name}${ending}`);
const sources = (folder: string, ...names: readonly string[]): readonly Source[] =>
  within(folder, names, ".ts").map((path) => ({ path }));
const tests = (folder: string, ...names: readonly string[]) => within(folder, names, ".test.ts");

const PAYEE = [
  "payee",
  "lanes",
  "claim",
  "accept",
  "trust",
  "lane-record",
  "lane-ledger",
  "take-lane",
  "watch",
] as const;

export const GROUPS: readonly Group[] = [
  {
    name: "payee",
    sources: sources("channel/src/payee", ...PAYEE),
    quick: tests("channel/src/payee", ...PAYEE),
    slow: [
      ...tests("channel/src/payee", "purse"),
      ...tests("channel/src", "actors", "kill"),
      ...tests("channel/src/payer", "settle"),
    ],
  },
  {
    name: "payer",
    sources: sources(
      "channel/src/payer",
      ...["payer", "book", "guarantee", "pay-lanes", "fuel", "settle"],
      ...["fund", "gas-top-up", "authorization", "top-up", "again", "asked"],
    ),
    quick: tests(
      "channel/src/payer",
      ...["payer", "pay-lanes", "fuel", "settle-decides", "fund", "gas-top-up"],
      ...["top-up-decides", "again", "authorization", "funding"],
    ),
    slow: [...tests("channel/src", "actors"), ...tests("channel/src/payer", "settle", "ending")],
  },
  {
    name: "watchtower",
    sources: sources("channel/src/watchtower", "value", "delegated", "due", "watchtower"),
    quick: tests("channel/src/watchtower", "value", "due", "delegated", "looks"),
    slow: tests("channel/src/watchtower", "watchtower"),
  },
  {
    name: "credit",
    sources: [
      ...sources("node/src/worker", "credit"),
      // The window's own rules; the rest of the file is about being hired.
      { path: "packages/market/src/hire.ts", functions: ["room", "leaves", "sent"] },
    ],
    quick: [...tests("market/src", "hire"), ...tests("node/src/worker", "credit")],
    slow: tests("node/src/worker", "payments"),
  },
];
