import type { Clock, Random } from "@tabcast/runtime";
import type { Chain } from "../chain/chain.ts";
import type { PotNews } from "../types.ts";
import type { Ledger } from "./ledger.ts";

/** What every part that acts for an open pot needs. */
export interface PotParts {
  readonly chain: Chain;
  readonly clock: Clock;
  readonly random: Random;
  readonly ledger: Ledger;
  readonly tell: (news: PotNews) => void;
}
