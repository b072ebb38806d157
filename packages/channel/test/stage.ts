import { type Amount, type Clock, systemClock } from "@tabcast/runtime";
import { expect } from "vitest";
import { type OpenPurseOptions, openPurse } from "../src/payee/open-purse.ts";
import { type OpenPotOptions, openPot, resumePot } from "../src/payer/open-pot.ts";
import { type MemoryStore, memory } from "../src/store/memory.ts";
import type { PayerPot, Purse, SettleProgress, SignedVoucher } from "../src/types.ts";
import type { Anvil } from "./anvil.ts";

/** Polls the chain often instead of every second: what is waited for is our own jump of its clock. */
export const impatient: Clock = {
  ...systemClock,
  sleep: (ms, options) => systemClock.sleep(ms > 2000 ? ms : Math.min(ms, 20), options),
};

/** A broadcaster of account 0 and a worker of account 1 on a chain, with books in memory. */
export function stage(net: Anvil, signal: AbortSignal) {
  return {
    funded: (more: Partial<OpenPotOptions> = {}) =>
      openPot({
        domain: net.domain,
        rpc: net.rpc,
        payer: net.accounts[0],
        deposit: (10n ** 15n) as Amount,
        challengePeriod: 900,
        store: memory(),
        clock: impatient,
        signal,
        ...more,
      }),
    working: (more: Partial<OpenPurseOptions> = {}) =>
      openPurse({
        payee: net.accounts[1].address,
        account: net.accounts[1],
        domain: net.domain,
        rpc: net.rpc,
        store: memory(),
        signal,
        ...more,
      }),
    /** The same pot from its books, without a wallet, as the page settles what an earlier tab left behind. */
    again: (
      { potId }: PayerPot,
      store: MemoryStore,
      more: Partial<Parameters<typeof resumePot>[0]> = {},
    ) =>
      resumePot({ potId, rpc: net.rpc, store: store.share(), signal, clock: impatient, ...more }),
    /** Lets the chain's clock jump over the challenge as soon as settling waits for it. */
    jump:
      (steps: SettleProgress["step"][] = []) =>
      (p: SettleProgress) => {
        if (steps.at(-1) !== p.step) steps.push(p.step);
        if (p.step === "waiting") void net.warp(p.until - p.now);
      },
    /** Work worth `amount` wei: delivered, verified, paid by voucher. */
    async earn(pot: PayerPot, purse: Purse, amount: bigint): Promise<SignedVoucher> {
      await purse.trust(pot.domain, pot.config, { signal });
      await purse.accrue(pot.potId, amount as Amount);
      const voucher = await pot.pay(purse, amount as Amount);
      expect(await purse.accept(voucher)).toEqual({ credited: amount });
      return voucher;
    },
  };
}
