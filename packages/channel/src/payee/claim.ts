import type { Wei } from "@tabcast/runtime";
import { isAddressEqual } from "viem";
import { ChainError, type Waits, type Wallet } from "../chain/chain.ts";
import type { LaneLedger } from "./lane-ledger.ts";
import type { PurseParts } from "./parts.ts";
import * as Payee from "./payee.ts";

/** Gas of a claim of one voucher into a fresh lane and credit, with room. Source: the contract's gas snapshot. */
const CLAIM_GAS = 120_000n;

/** Brings a lane's highest voucher to the chain, if it is worth anything there; in the lane's queue. Wei that were paid. */
async function claimLane(
  { chain, payee, lane, tell }: PurseParts,
  ledger: LaneLedger,
  wallet: Wallet,
  waits: Waits,
): Promise<Wei> {
  await ledger.refresh(waits);
  const { potId, highest } = ledger;
  if (!highest || Payee.claimable(ledger.book) === 0n) return 0n as Wei;
  const { events } = await chain.claim(wallet, ledger.config, [highest], waits);
  let paid = 0n;
  for (const event of events)
    if (event.type === "claimed" && event.lane === lane && isAddressEqual(event.payee, payee))
      paid += event.paid;
    else if (event.type === "bounced" && event.lane === lane)
      tell({ type: "bounced", potId, shortfall: event.shortfall });
  tell({ type: "claimed", potId, paid: paid as Wei });
  await ledger.refresh(waits);
  return paid as Wei;
}

/** Claims a lane for more than the gas costs: what is not claimed now may be lost. Throws ChainError, StoreError. */
export async function claimIfWorthIt(parts: PurseParts, ledger: LaneLedger): Promise<void> {
  const { account, chain, signal } = parts;
  if (!account) return;
  const cost = CLAIM_GAS * (await chain.gasPrice({ signal }));
  await ledger.queue.run(async () => {
    if (Payee.claimable(ledger.book) > cost) await claimLane(parts, ledger, account, { signal });
  });
}

/** Claims every lane that has something to claim, whatever it costs; tells of trouble after the last. Wei that were paid. */
export async function claimAll(
  parts: PurseParts,
  ledgers: Iterable<LaneLedger>,
  wallet: Wallet,
  waits: Waits,
): Promise<Wei> {
  let paid = 0n;
  let failure: unknown;
  for (const ledger of ledgers) {
    await ledger.queue.run(() => ledger.refreshUntilSure(waits));
    if (Payee.claimable(ledger.book) === 0n) continue;
    try {
      paid += await ledger.queue.run(() => claimLane(parts, ledger, wallet, waits));
    } catch (error) {
      waits.signal.throwIfAborted();
      // A pot that somebody finalized in between has nothing for us.
      if (!isFinal(error)) failure ??= error;
    }
  }
  if (failure !== undefined) throw failure;
  return paid as Wei;
}

function isFinal(error: unknown): boolean {
  return (
    error instanceof ChainError &&
    error.reason.code === "CHAIN_REVERTED" &&
    error.reason.error === "PotIsFinal"
  );
}

/** Sends the payee's whole credit to the payee. Wei that were sent. */
export async function withdraw(
  { chain, payee }: PurseParts,
  wallet: Wallet,
  waits: Waits,
): Promise<Wei> {
  if ((await chain.credit(payee, waits)) === 0n) return 0n as Wei;
  const { events } = await chain.withdraw(wallet, payee, waits);
  let withdrawn = 0n;
  for (const event of events)
    if (event.type === "withdrawn" && isAddressEqual(event.account, payee))
      withdrawn += event.amount;
  return withdrawn as Wei;
}
