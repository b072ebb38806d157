import type { Clock } from "@tabcast/runtime";
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
  readonly lane: number;
  readonly rules: Payee.Rules;
  /** What sends claims; undefined where the tab knows only the payee's address. */
  readonly account: Wallet | undefined;
  /** Fires when the purse is closed. */
  readonly signal: AbortSignal;
  readonly tell: (news: PurseNews) => void;
  /** `payee.ts` decided that a lane be claimed; not waited for. */
  readonly claim: (lane: LaneLedger) => void;
}
