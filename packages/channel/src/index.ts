/** The wallet that lives in this browser, for play money. */
export { type Burner, openBurner } from "./burner.ts";
/** The contract on a chain: reading, sending, and what goes wrong. */
export * as Chain from "./chain/chain.ts";
export { ChainError, type ChainReason, type Wallet, type WalletProvider } from "./chain/chain.ts";
/** What is known of each chain: its kind, depth, challenge, caps and tokens. */
export * as Chains from "./chain/chains.ts";
/** A pot's rules and its id. */
export * as Config from "./config.ts";
export { PotError, type PotReason } from "./config.ts";
/** What pots are in, and what gas is worth in it. */
export * as Currency from "./currency.ts";
/** The worker's purse. */
export { type OpenPurseOptions, openPurse } from "./payee/open-purse.ts";
/** The worker's side of a lane: what to accept, when to claim. */
export * as Payee from "./payee/payee.ts";
/** A payee's signed word that a worker's peer key works for it. */
export * as PayeeProof from "./payee-proof.ts";
export { PayeeProofError, type PayeeProofReason } from "./payee-proof.ts";
/** The broadcaster's purse for one stream. */
export {
  type OpenPotOptions,
  openPot,
  type RecoverPotOptions,
  type ResumePotOptions,
  recoverPot,
  resumePot,
} from "./payer/open-pot.ts";
/** The broadcaster's side of a pot: what to sign next. */
export * as Payer from "./payer/payer.ts";
export { type StoredPot, unsettled } from "./payer/pot-record.ts";
/** What a lane's number leaves to watchtowers. */
export * as Share from "./share.ts";
/** Books that survive a closed tab. */
export { indexedDb } from "./store/indexed-db.ts";
/** Books that do not. */
export { memory } from "./store/memory.ts";
/** Whether the browser keeps these books when its disk fills. */
export { persistentStorage } from "./store/persistence.ts";
export { type Change, type Json, type Store, StoreError, type StoreReason } from "./store/store.ts";
export type * from "./types.ts";
/** Signed cumulative payments. */
export * as Voucher from "./voucher.ts";
export { VoucherError, type VoucherReason } from "./voucher.ts";
/** Other workers' last vouchers, claimed for them when they cannot. */
export { WatchtowerError } from "./watchtower/delegated.ts";
export {
  type OpenWatchtowerOptions,
  openWatchtower,
  type Watchtower,
} from "./watchtower/watchtower.ts";
/** Vouchers and pots as protocol messages carry them. */
export * as Wire from "./wire.ts";
