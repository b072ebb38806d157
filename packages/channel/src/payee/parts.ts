import type { Amount, Clock } from "@tabcast/runtime";
import type { Chain, Wallet } from "../chain/chain.ts";
import type { Store } from "../store/store.ts";
import type { Address, Domain, Hex, PurseNews } from "../types.ts";
import type { LaneLedger } from "./lane-ledger.ts";
import type * as Payee from "./payee.ts";

/** What every part that acts for a purse needs. */
export interface PurseParts {
  readonly chain: Chain;
  readonly store: Store;
  readonly clock: Clock;
  readonly domain: Domain;
  readonly domainSeparator: Hex;
  readonly payee: Address;
  /** This tab's own lane. */
  readonly lane: number;
  /** What is decided by, with what a claim costs as far as it was asked. */
  readonly rules: () => Payee.Rules;
  /** Takes what a claim costs now, as the currency counts it. */
  readonly setClaimCost: (cost: Amount) => void;
  /** What sends claims; undefined where the tab knows only the payee's address. */
  readonly account: Wallet | undefined;
  /** Fires when the purse is closed. */
  readonly signal: AbortSignal;
  readonly tell: (news: PurseNews) => void;
  /** Told of trouble in the background. */
  readonly trouble: (error: unknown) => void;
  /** `payee.ts` decided that a lane be claimed; not waited for. */
  readonly claim: (lane: LaneLedger, why: Payee.Urge) => void;
}
