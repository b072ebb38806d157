/** Mutants that no test can kill, since nobody could see a difference, and why. */
export const EQUIVALENT: readonly {
  readonly inside: string;
  readonly from: string;
  readonly to: string;
  readonly why: string;
}[] = [
  {
    inside: "startClose",
    from: "challenged > guaranteed",
    to: "(challenged) >= (guaranteed)",
    why: "The greater of two: where they are equal, both are.",
  },
  {
    inside: "claimable",
    from: "cumulative <= lane.claimed",
    to: "(cumulative) < (lane.claimed)",
    why: "Where they are equal nothing is due, and the least of nothing and anything is nothing.",
  },
  {
    inside: "_reserve",
    from: "until > pot.maxUntil",
    to: "(until) >= (pot.maxUntil)",
    why: "Where they are equal it stores what is there.",
  },
  {
    inside: "_reservedOf",
    from: "lane.ceiling > lane.claimed",
    to: "(lane.ceiling) >= (lane.claimed)",
    why: "Where they are equal their difference is the nothing of the other branch.",
  },
  {
    inside: "_least",
    from: "a < b",
    to: "(a) <= (b)",
    why: "The less of two: where they are equal, both are.",
  },
  {
    inside: "_signed",
    from: "uint256(s) > HALF_ORDER",
    to: "(uint256(s)) >= (HALF_ORDER)",
    why: "Nobody can make a signature of just that s: its signer is part of what is signed.",
  },
];
