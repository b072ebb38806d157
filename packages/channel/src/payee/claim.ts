import type { Amount } from "@tabcast/runtime";
import { isAddressEqual } from "viem";
import { ChainError, type Waits, type Wallet } from "../chain/chain.ts";
import { worth } from "../currency.ts";
import { unlessAborted } from "../unless-aborted.ts";
import type { LaneLedger } from "./lane-ledger.ts";
import type { PurseParts } from "./parts.ts";
import * as Payee from "./payee.ts";

/** Gas of a claim of one voucher into a fresh lane and credit, with room. Source: the contract's gas snapshot. */
export const CLAIM_GAS = 120_000n;
/** Milliseconds that a claim which nobody asked for may take, a person's answer to the wallet's dialog included. */
const CLAIM_MS = 600_000;
/** Milliseconds until a person who said no to a claim is asked again. */
const ASK_AGAIN_MS = 600_000;

/** A claim under way. */
interface Claiming extends Waits {
  readonly wallet: Wallet;
  /** Whether a claim of what is claimable now goes out. */
  readonly wanted: () => Promise<boolean>;
}

/**
 * Brings a lane's highest voucher to the chain, if it is worth anything there; in the lane's queue of claims. Its events go on
 * meanwhile: a wallet may wait for a person, and the chain may be silent. Amount that were paid.
 */
async function claimLane(
  { chain, payee, tell }: PurseParts,
  ledger: LaneLedger,
  { wallet, wanted, signal }: Claiming,
): Promise<Amount> {
  const waits = { signal };
  await ledger.refresh(waits);
  const { potId, lane, config, highest } = ledger;
  if (!highest || Payee.claimable(ledger.book) === 0n || !(await wanted())) return 0n as Amount;
  const { events } = await unlessAborted(chain.claim(wallet, config, [highest], waits), signal);
  let paid = 0n;
  for (const event of events)
    if (event.type === "claimed" && event.lane === lane && isAddressEqual(event.payee, payee))
      paid += event.paid;
    else if (event.type === "bounced" && event.lane === lane)
      tell({ type: "bounced", potId, shortfall: event.shortfall });
  tell({ type: "claimed", potId, paid: paid as Amount });
  await ledger.refresh(waits);
  return paid as Amount;
}

/**
 * Claims a lane that `payee.ts` wants claimed, for less than it brings: one claim of a lane at a time. A browser's wallet asks a
 * person each time, so it is asked only for what would be lost. Throws ChainError, StoreError; the next look tries again.
 */
export async function claimIfWorthIt(
  parts: PurseParts,
  ledger: LaneLedger,
  why: Payee.Urge,
): Promise<void> {
  const { account, chain, clock, rules } = parts;
  if (!account || ledger.claiming > 0) return;
  const asks = "provider" in account;
  if (asks && (mayWait(why) || clock.now() < ledger.askAgainAt)) return;
  ledger.claiming++;
  const signal = AbortSignal.any([parts.signal, clock.timeout(CLAIM_MS)]);
  const wanted = async () => {
    const { book, chainNow, config, highest } = ledger;
    if (!highest || Payee.urge(book, chainNow, rules()) === undefined) return false;
    const action = { do: "claim", config, vouchers: [highest] } as const;
    const { cost } = await chain.quote(account.address, action, { signal });
    return Payee.claimable(book) > worth(chain.currency, cost);
  };
  try {
    await ledger.claims.run(() => claimLane(parts, ledger, { wallet: account, wanted, signal }));
  } catch (error) {
    // A pot that somebody finalized in between has nothing for us.
    if (isFinal(error)) return;
    if (asks) ledger.askAgainAt = clock.now() + ASK_AGAIN_MS;
    throw error;
  } finally {
    ledger.claiming--;
  }
}

const mayWait = (why: Payee.Urge) => why !== "closing" && why !== "lapsing";

/** Claims every lane that has something to claim, whatever it costs; tells of trouble after the last. Amount that were paid. */
export async function claimAll(
  parts: PurseParts,
  ledgers: Iterable<LaneLedger>,
  wallet: Wallet,
  waits: Waits,
): Promise<Amount> {
  const signal = AbortSignal.any([waits.signal, parts.signal]);
  const wanted = async () => true;
  let paid = 0n;
  let failure: unknown;
  for (const ledger of ledgers) {
    // What the refreshes find is this claim's to bring, and no other's.
    ledger.claiming++;
    try {
      await ledger.refreshUntilSure({ signal });
      if (Payee.claimable(ledger.book) > 0n)
        paid += await ledger.claims.run(() => claimLane(parts, ledger, { wallet, wanted, signal }));
    } catch (error) {
      signal.throwIfAborted();
      // A pot that somebody finalized in between has nothing for us.
      if (!isFinal(error)) failure ??= error;
    } finally {
      ledger.claiming--;
    }
  }
  if (failure !== undefined) throw failure;
  return paid as Amount;
}

function isFinal(error: unknown): boolean {
  return (
    error instanceof ChainError &&
    error.reason.code === "CHAIN_REVERTED" &&
    error.reason.error === "PotIsFinal"
  );
}

/** Sends the payee's whole credit to the payee. Amount that were sent. */
export async function withdraw(
  { chain, payee }: PurseParts,
  wallet: Wallet,
  waits: Waits,
): Promise<Amount> {
  if ((await chain.credit(payee, waits)) === 0n) return 0n as Amount;
  const { events } = await chain.withdraw(wallet, payee, waits);
  let withdrawn = 0n;
  for (const event of events)
    if (event.type === "withdrawn" && isAddressEqual(event.account, payee))
      withdrawn += event.amount;
  return withdrawn as Amount;
}
