import { systemClock } from "@tabcast/runtime";
import { privateKeyToAccount } from "viem/accounts";
import { separator } from "../src/config.ts";
import type { PurseParts } from "../src/payee/parts.ts";
import { memory } from "../src/store/memory.ts";
import type { Hex, PotConfig } from "../src/types.ts";
import type { Ledger } from "./ledger.ts";

/** Who is paid, and who signs vouchers, in tests of a purse's parts. */
export const worker = privateKeyToAccount(`0x${"33".repeat(32)}`);
export const signer = privateKeyToAccount(`0x${"22".repeat(32)}`);
/** The lane of the tab under test. */
export const LANE = 7;

/** One of any number of pots, which leave 900 seconds to claim. */
export const potConfig = (n: number, more: Partial<PotConfig> = {}): PotConfig => ({
  payer: signer.address,
  signer: signer.address,
  token: `0x${"00".repeat(20)}`,
  challengePeriod: 900,
  salt: `0x${n.toString(16).padStart(64, "0")}` as Hex,
  ...more,
});

/** What a purse's parts share, over a chain and a store in this process; nobody is told anything unless `more` says so. */
export const purseParts = (chain: Ledger, more: Partial<PurseParts> = {}): PurseParts => ({
  chain,
  clock: systemClock,
  domain: chain.domain,
  domainSeparator: separator(chain.domain),
  store: memory(),
  payee: worker.address,
  lane: LANE,
  account: undefined,
  signal: new AbortController().signal,
  rules: () => ({}),
  tell: () => {},
  claim: () => {},
  trouble: () => {},
  setClaimCost: () => {},
  ...more,
});
