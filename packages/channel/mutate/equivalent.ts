/** Mutants that no test can kill, since nobody could see a difference, and why. */
export interface Equivalent {
  /** The end of the path. */
  readonly file: string;
  readonly inside: string;
  readonly from: string;
  readonly to: string;
  readonly why: string;
  /** Which of those in the function that read the same, from 1; undefined: all of them. */
  readonly nth?: number | undefined;
}

type Change = readonly [inside: string, from: string, to: string, why: string, nth?: number];
const of = (file: string, ...changes: readonly Change[]): readonly Equivalent[] =>
  changes.map(([inside, from, to, why, nth]) => ({ file, inside, from, to, why, nth }));

const SORTED =
  "Sorting asks only whether one comes before the other, and these have been told apart.";
const KEPT = "A sort that is told that neither comes first keeps their order, as for a later one.";
const THERE = "It is always there: the default is for the compiler.";
const SAME = "Where both are equal their difference is nothing, as is what stands there otherwise.";

export const EQUIVALENT: readonly Equivalent[] = [
  ...of(
    "payee/payee.ts",
    ["guaranteed", "ceiling > claimed", "ceiling >= claimed", SAME],
    ["claimable", "due <= 0n", "due < 0n", SAME],
    ["outstanding", "highest.cumulative <= claimed", "highest.cumulative < claimed", SAME],
    ["mostFirst", "a === b ? 0 : a < b ? 1 : -1", "a === b ? 1 : a < b ? 1 : -1", KEPT],
    ["mostFirst", "a < b", "a <= b", SORTED],
    ["mostFirst", "a < b ? 1 : -1", "a < b ? 0 : -1", KEPT],
    ["onVoucher", "minDelta = 1n", "minDelta = 0n", "What is higher adds a wei at least."],
  ),
  ...of("payee/lanes.ts", ["add", "over <= 0", "over < 0", "Nothing is over: nothing goes."]),
  ...of(
    "payee/lane-ledger.ts",
    ["", "begun: 0", "begun: 1", "A look's turn is told from the others' alone."],
    ["", "known: 0", "known: 1", "The first look's turn is 1, which is not below it."],
    [
      "see",
      "turn < this.#looks.known",
      "turn <= this.#looks.known",
      "Each look has a turn of its own, and is told to the book once.",
    ],
  ),
  ...of("payee/take-lane.ts", ["taken", "true", "false", "Its key alone is read."]),
  ...of("payee/watch.ts", ["lookAt", "turns[i] ?? 0", "turns[i] ?? 1", THERE]),
  ...of("payee/trust.ts", [
    "trust",
    "known?.beginLook() ?? 0",
    "known?.beginLook() ?? 1",
    "Only a lane that is known is told the look's turn.",
  ]),
  ...of(
    "payer/guarantee.ts",
    [
      "reservation",
      "chain !== undefined && chain.until >= now ? chain.ceiling : (0n)",
      "chain !== undefined && chain.until >= now ? chain.ceiling : (1n)",
      "A lane without a guarantee that lives lacks headroom, and is given a wei at least.",
    ],
    [
      "reservation",
      "chain?.ceiling ?? (0n)",
      "chain?.ceiling ?? (1n)",
      "A lane that owes nothing has returned before.",
    ],
    [
      "reservation",
      "wanted > held",
      "wanted >= held",
      "Where both are equal nothing is added, and what is given is both.",
    ],
  ),
  ...of("payer/pay-lanes.ts", [
    "fitting",
    "most(purse, 0n)",
    "most(purse, 1n)",
    "A wei is enough for no row; what it were enough for is priced again, and left out.",
  ]),
  ...of(
    "payer/settle.ts",
    ["closePot", "next: 0", "next: 1", "Both are long before any chain's clock."],
    [
      "closePot",
      "false",
      "true",
      "A first turn that takes the close for undone puts nothing off, as it would not else.",
    ],
    ["turn", "progress.next = 0", "progress.next = 1", "Both are long before any chain's clock."],
    [
      "isLate",
      "raw !== undefined || authorization === undefined",
      "(raw !== undefined) && (authorization === undefined)",
      "What is there was sent as bytes or by an authorization, never by both or by neither.",
    ],
  ),
  ...of(
    "payer/fund.ts",
    [
      "requireNoGas",
      "!gasAsked || !hash",
      "(!gasAsked) && (!hash)",
      "What has no hash has no patience here, and is not open either.",
    ],
    [
      "requireNoGas",
      "fateOf(chain, gasAsked, 0, waits)",
      "fateOf(chain, gasAsked, 1, waits)",
      "Only what has no hash has a patience, and that has returned before.",
    ],
  ),
  ...of(
    "payer/top-up.ts",
    ["topUp", "false", "true", "It is another sum that makes room, which is no repetition.", 1],
    ["regain", "amount <= 0n", "amount < 0n", "Nothing comes back: nothing is counted."],
    ["watchTopUps", "missing < 0n", "missing <= 0n", "Nothing comes back: nothing is counted."],
    ["watchTopUps", "missing < 0n", "missing < 1n", "Nothing comes back: nothing is counted."],
  ),
  ...of(
    "payer/authorization.ts",
    [
      "inTheTokensForm",
      "given <= ORDER / 2n",
      "given < ORDER / 2n",
      "Nobody can make a signature whose s is that very number.",
    ],
    [
      "inTheTokensForm",
      "slice(signature, 64, 65)",
      "slice(signature, 64, 130)",
      "A signature that comes so far ends after 65 bytes.",
    ],
  ),
  ...of(
    "worker/credit.ts",
    [
      "segmentOf",
      "amount > offered",
      "amount >= offered",
      "The greater of two: where they are equal, both are.",
    ],
    [
      "segmentOf",
      "segment > 0n",
      "segment > 1n",
      "What is worth a part has a part taken in its stead.",
    ],
  ),
];
