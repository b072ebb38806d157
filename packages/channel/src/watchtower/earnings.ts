/**
 * What shares have earned and is still a credit in the contract: it is withdrawn when it is worth the gas, so that an account which
 * pays for claims in the coin that it is paid fills itself again. On disk, because the account may have other credit: a worker's own
 * key keeps what it earned as a worker until its owner withdraws it.
 *
 * Authority: the contract's credit for what is there, this record for how much of it shares earned.
 */
import { type Amount, type Clock, SerialQueue, type Wei } from "@tabcast/runtime";
import { isAddressEqual, zeroAddress } from "viem";
import type { Action, Chain, Waits, Wallet } from "../chain/chain.ts";
import { worth } from "../currency.ts";
import { least } from "../least.ts";
import { DOUBTS } from "../payee/payee.ts";
import { type Store, StoreError } from "../store/store.ts";
import type { Address } from "../types.ts";

/** Gas of a withdrawal to a fresh account. Source: the contract's gas snapshot, 60,518, and 21,000 of any transaction. */
export const WITHDRAW_GAS = 82_000n;
/** A withdrawal is sent for its own sake at this many times its cost: a tenth of it goes for gas at most. */
const TIMES = 10n;
/** Milliseconds that no withdrawal is tried after one failed. */
const AGAIN_MS = 600_000;

/**
 * Whether to withdraw `amount` for `cost`: ten times of that, or anything more than it where the account that it fills could not pay
 * for two claims any more (`low`).
 */
export function worthWithdrawing(amount: Amount, cost: Amount, low: boolean): boolean {
  return low ? amount > cost : amount >= TIMES * cost && amount > 0n;
}

export interface EarningsOptions {
  readonly chain: Chain;
  readonly store: Store;
  readonly clock: Clock;
  /** Pays for the withdrawal. */
  readonly account: Wallet;
  /** Whose credit it is, and where it goes. */
  readonly beneficiary: Address;
  readonly signal: AbortSignal;
  /** Told what was withdrawn, and what that cost. */
  readonly onWithdrawn: (amount: Amount, cost: Wei) => void;
}

export interface Earnings {
  /** What shares have earned that is not withdrawn yet. */
  earned(): Amount;
  /** Adds what a claim earned, on disk first. */
  add(share: Amount): Promise<void>;
  /** Withdraws it if that is worth it; `low`: the account is short of gas. One at a time; a second call meanwhile does nothing. */
  withdraw(gas: { readonly price: Wei; readonly low: boolean }): Promise<void>;
}

/** The earnings as they were left on disk. Throws STORE_CORRUPT. */
export async function openEarnings(options: EarningsOptions): Promise<Earnings> {
  const { chain, store, clock, account, beneficiary, signal, onWithdrawn } = options;
  const { currency } = chain;
  const own = isAddressEqual(account.address, beneficiary);
  const key = `tower-earned/${beneficiary.toLowerCase()}`;
  const queue = new SerialQueue();
  let earned = amountOf(key, await store.get(key));
  let again = Number.NEGATIVE_INFINITY;
  let busy = false;
  /** Looks in a row that showed less credit than shares earned. */
  let doubts = 0;

  const change = (by: (before: Amount) => Amount) =>
    queue.run(async () => {
      const next = by(earned);
      await store.write([[key, next === 0n ? undefined : next.toString()]]);
      earned = next;
    });

  /** An account may send on a part of its own credit; anybody may send all of another's to where it belongs. */
  async function send(amount: Amount, isWorth: (cost: Wei) => boolean, waits: Waits) {
    const { token } = currency;
    const action: Action = own
      ? { do: "withdrawTo", to: beneficiary, token, amount }
      : { do: "withdraw", account: beneficiary, token };
    const { cost } = await chain.quote(account.address, action, waits);
    if (!isWorth(cost)) return;
    const sent = own
      ? await chain.withdrawTo(account, beneficiary, amount, waits)
      : await chain.withdraw(account, beneficiary, waits);
    await change((before) => (before - least(before, amount)) as Amount);
    for (const event of sent.events)
      if (event.type === "withdrawn" && isAddressEqual(event.account, beneficiary))
        onWithdrawn(event.amount, sent.cost);
  }

  return {
    earned: () => earned,
    add: (share) => change((before) => (before + share) as Amount),
    async withdraw({ price, low }) {
      const fills = low && own && isAddressEqual(currency.token, zeroAddress);
      const isWorth = (cost: Wei) => worthWithdrawing(earned, worth(currency, cost), fills);
      if (busy || clock.now() < again || !isWorth((WITHDRAW_GAS * price) as Wei)) return;
      busy = true;
      try {
        const waits = { signal };
        const credit = await chain.credit(beneficiary, waits);
        doubts = credit < earned ? doubts + 1 : 0;
        // A server that lags does not know the last claim yet.
        if (doubts > 0 && doubts < DOUBTS) return;
        // Its owner has withdrawn it already.
        if (doubts > 0) await change((before) => least(before, credit));
        if (earned > 0n) await send(earned, isWorth, waits);
      } catch (error) {
        again = clock.now() + AGAIN_MS;
        throw error;
      } finally {
        busy = false;
      }
    },
  };
}

function amountOf(key: string, value: unknown): Amount {
  if (value === undefined) return 0n as Amount;
  if (typeof value === "string" && /^\d{1,30}$/.test(value)) return BigInt(value) as Amount;
  throw new StoreError({ code: "STORE_CORRUPT", key }, `the record ${key} is unreadable`);
}
