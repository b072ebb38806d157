import { type Clock, toError, type Wei } from "@tabcast/runtime";
import type { Chain, Wallet } from "../chain/chain.ts";
import { PotError, separator } from "../config.ts";
import { FINALIZED } from "../final.ts";
import { Listeners } from "../listeners.ts";
import { StoreError } from "../store/store.ts";
import type { Hex, Purse, PurseNews } from "../types.ts";
import { VoucherError } from "../voucher.ts";
import { accept } from "./accept.ts";
import { claimAll, claimIfWorthIt, withdraw } from "./claim.ts";
import { LaneLedger } from "./lane-ledger.ts";
import type { StoredLane } from "./lane-record.ts";
import type { OpenPurseOptions } from "./open-purse.ts";
import type { PurseParts } from "./parts.ts";
import * as Payee from "./payee.ts";
import { type TrustRules, trust } from "./trust.ts";

interface StartPurseOptions extends OpenPurseOptions {
  readonly clock: Clock;
  readonly chain: Chain;
  readonly lane: number;
  readonly stored: readonly StoredLane[];
  readonly release: () => void;
}

/** Puts an open purse's parts together: its lanes' books, what refreshes them, and the claims. */
export function startPurse(options: StartPurseOptions): Purse {
  const { payee, lane, domain, chain, store, clock, account, release } = options;
  const { minChallenge = 900, minBalance = 1n as Wei, maxFeeBps = 0 } = options;
  const { refresh = 30_000, onProblem = () => {} } = options;
  const listeners = new Listeners<PurseNews>();
  const own = new AbortController();
  const waits = { signal: own.signal };
  const trouble = (error: unknown) => {
    if (!own.signal.aborted) onProblem(toError(error));
  };
  const parts: PurseParts = {
    chain,
    store,
    clock,
    domain,
    domainSeparator: separator(domain),
    payee,
    lane,
    rules: rulesOf(options),
    account,
    signal: own.signal,
    tell: (news) => listeners.tell(news),
    claim: (ledger) => void claimIfWorthIt(parts, ledger).catch(trouble),
  };
  const trusted: TrustRules = { domain, minChallenge, minBalance, maxFeeBps };
  const reopened = options.stored.map((one) => ({ ...one, book: Payee.reopened(one.book) }));
  const ledgers = new Map(reopened.map((one) => [one.potId, new LaneLedger(parts, one)]));

  const ledgerOf = (potId: Hex): LaneLedger => {
    const found = ledgers.get(potId.toLowerCase() as Hex);
    if (found) return found;
    throw new VoucherError(
      { code: "VOUCHER_UNTRUSTED_POT", potId },
      `the pot ${potId} was never checked: refuse its vouchers`,
    );
  };

  const requireAccount = (): Wallet => {
    if (own.signal.aborted) throw new StoreError({ code: "STORE_CLOSED" }, "the purse was closed");
    if (account) return account;
    throw new PotError(
      { code: "PURSE_NO_ACCOUNT", payee },
      `this tab knows only the address ${payee}: connect its wallet to claim and withdraw`,
    );
  };

  async function poll(): Promise<void> {
    for (;;) {
      await clock.sleep(refresh, waits);
      for (const ledger of ledgers.values())
        if (ledger.book.closeAt !== FINALIZED)
          await ledger.queue.run(() => ledger.refresh(waits)).catch(trouble);
    }
  }
  // Ends by the abort in `close`, which is no failure.
  poll().catch(() => undefined);

  return {
    payee,
    lane,
    trust: (offered, config, { signal }) =>
      trust(parts, trusted, ledgers, { offered, config, signal }),
    accrue: async (potId, amount) =>
      void (await ledgerOf(potId).post({ type: "delivered", amount })),
    accept: async (voucher) => ({ credited: await accept(parts, ledgerOf, voucher) }),
    forgive: async (potId, amount) =>
      void (await ledgerOf(potId).post({ type: "forgiven", amount })),
    room: (potId, of) => Payee.room(ledgerOf(potId).book, of),
    highest: (potId) => ledgers.get(potId.toLowerCase() as Hex)?.highest,
    balances: () => balancesOf(ledgers.values()),
    claim: async ({ signal }) => ({
      paid: await claimAll(parts, ledgers.values(), requireAccount(), { signal }),
    }),
    watch: (listener, when) => listeners.add(listener, when),
    withdraw: async ({ signal }) => ({
      withdrawn: await withdraw(parts, requireAccount(), { signal }),
    }),
    async close() {
      if (own.signal.aborted) return;
      own.abort();
      listeners.clear();
      await Promise.all([...ledgers.values()].map(({ queue }) => queue.idle()));
      release();
    },
  };
}

function rulesOf(options: OpenPurseOptions): Payee.Rules {
  const { prepay, softCap, claimMargin, minDelta } = options;
  return {
    ...(prepay !== undefined && { prepay }),
    ...(softCap !== undefined && { softCap }),
    ...(claimMargin !== undefined && { claimMargin }),
    ...(minDelta !== undefined && { minDelta }),
  };
}

function balancesOf(ledgers: Iterable<LaneLedger>): ReturnType<Purse["balances"]> {
  let accrued = 0n;
  let vouchered = 0n;
  let claimed = 0n;
  for (const { book } of ledgers) {
    accrued += book.accrued;
    vouchered += book.highest?.cumulative ?? 0n;
    claimed += book.claimed;
  }
  return { accrued: accrued as Wei, vouchered: vouchered as Wei, claimed: claimed as Wei };
}
